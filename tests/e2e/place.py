"""A real `gatepass up` in a process of its own, a person who has signed in, and an upstream that notes what reaches it.

The upstream answers REST and MCP (2026-07-28) from one port, in the test's own process: when a request
arrives is measured with the same clock as when a revocation was answered.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.bearers import bearers

from gatepass.client import Management, Transport

OPERATIONS = """
types:
  things:
    actions:
      get: {class: read}
      take: {class: write}
      call: {class: read}
rest:
  - {match: "GET /things/{thing}", action: "things:get", resource: path.thing}
  - {match: "POST /things/{thing}", action: "things:take", resource: path.thing}
"""
TOOLS = """
types:
  tools:
    actions:
      call: {class: read}
mcp:
  tools:
    touch: {action: "tools:call", resource: arguments.thing}
"""
KEY = "sk_live_the_real_key_of_the_upstream"
ERA = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "e2e", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Upstream:
    """Notes the time and name of every thing that is touched."""

    port: int = 0
    touched: list[tuple[float, str]] = field(default_factory=list)
    pause: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                assert f"Bearer {KEY}".encode() in head
                answer = self.answer(head.split(b"\r\n")[0].decode(), body)
                if self.pause:
                    await asyncio.sleep(self.pause)
                text = json.dumps(answer).encode()
                kind = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                writer.write(kind + b"content-length: %d\r\n\r\n" % len(text) + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def answer(self, line: str, body: bytes) -> Any:
        method, path, _ = line.split(" ")
        if not path.startswith("/mcp"):
            self.touched.append((time.monotonic(), path.removeprefix("/things/")))
            return {"method": method, "ok": True}
        message = json.loads(body)
        result: dict[str, Any] = {"resultType": "complete"}
        if message["method"] == "server/discover":
            result |= {"supportedVersions": [ERA], "capabilities": {"tools": {}}, "serverInfo": META_SERVER}
        elif message["method"] == "tools/list":
            schema = {"type": "object", "properties": {"thing": {"type": "string"}}}
            result |= {"tools": [{"name": "touch", "inputSchema": schema}], "ttlMs": 0, "cacheScope": "private"}
        else:
            self.touched.append((time.monotonic(), message["params"]["arguments"]["thing"]))
            result |= {"content": [{"type": "text", "text": "touched"}]}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}


META_SERVER = {"name": "things", "version": "1"}


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    noting = Upstream()
    server = await asyncio.start_server(noting.serve, "127.0.0.1", 0)
    noting.port = server.sockets[0].getsockname()[1]
    try:
        yield noting
    finally:
        server.close()


@dataclass
class Place:
    """A running deployment."""

    process: "subprocess.Popen[bytes]"
    agents_url: str
    people_url: str
    code: str | None
    data: Path
    open: list[Transport] = field(default_factory=list)
    session: str = ""
    """The token of whoever signed in last."""

    @contextmanager
    def as_holder(self, token: str) -> Iterator[Management]:
        """The management API, as whoever holds `token`."""
        with Transport(self.people_url, token) as transport:
            yield Management(transport)

    @property
    def agents_port(self) -> int:
        return int(self.agents_url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEPASS_")}
    return {**kept, "HOME": str(folder), **more}


@contextmanager
def running(folder: Path, *command: str, **settings: str) -> Iterator[Place]:
    """`gatepass up` on a free port, or `command` before its options; ended with the block, by its id."""
    begin = command or (sys.executable, "-m", "gatepass", "up")
    arguments = [*begin, "--json", "--data", str(folder / "data"), "--port", "0"]
    with (folder / "up.log").open("ab") as log:
        process = subprocess.Popen(
            arguments, env=environment(folder, **settings), stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "up.log").read_text()
        said = json.loads(line)
        place = Place(process, said["agents_url"], said["people_url"], said["sign_in_code"], folder / "data")
        try:
            yield place
        finally:
            for transport in place.open:
                transport.close()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


PASSWORD = "a password of many letters"


def signed_in(place: Place) -> Management:
    """The founder, by code the first time and by password afterwards."""
    said = {"name": founder(), "password": PASSWORD} if place.code is None else {"code": place.code}
    with Transport(place.people_url) as stranger:
        session = Management(stranger).sign_in(said)
    place.session = str(session["token"])
    place.open.append(Transport(place.people_url, place.session))
    management = Management(place.open[-1])
    if place.code is not None:
        management.set_password(PASSWORD)
    return management


def founder() -> str:
    import pwd  # noqa: PLC0415 - only here

    return pwd.getpwuid(os.geteuid()).pw_name


def furnished(management: Management, port: int) -> None:
    """Both upstreams at one port, their secret, a role and an agent."""
    header = {"kind": "header", "name": "authorization", "prefix": "Bearer "}
    for name, kind, path, operations in (("things", "rest", "", OPERATIONS), ("tools", "mcp-http", "/mcp", TOOLS)):
        management.create(
            "upstreams",
            {
                "name": name,
                "kind": kind,
                "target": f"http://127.0.0.1:{port}{path}",
                "operations": operations,
                "injection": header,
            },
        )
        management.create("secrets", {"name": f"{name}-key", "upstream": name, "value": KEY})
    management.replace("roles", "worker", {"scopes": ("things:*", "tools:*"), **bearers()})
    management.create("agents", {"name": "bot", "role": "worker"})


def token_for(management: Management, thing: str, **limits: Any) -> Mapping[str, Any]:
    """A token for one thing, on both surfaces."""
    said: dict[str, Any] = {
        "agent": "bot",
        "name": thing,
        "scopes": (f"things:get:{thing}", f"things:take:{thing}", f"tools:call:{thing}"),
        "lifetime_seconds": Decimal(3600),
    }
    if limits:
        said["limits"] = limits
    return management.create("tokens", said)


class Line:
    """One keep-alive connection of an agent, speaking as little HTTP as it can."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.head = b""
        """The last answer's, in lower case."""
        self.decision = ""
        """The id of the last answer's decision."""
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def rest(self, token: str, thing: str, method: str = "GET") -> tuple[int, bytes]:
        return await self.ask(method, f"/u/things/things/{thing}", token, b"")

    async def mcp(self, token: str, thing: str) -> tuple[int, bytes]:
        params = {"name": "touch", "arguments": {"thing": thing}, "_meta": META}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        said = (
            f"MCP-Protocol-Version: {ERA}\r\nMcp-Method: tools/call\r\nMcp-Name: touch\r\n"
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        )
        return await self.ask("POST", "/mcp/tools", token, json.dumps(message).encode(), said)

    async def ask(self, method: str, path: str, token: str, body: bytes, more: str = "") -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.reader is not None
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n{more}{length}\r\n"
        self.writer.write(head.encode() + body)
        try:
            answer = await self.reader.readuntil(b"\r\n\r\n")
            self.head = answer.lower()
            content = await self._content(self.head)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            raise ConnectionResetError from None
        told = re.search(rb"gatepass-decision: *(\S+)", answer, re.IGNORECASE)
        self.decision = told[1].decode() if told else ""
        return int(answer.split(b" ")[1]), content

    async def _content(self, head: bytes) -> bytes:
        assert self.reader is not None
        if length := re.search(rb"content-length: *(\d+)", head):
            return await self.reader.readexactly(int(length[1]))
        content = b""
        while size := int((await self.reader.readuntil(b"\r\n")).strip() or b"0", 16):
            content += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return content

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
