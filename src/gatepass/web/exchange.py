"""One HTTP exchange between the server and a surface: plain values and byte streams in, the same out.

Nothing is buffered here: a chunk is handed on when it comes, and the next is asked for when the last was
taken. Three laws. A body that breaks off never looks like one that ended: whoever reads it gets an error. A
reply that fails after its head was sent is cut, never ended: nobody takes half an answer for a whole one.
When the caller goes away, or stands still for too long, the surface is cancelled and its streams are closed,
whatever they wait for.

Most exchanges are over before anybody could have gone away. So who has gone is looked for only in those that
last, by a timer; one that is over at once costs a timer that never fires.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from gatepass.errors import Malformed
from gatepass.gateway.requests import Body, Headers, Reply, Request
from gatepass.web.certificates import NOBODY, CertificateProxies

__all__ = ["Exchange", "Gone", "Surface", "source_of"]

LONGEST_PAUSE: Final = 60.0
"""Seconds that a caller may pause in the middle of a body, or refuse to take the next part of an answer."""
FIRST_LOOK: Final = 0.05
"""Seconds after which an exchange counts as one that lasts."""
LATER_LOOKS: Final = 0.25


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
class _Side:
    """One direction: how often it has moved, and whether it waits for the caller now."""

    moves: int = 0
    waits: bool = False
    seen: int = -1
    still: float = 0.0
    """Seconds that it has waited without moving, as far as anybody looked."""

    def stands(self, passed: float) -> float:
        """Take note that `passed` seconds went by, and say for how long it has stood still."""
        self.still = self.still + passed if self.waits and self.moves == self.seen else 0.0
        self.seen = self.moves
        return self.still


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
    _unread: bool = False
    """Whether nobody will read the body any more: only then may the watch listen for the caller's going."""
    _stalled: bool = False
    _reading: _Side = field(default_factory=_Side)
    _writing: _Side = field(default_factory=_Side)
    _work: "asyncio.Task[Any] | None" = None
    _timer: asyncio.TimerHandle | None = None
    _watch: "asyncio.Task[None] | None" = None

    def request(self, upstream: str, path: bytes, proxies: CertificateProxies = NOBODY) -> Request:
        """The request as the gateway takes it. Raises `Malformed` where a proxy of ours says what it must not."""
        source = source_of(self.scope)
        headers, certificate = proxies.read(self.scope["headers"], source)
        return Request(
            method=self.scope["method"],
            upstream=upstream,
            path=path,
            query=self.scope["query_string"],
            headers=headers,
            source=source,
            body=self._body() if self._expects_body() else _nothing(),
            certificate=certificate,
            target=self.scope["raw_path"],
        )

    async def relay(self, surface: Surface, request: Request) -> None:
        """Have `surface` answer, and send what it says.

        Raises `Gone` when the caller left before the end, `Malformed` (`too_slow`) when their body stood still.
        """
        await self._watching(self._relay(surface, request))

    async def deliver(self, status: int, headers: Headers, body: Body) -> None:
        """Send an answer to a request whose body was read to its end. Raises `Gone` as `relay` does."""
        self._unread = True
        await self._watching(self._answer(status, headers, body))

    async def _relay(self, surface: Surface, request: Request) -> None:
        reply = await surface.handle(request)
        await self._answer(reply.status, reply.headers, reply.body)

    async def _watching(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` until it is done, or the caller is gone or stands still."""
        self._work = asyncio.current_task()
        self._look_in(FIRST_LOOK)
        try:
            await work
        except asyncio.CancelledError:
            if not (self.gone or self._stalled):
                raise
            if self._work is not None:
                self._work.uncancel()
            if self.gone or self.started:
                raise Gone from None
            raise Malformed("too_slow", f"nothing of the body came for {LONGEST_PAUSE:.0f} seconds") from None
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._watch is not None:
                self._watch.cancel()

    async def _answer(self, status: int, headers: Headers, body: Body) -> None:
        """Send a whole answer, chunk by chunk, and close its source whatever happens."""
        left = _length(headers)
        try:
            self.started = True
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            async for chunk in body:
                if not self._begun:  # whoever answers already without having looked at the body will not read it
                    self._unread = True
                if left is not None:
                    left -= len(chunk)
                if chunk and left != 0:
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                elif chunk:
                    self._finished = True
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": False})
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
        if not self._finished:
            self._finished = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, message: dict[str, Any]) -> None:
        self._writing.waits = True
        await self.send(message)
        self._writing.waits = False
        self._writing.moves += 1

    def _expects_body(self) -> bool:
        """Whether the head announces a body. HTTP/1.1 has no other way to (RFC 9112 section 6.3)."""
        if any(name in _ANNOUNCING for name, _ in self.scope["headers"]):
            return True
        self._unread = True
        return False

    async def _body(self) -> AsyncGenerator[bytes, None]:
        if self._unread:
            raise Malformed("malformed_request", "the body was given up before anybody read it")
        self._begun = True
        try:
            more = True
            while more:
                self._reading.waits = True
                message = await self.receive()
                self._reading.waits = False
                self._reading.moves += 1
                if message["type"] == "http.disconnect":
                    self.gone = True
                    raise Malformed("malformed_request", "the connection closed before the body ended")
                more = message.get("more_body", False)
                if message.get("body"):
                    yield message["body"]
        finally:
            self._reading.waits = False
            self._unread = True

    # -- exchanges that last

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look, seconds)

    def _look(self, passed: float) -> None:
        """Start the watch once the body is done with, and cut whoever stands still."""
        if self._unread and self._watch is None:
            self._watch = asyncio.ensure_future(self._watched())
        if max(self._reading.stands(passed), self._writing.stands(passed)) >= LONGEST_PAUSE:
            self._stalled = True
            self._cancel()
        else:
            self._look_in(min(LATER_LOOKS, LONGEST_PAUSE / 4))

    async def _watched(self) -> None:
        """Wait for the caller to go away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        if not self._finished:
            self.gone = True
            self._cancel()

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()


_ANNOUNCING: Final = frozenset({b"content-length", b"transfer-encoding"})


def _length(headers: Headers) -> int | None:
    """The length that an answer announces. What is no number is the server's to refuse."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


async def _nothing() -> AsyncGenerator[bytes, None]:
    """The body of a request that announced none."""
    no_chunks: tuple[bytes, ...] = ()
    for chunk in no_chunks:
        yield chunk
