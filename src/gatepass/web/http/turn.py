"""One request to a surface, and its answer: plain values and byte streams in, the same out.

Nothing is buffered here: a chunk is handed on when it comes, and the next is asked for when the last was taken. The
laws. A body that breaks off never looks like one that ended. A reply that fails after its head was sent is cut, never
ended: nobody takes half an answer for a whole one. When the caller goes away, or stands still for too long, the work
is cancelled and its streams are closed, whatever they wait for. One task answers a request, and a small answer leaves
in one piece with its head.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from gatepass.errors import Malformed
from gatepass.gateway.requests import Body, Headers
from gatepass.web.http.heads import answer_head, stated_length
from gatepass.web.http.intake import Intake
from gatepass.web.http.parsing import Head

__all__ = ["Line", "Turn"]

SMALL: Final = 1 << 16
"""Bytes up to which an answer that states its length waits for its first piece, to leave in one."""
GRACE: Final = 0.25
"""Seconds that a surface gets to fail by itself once the body that it reads broke off."""
CHUNKED: Final = b"transfer-encoding: chunked\r\n"
CLOSE: Final = b"connection: close\r\n"
_BODILESS: Final = frozenset({204, 304})


class Line(Protocol):
    """What a turn needs of its connection."""

    @property
    def source(self) -> str:
        """The caller's address as the socket says it. No header is believed."""
        ...

    @property
    def peer_certificate(self) -> bytes | None:
        """The caller's certificate (DER), where the handshake of this connection proved its key."""
        ...

    @property
    def staying(self) -> bool:
        """Whether there may be another request on it."""
        ...

    def date(self) -> bytes:
        """The line that says when."""
        ...

    def write(self, data: bytes) -> None:
        """Send."""
        ...

    async def drained(self) -> None:
        """Return when more may be written. Raises `Gone` when that takes too long."""
        ...

    def over(self, turn: "Turn") -> None:
        """A turn is done with."""
        ...


class _Nothing:
    """The body of a request that announced none."""

    def __aiter__(self) -> "_Nothing":
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


NOTHING: Final = _Nothing()


class Turn:
    """One request and its answer."""

    __slots__ = ("_line", "_serve", "_task", "finished", "gone", "head", "intake", "keep", "started")

    def __init__(
        self, line: Line, head: Head, intake: Intake | None, serve: "Callable[[Turn], Awaitable[None]]"
    ) -> None:
        self._line = line
        self._serve = serve
        self._task: asyncio.Task[None] | None = None
        self.head = head
        self.intake = intake
        self.keep = head.keep_alive
        """Whether the connection can carry another request after this one."""
        self.started = False
        """Whether the head of an answer was sent: from then on nothing else can be said."""
        self.finished = False
        self.gone = False
        """Whether the caller went away."""

    @property
    def source(self) -> str:
        """The caller's address as the socket says it."""
        return self._line.source

    @property
    def peer_certificate(self) -> bytes | None:
        """The caller's certificate (DER), where the handshake of this connection proved its key."""
        return self._line.peer_certificate

    @property
    def body(self) -> Body:
        """What the caller sends."""
        return NOTHING if self.intake is None else self.intake

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """What answers it."""
        return self._task

    async def answer(self, status: int, headers: Headers, body: Body) -> None:
        """Send an answer, piece by piece, and close its source whatever happens. Raises `Gone`."""
        try:
            await self._answer(status, headers, body)
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    def say(self, status: int, headers: Headers, body: bytes) -> None:
        """Send an answer that is there already, unless another one was begun: that is left cut off."""
        if self.started or self.gone:
            return
        head, _ = self._head(status, headers)
        self._write(head + body if self.head.method != "HEAD" else head)
        self.finished = True

    # -- the connection's side

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """It is this request's turn."""
        self._task = loop.create_task(self._run())

    def lost(self, loop: asyncio.AbstractEventLoop) -> None:
        """The caller went away: whoever reads the body is told, everything else is cancelled."""
        self.gone = True
        reading = self.intake is not None and self.intake.reading
        if self.intake is not None:
            self.intake.fail(Malformed("malformed_request", "the connection closed before the body ended"))
        if reading:
            loop.call_later(GRACE, self.cancel)
        else:
            self.cancel()

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self._task is not None and not self.finished:
            self._task.cancel()

    # -- inside

    async def _run(self) -> None:
        try:
            await self._serve(self)
        except asyncio.CancelledError:
            if not self.gone:
                raise
        finally:
            self._line.over(self)

    async def _answer(self, status: int, headers: Headers, body: Body) -> None:
        head, left = self._head(status, headers)
        bare = self.head.method == "HEAD" or status in _BODILESS
        chunked = left is None and self.head.version == "1.1"
        if left is None or left > SMALL:
            await self._send(head)
            head = b""
        async for piece in body:
            if not piece or bare:
                continue
            if left is not None:
                left -= len(piece)
                if left < 0:
                    self.keep = False
                    raise ValueError("the answer is longer than it says")
            await self._send(b"%b%x\r\n%b\r\n" % (head, len(piece), piece) if chunked else head + piece, last=left == 0)
            head = b""
        if left:
            self.keep = False
            raise ValueError("the answer is shorter than it says")
        if not self.finished:
            self.finished = True
            self._write(b"0\r\n\r\n" if chunked else head)

    def _head(self, status: int, headers: Headers) -> tuple[bytes, int | None]:
        """The head, and the length of the body that follows: None where nobody knows."""
        length = stated_length(headers)
        more = [self._line.date()]
        bare = self.head.method == "HEAD" or status in _BODILESS
        if length is None and not bare:
            if self.head.version == "1.1":
                more.append(CHUNKED)
            else:  # where chunks are not understood, the end of the connection is the end of the body
                self.keep = False
        if self.intake is not None and self.intake.awaited:
            self.keep = False  # nobody knows whether the body that was not asked for comes
        if not self.keep or not self._line.staying:
            self.keep = False
            more.append(CLOSE)
        return answer_head(status, headers, *more), 0 if bare else length

    async def _send(self, data: bytes, *, last: bool = False) -> None:
        self.finished = self.finished or last
        self._write(data)
        if not last:
            await self._line.drained()

    def _write(self, data: bytes) -> None:
        self.started = True
        if data and not self.gone:
            self._line.write(data)
