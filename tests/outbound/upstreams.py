"""Upstreams on loopback that answer what they are told to, byte for byte, and remember what they were sent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from gatepass.access import SecretId, UpstreamId
from gatepass.registry import Injection, InjectionKind, Upstream, UpstreamKind
from gatepass.vault import Secret

KEY = b"sk_test_51Habc+DEF/ghi=JKLmno"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, "Raw"], Awaitable[None]]

BEARER = Injection(InjectionKind.HEADER, "Authorization", "Bearer ")
IN_QUERY = Injection(InjectionKind.QUERY, "api_key")


@dataclass(slots=True)
class Raw:
    """A server of raw sockets."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a request has been read."""
    connections: int = 0
    closed: int = 0

    @property
    def target(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def upstream(self, *, path: str = "", injection: Injection | None = BEARER, host: str = "127.0.0.1") -> Upstream:
        return Upstream(
            id=UpstreamId("ups_1"),
            name="orders",
            kind=UpstreamKind.REST,
            target=f"http://{host}:{self.port}{path}",
            operations="",
            secret=SecretId("sec_1"),
            injection=injection,
        )

    def secret(self, value: bytes = KEY) -> Secret:
        return Secret(SecretId("sec_1"), f"http://127.0.0.1:{self.port}", bytearray(value))

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One request: its head is kept, its body too."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        body = b""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                body = await reader.readexactly(int(value))
            elif name.lower() == b"transfer-encoding":
                while size := int(await reader.readline(), 16):
                    body += await reader.readexactly(size)
                    await reader.readline()
                await reader.readline()
        self.bodies.append(body)
        self.arrived.set()
        return head


def answering(*answers: bytes, pause: float = 0.0) -> Script:
    """Answers each request with the next of `answers`, the last again and again."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        left = list(answers)
        while True:
            await raw.read(reader)
            answer = left.pop(0) if len(left) > 1 else left[0]
            await asyncio.sleep(pause)
            writer.write(answer)
            await writer.drain()

    return script


def plain(body: bytes, *, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), headers, body)


@asynccontextmanager
async def serving(script: Script, *, tls: SSLContext | None = None) -> AsyncGenerator[Raw, None]:
    raw = Raw()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        raw.connections += 1
        try:
            await script(reader, writer, raw)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            raw.closed += 1
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
