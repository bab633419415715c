"""One connection: requests in, one after the other, and their answers in the same order.

The laws. A request begins when the answer before it is complete, however many came at once. Time is bounded where a
stranger could spend it: until a head is there, between two requests, for the rest of a body that nobody wants, for an
answer that nobody takes. What cannot be read ends the connection, after the answers that are owed. Surfaces are
answered directly; every other path by the ASGI application, through the same reading.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import Final, Protocol, TypeAlias, cast

from starlette.types import ASGIApp

from gatepass.errors import Malformed
from gatepass.web import exchange
from gatepass.web.exchange import Gone
from gatepass.web.http.cycle import Cycle
from gatepass.web.http.heads import answer_head
from gatepass.web.http.intake import HIGH_WATER, Intake
from gatepass.web.http.parsing import Head, RequestParser
from gatepass.web.http.turn import Turn

__all__ = ["Connection", "Direct", "House"]

HEAD_SECONDS: Final = 10.0
"""From the connection, or the first byte of a later request, to the end of the head."""
MOST_PIPELINED: Final = 64
"""Requests that wait for their turn on one connection."""
FLUSH: Final = 10.0
"""Seconds that a caller may take to fetch the last of an answer once the connection is being closed."""

_INVALID: Final = b"Invalid HTTP request received."
_PLAIN: Final = ((b"content-type", b"text/plain; charset=utf-8"),)

_Task: TypeAlias = "Turn | Cycle"


class Direct(Protocol):
    """What answers some paths without ASGI between."""

    def direct(self, path: bytes) -> Callable[[Turn], Awaitable[None]] | None:
        """What answers a path, if it is a surface's."""
        ...


@dataclass(slots=True, kw_only=True)
class House:
    """What all connections share."""

    app: ASGIApp
    direct: Callable[[bytes], Callable[[Turn], Awaitable[None]] | None]
    fault: Callable[[BaseException], None]
    """Told what nobody raised on purpose."""
    most: int
    """Connections at once; one more is answered 503 and closed."""
    keep_alive: float
    """Seconds that an idle connection is kept."""
    loop: asyncio.AbstractEventLoop
    stopping: bool = False
    connections: "set[Connection]" = field(default_factory=set)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    """What goes on although its connection is gone."""
    _second: float = -1.0
    _date: bytes = b""

    def date(self) -> bytes:
        """The `Date` line, made once a second."""
        now = self.loop.time()
        if not 0 <= now - self._second < 1:
            self._second = now
            self._date = b"date: %b\r\n" % formatdate(usegmt=True).encode("ascii")
        return self._date


