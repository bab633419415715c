"""The HTTP server: uvicorn with llhttp, bounded where it is not bounded by itself.

uvicorn limits neither the size of a request's head nor the time that one may take to arrive. Here both have
bounds, so that a stranger who sends a head without end, or one byte a minute, costs a little memory for a few
seconds. It also adds the trailer fields of a chunked body to the head, even after the head was judged: here
they are dropped (RFC 9110 section 6.5.1 allows it). The address of a caller is the socket's: no forwarding
header is believed. Nothing is logged of a request, because its path and headers may hold what must not be
written down.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Bounds", "loop_factory", "serve"]

LARGEST_HEAD: Final = 32 * 1024
"""Bytes of request line and header fields together."""
LARGEST_TARGET: Final = 8 * 1024
"""Bytes of the request target: path and query."""
MOST_FIELDS: Final = 100
HEAD_SECONDS: Final = 10.0
"""From the connection, or the first byte of a later request, to the end of the head."""

_ORIGIN_FORM: Final = re.compile(rb"/[\x21-\x22\x24-\x7e]*")
"""RFC 9112 section 3.2.1. No fragment, no white space, nothing beyond ASCII; absolute forms are for proxies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much, and how long."""

    connections: int = 1000
    """Connections at once; one more is answered 503 and closed."""
    keep_alive: int = 30
    """Seconds that an idle connection is kept."""
    graceful: int = 5
    """Seconds that answers under way may take when the server stops; then they are cut."""


class _Refused(Exception):
    """The head is not acceptable. Raised inside the parser, which makes it a plain 400."""


class _BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds on the head."""

    _head: int = 0
    _in_head: bool = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._in_head = True
        self._arm()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)
        if len(self.url) > LARGEST_TARGET:
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if len(self.headers) >= MOST_FIELDS:
            raise _Refused
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._disarm()
        self._in_head = False
        if not _ORIGIN_FORM.fullmatch(self.url):
            raise _Refused
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > LARGEST_HEAD:
            raise _Refused

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to whoever started it and says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._listening()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop there is here: uvloop's where it is installed."""
    return uvicorn.Config(_nothing, log_config=None).get_loop_factory()


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    stop: asyncio.Event,
    *,
    listening: Callable[[], None] = lambda: None,
    bounds: Bounds | None = None,
) -> None:
    """Serve `app` on bound sockets until `stop` is set, then finish what is under way and return.

    `listening` is called once, when the first request can be answered.
    """
    bounds = bounds or Bounds()
    config = uvicorn.Config(
        app,
        http=_BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=bounds.connections,
        timeout_keep_alive=bounds.keep_alive,
        timeout_graceful_shutdown=bounds.graceful,
    )
    server = _Server(config, listening)
    stopping = asyncio.ensure_future(_stopped(stop, server))
    try:
        await server.serve(sockets=list(sockets))
    finally:
        stopping.cancel()
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=bounds.graceful)


async def _stopped(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


async def _nothing(*_: object) -> None:
    """An application that is never called."""
