"""One connection to an upstream: bytes out and in, under back-pressure and one clock.

It knows of one request at a time. Whoever waits on it waits with a deadline, kept by a single timer that is moved
and not made anew for each wait. What went wrong is said once, as the `UpstreamFailed` that the door owes its
callers, without a word of any library's.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, cast

from gatepass.errors import Error, UpstreamFailed
from gatepass.outbound.http.parsing import GarbledError, Reading

__all__ = ["Connection"]

READ_AHEAD: Final = 1 << 16
"""Bytes of an answer that are held for a slow reader before the upstream is made to wait."""
KEPT_ALIVE: Final = 4.0
"""Seconds. Common servers close after five: a request must not meet a connection that is just closing."""


class Connection(asyncio.Protocol):
    """An open connection. `peek` is the socket beneath: what the loop has not read yet is seen on it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, peek: socket.socket) -> None:
        self.reading = Reading()
        self.failure: Error | None = None
        """Why no answer, or no more of it, will come."""
        self.full = False
        """Whether what was written has to leave before more is."""
        self._loop = loop
        self._peek = peek
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._draining: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._idle: Callable[[], None] | None = None

    # -- one request

    def fit(self) -> bool:
        """Whether a request may leave here: nothing unasked has arrived, read or not, and neither end has closed."""
        self._idle = None
        if self.reading.tainted or self._transport is None or self._transport.is_closing():
            return False
        try:
            self._peek.recv(1, socket.MSG_PEEK)  # something that nobody asked for, or the end
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def begin(self, first: bytes, *, to_head: bool) -> None:
        """Send the beginning of a request, perhaps all of it."""
        self.reading.begin(to_head=to_head)
        self.failure = None
        self.write(first)

    def write(self, data: bytes) -> None:
        """Send more of it."""
        if self._transport is not None:
            self._transport.write(data)

    @property
    def empty(self) -> bool:
        """Whether all that was written has left."""
        return self._transport is not None and not self._transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return when more may be written. Whoever waits is cancelled when the connection ends."""
        if self.full:
            self._draining = self._loop.create_future()
            try:
                await self._draining
            finally:
                self._draining = None

    async def moved(self, until: float) -> None:
        """Return when something has arrived or failed, or at the end of the loop's time `until`."""
        self._waiting = self._loop.create_future()
        self.hurry(until)
        try:
            await self._waiting
        finally:
            self._waiting = None
            self._deadline = 0.0

    def hurry(self, until: float) -> None:
        """Move the deadline of whoever waits."""
        self._deadline = until
        if self._timer is None or self._timer.when() > until:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(until, self._late)

    def taken(self) -> None:
        """The reader has taken what was here: let the upstream go on."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def keep(self, forget: Callable[[], None]) -> None:
        """Wait for the next request, for a short while; `forget` is called when there must not be another."""
        self._idle = forget
        self.hurry(self._loop.time() + KEPT_ALIVE)

    def fail(self, failure: Error) -> None:
        """No more of the answer will come, for this reason; the first one counts."""
        if self.failure is None:
            self.failure = failure
        self._wake()

    def cut(self) -> None:
        """End it now. Whoever waits is told."""
        self.fail(UpstreamFailed("upstream_garbled", "the upstream's answer was given up"))
        if self._transport is not None:
            self._transport.abort()
        self._let_go()

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by birth

    def data_received(self, data: bytes) -> None:
        """Something of an answer; or, between two, something that nobody asked for."""
        reading = self.reading
        try:
            reading.feed(data)
        except GarbledError:
            self.fail(UpstreamFailed("upstream_garbled", "the upstream's answer is not HTTP, or has no bounds"))
        if self._idle is not None:
            self.cut()
            return
        if reading.held > READ_AHEAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The upstream will say no more."""
        self._broken(in_order=True)

    def connection_lost(self, _: Exception | None) -> None:
        """It is gone."""
        self._broken(in_order=False)
        self._transport = None
        self._let_go()

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self.full = True

    def resume_writing(self) -> None:
        """It takes more."""
        self.full = False
        if self._draining is not None and not self._draining.done():
            self._draining.set_result(None)

    # -- inside

    def _broken(self, *, in_order: bool) -> None:
        reading = self.reading
        if not reading.ended and not (in_order and reading.finish()):
            if reading.headed:
                self.fail(UpstreamFailed("upstream_garbled", "the upstream's answer broke off or could not be read"))
            else:
                self.fail(UpstreamFailed("upstream_lost", "the connection to the upstream was lost before its answer"))
        reading.tainted = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _late(self) -> None:
        """The timer fires: at a deadline, or at an earlier one that was moved since."""
        self._timer = None
        if self._idle is not None and self._loop.time() >= self._deadline:
            self.cut()
        elif self._waiting is not None or self._idle is not None:
            if self._loop.time() >= self._deadline:
                self._wake()
            else:
                self._timer = self._loop.call_at(self._deadline, self._late)

    def _let_go(self) -> None:
        """Nothing is left to be done here."""
        self.reading.drop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._draining is not None:
            self._draining.cancel()
        forget, self._idle = self._idle, None
        if forget is not None:
            forget()