class Connection(asyncio.Protocol):
    """A connection of a caller's. A `Line` of its turns."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._loop = house.loop
        self._transport: asyncio.Transport | None = None
        self._parser = RequestParser(self)
        self._turn: _Task | None = None
        self._latest: _Task | None = None
        self._queue: deque[_Task] = deque()
        self._broken = False
        self._closing = False
        self._paused = False
        self._full: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._in_head = True
        self.source = ""

    # -- a `Line`

    @property
    def staying(self) -> bool:
        """Whether there may be another request on it."""
        return not self._house.stopping

    @property
    def peer_certificate(self) -> bytes | None:
        """The caller's certificate (DER), where the handshake proved its key."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return cast("bytes | None", tls.getpeercert(binary_form=True)) if tls is not None else None

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken here."""
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    @property
    def ends(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        """The addresses of the caller and of us."""
        return _place(self._transport, "peername"), _place(self._transport, "sockname")

    def date(self) -> bytes:
        """The line that says when."""
        return self._house.date()

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(data)

    async def drained(self) -> None:
        """Return when more may be written. Raises `Gone`, and cuts the caller off, when that takes too long."""
        full = self._full
        if full is None:
            return
        try:
            async with asyncio.timeout(exchange.LONGEST_PAUSE):
                await asyncio.shield(full)
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()
            raise Gone from None

    def over(self, turn: _Task) -> None:
        """A turn is done with: the next one, or a while of waiting for it, or the end."""
        if turn.intake is not None:
            turn.intake.drop()
        if self._transport is None:
            return
        self._turn = None
        if not turn.finished and turn.started and turn.head.version == "1.0":
            _reset(self._transport)  # where the end of the connection is the end of the body, it must not look like one
        elif not turn.finished or not turn.keep or self._house.stopping:
            self._close()
        elif self._queue:
            self._next(self._queue.popleft())
        elif self._broken:
            self._refuse(400, _INVALID)
        else:
            self._arm(HEAD_SECONDS if self._parser.inside and self._parser.on_headers else self._house.keep_alive)
        self._flow()

    # -- the server's side

    def shut(self) -> "asyncio.Task[None] | None":
        """Close as soon as no answer is under way. What is."""
        if self._turn is None:
            self._close()
        return self._turn.task if self._turn is not None else None

    def cut(self) -> None:
        """Give up what is under way."""
        self._queue.clear()
        if self._transport is not None:
            self._transport.abort()

    # -- what the parser says

    def begun(self, head: Head) -> None:
        """A head is complete."""
        self._latest = None
        if len(self._queue) >= MOST_PIPELINED:
            raise ValueError("too many requests at once")
        intake = None
        if head.framed:
            told = partial(self.write, b"HTTP/1.1 100 Continue\r\n\r\n") if head.waits else None
            intake = Intake(self._loop, self._flow, told)
        answers = self._house.direct(head.path)
        turn: _Task
        if answers is not None:
            turn = Turn(self, head, intake, answers)
        else:
            turn = Cycle(self, head, intake, self._house.app, self._house.fault)
        self._latest = turn
        self._in_head = False
        if len(self._house.connections) > self._house.most:
            self._refuse(503, b"Service Unavailable")
        elif self._turn is None:
            self._next(turn)
        else:
            self._queue.append(turn)

    def body(self, data: bytes) -> None:
        """A piece of the body of the last head."""
        if self._latest is not None and self._latest.intake is not None:
            self._latest.intake.feed(data)

    def ended(self) -> None:
        """The request of the last head is complete."""
        if self._latest is not None and self._latest.intake is not None:
            self._latest.intake.end()
        self._latest = None

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by birth
        house = self._house
        house.connections.add(self)
        if len(house.connections) > 2 * house.most or house.stopping:
            self._transport.abort()
            return
        place = _place(self._transport, "peername")
        self.source = place[0] if place else ""
        self._arm(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Something of a request."""
        if self._broken or self._closing:
            return
        if not self._parser.feed(data):
            self._break()
            return
        if self._turn is not None:
            if self._queue or (self._latest is not None and self._latest.intake is not None):
                self._flow()
        elif self._parser.inside and self._parser.on_headers and not self._in_head:
            self._in_head = True
            self._arm(HEAD_SECONDS)

    def eof_received(self) -> None:
        """The caller sends no more: it has gone. Nobody is answered who has hung up half-way."""

    def connection_lost(self, _: Exception | None) -> None:
        """The caller went away."""
        house = self._house
        house.connections.discard(self)
        self._transport = None
        self._parser.close()
        self._queue.clear()
        self._disarm()
        self.resume_writing()
        turn, self._turn = self._turn, None
        self._latest = None
        if turn is not None:
            if turn.task is not None and not turn.task.done():
                house.tasks.add(turn.task)
                turn.task.add_done_callback(house.tasks.discard)
            turn.lost(self._loop)

    def pause_writing(self) -> None:
        """The caller takes no more for now."""
        if self._full is None:
            self._full = self._loop.create_future()

    def resume_writing(self) -> None:
        """It takes more."""
        full, self._full = self._full, None
        if full is not None and not full.done():
            full.set_result(None)

    # -- inside

    def _next(self, turn: _Task) -> None:
        self._turn = turn
        self._deadline = 0.0
        turn.start(self._loop)

    def _break(self) -> None:
        """What came cannot be read. Answers that are owed are given; whoever reads what broke is told."""
        self._broken = True
        latest, self._latest = self._latest, None
        if latest is not None and latest.intake is not None:  # its answer is the last one, and says so
            latest.keep = False
            latest.intake.fail(Malformed("malformed_request", "the body cannot be read"))
        elif self._turn is None:
            self._refuse(400, _INVALID)

    def _refuse(self, status: int, text: bytes) -> None:
        self._broken = True
        more = (b"content-length: %d\r\n" % len(text), b"connection: close\r\n")
        self.write(answer_head(status, _PLAIN, self.date(), *more) + text)
        self._close()

    def _close(self) -> None:
        """Let the last of an answer leave, and end."""
        self._closing = True
        self._parser.close()
        transport = self._transport
        if transport is None:
            return
        transport.close()
        if transport.get_write_buffer_size():
            self._loop.call_later(FLUSH, transport.abort)

    def _flow(self) -> None:
        """Take no more from a caller who is ahead of us, and more from one who is not."""
        if self._transport is None or self._closing:
            return
        latest = self._latest
        ahead = bool(self._queue) or (
            latest is not None and latest.intake is not None and latest.intake.held > HIGH_WATER
        )
        if ahead and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        elif self._paused and not ahead:
            self._paused = False
            self._transport.resume_reading()

    def _arm(self, seconds: float) -> None:
        """Close in so many seconds, unless a request has its turn by then."""
        self._in_head = seconds == HEAD_SECONDS
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > deadline:
            self._disarm()
            self._timer = self._loop.call_at(deadline, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._turn is not None or not self._deadline:
            return
        if self._loop.time() >= self._deadline:
            self._close()
        else:
            self._timer = self._loop.call_at(self._deadline, self._late)


def _reset(transport: asyncio.Transport) -> None:
    """End a connection so that the other side sees that something was wrong."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _place(transport: asyncio.Transport | None, which: str) -> tuple[str, int] | None:
    found = transport.get_extra_info(which) if transport is not None else None
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
