"""One HTTP exchange between the server and a surface: plain values and byte streams in, the same out.

Nothing is buffered here: a chunk is handed on when it comes, and the next is asked for when the last was
taken. Three laws. A body that breaks off never looks like one that ended: whoever reads it gets an error. A
reply that fails after its head was sent is cut, never ended: nobody takes half an answer for a whole one.
When the caller goes away the surface is cancelled at once, and its streams are closed, whatever they wait
for.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from gatepass.errors import Malformed
from gatepass.gateway.requests import Body, Headers, Reply, Request

__all__ = ["Exchange", "Gone", "Surface", "source_of"]

LONGEST_PAUSE: Final = 60.0
"""Seconds that a caller may pause in the middle of a body, or refuse to take the next part of an answer."""


class Surface(Protocol):
    """What answers requests to upstreams: the gateway's REST and MCP doors."""

    async def handle(self, request: Request, /) -> Reply:
        """Answer, or raise an `Error`. The reply's body is read once, to its end or closed early."""
        ...


class Gone(Exception):
    """The caller went away, so there is nobody left to answer."""


def source_of(scope: Scope) -> str:
    """The caller's address as the socket says it. No header is believed."""
    client = scope.get("client")
    return str(client[0]) if client else ""


@dataclass(slots=True)
class Exchange:
    """One request and its answer."""

    scope: Scope
    receive: Receive
    send: Send
    started: bool = False
    """Whether the head of an answer was sent: from then on nothing else can be said."""
    gone: bool = False
    """Whether the caller went away."""
    _finished: bool = False
    _begun: bool = False
    _unread: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once nobody will read the body any more: from then on the watch may listen for the caller's going."""

    def request(self, upstream: str, path: bytes) -> Request:
        """The request as the gateway takes it."""
        return Request(
            method=self.scope["method"],
            upstream=upstream,
            path=path,
            query=self.scope["query_string"],
            headers=tuple((name.lower(), value) for name, value in self.scope["headers"]),
            source=source_of(self.scope),
            body=self._body() if self._expects_body() else _nothing(),
        )

    async def relay(self, surface: Surface, request: Request) -> None:
        """Have `surface` answer, and send what it says. Raises `Gone` when the caller left before the end."""
        work = asyncio.current_task()
        watch = asyncio.ensure_future(self._watch(work.cancel if work else lambda: False))
        try:
            if not self._expects_body():
                self._unread.set()
            reply = await surface.handle(request)
            await self.answer(reply.status, reply.headers, reply.body)
        except asyncio.CancelledError:
            if not self.gone:
                raise
            if work:
                work.uncancel()
            raise Gone from None
        finally:
            watch.cancel()

    async def answer(self, status: int, headers: Headers, body: Body) -> None:
        """Send a whole answer, chunk by chunk, and close its source whatever happens."""
        async with aclosing(_closable(body)) as chunks:
            self.started = True
            await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})
            async for chunk in chunks:
                if not self._begun:  # whoever answers already without having looked at the body will not read it
                    self._unread.set()
                if chunk:
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._finished = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(LONGEST_PAUSE):
                await self.send(message)
        except TimeoutError:
            raise Gone from None

    def _expects_body(self) -> bool:
        """Whether the head announces a body. HTTP/1.1 has no other way to (RFC 9112 section 6.3)."""
        return any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.scope["headers"])

    async def _body(self) -> AsyncGenerator[bytes, None]:
        if self._unread.is_set():
            raise Malformed("malformed_request", "the body was given up before anybody read it")
        self._begun = True
        try:
            more = True
            while more:
                message = await self._next()
                if message["type"] == "http.disconnect":
                    self.gone = True
                    raise Malformed("malformed_request", "the connection closed before the body ended")
                more = message.get("more_body", False)
                if message.get("body"):
                    yield message["body"]
        finally:
            self._unread.set()

    async def _next(self) -> Any:  # noqa: ANN401  ASGI's messages are dictionaries of anything
        try:
            async with asyncio.timeout(LONGEST_PAUSE):
                return await self.receive()
        except TimeoutError:
            raise Malformed("too_slow", f"nothing of the body came for {LONGEST_PAUSE:.0f} seconds") from None

    async def _watch(self, cancel: Callable[[], bool]) -> None:
        """Wait until nobody reads the body any more, and then for the caller to go away."""
        await self._unread.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if not self._finished:
            self.gone = True
            cancel()


async def _nothing() -> AsyncGenerator[bytes, None]:
    """The body of a request that announced none."""
    no_chunks: tuple[bytes, ...] = ()
    for chunk in no_chunks:
        yield chunk


async def _closable(body: Body) -> AsyncGenerator[bytes, None]:
    """`body` as a generator, so that it can be closed; closing it closes `body`, if that can be."""
    try:
        async for chunk in body:
            yield chunk
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
