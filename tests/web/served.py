"""An application served for real, on a free port, in its own thread and event loop; and a socket to talk to it raw."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from gatepass.gateway.requests import Reply, Request
from gatepass.web.serving import Bounds, serve

AGENTS = "127.0.0.1"
PEOPLE = "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over a raw socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def running(app: ASGIApp, bounds: Bounds | None = None) -> Iterator[int]:
    """Serve `app` until the block ends; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the real one
    port = int(listener.getsockname()[1])
    listening = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await serve(app, [listener], stop, listening=listening.set, bounds=bounds)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert listening.wait(10), "the server did not come up"
    try:
        yield port
    finally:
        loop, stop = loops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def ask(port: int, text: bytes, method: str = "GET") -> Answer:
    """Send `text` as it is and read one whole answer."""
    with dial(port) as connection:
        connection.sendall(text)
        return read_answer(connection, method)


def get(port: int, target: str, host: str = AGENTS, method: str = "GET", *lines: str) -> Answer:
    """One request with nothing in it that the test did not put there."""
    head = "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/1.1", f"Host: {host}", *lines))
    return ask(port, head.encode("latin-1") + b"\r\n", method)


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.decode().lower()] = value.strip().decode("latin-1")
    body = b""
    if method == "HEAD" or status in {204, 304}:
        pass
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(stream.readline() or b"0", 16):
            body += stream.read(size)
            stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return Answer(status, headers, body)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class Echo:
    """A surface that says what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def handle(self, request: Request) -> Reply:
        body = b"".join([chunk async for chunk in request.body])
        told = [self.name.encode(), request.upstream.encode(), request.path, request.query, request.source.encode()]
        return Reply(200, ((b"content-type", b"text/plain"),), chunks(b"|".join(told), b"|", body))
