"""The body of one request as it arrives: read piece by piece, and never taken for whole when it was not.

The laws. Who does not read makes the caller wait. A body that breaks off, cannot be read or stands still ends in an
error for whoever reads it. Once nobody will read it, what still comes is dropped.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from gatepass.errors import Malformed

__all__ = ["Intake"]

HIGH_WATER: Final = 65_536
"""Bytes that are held before the caller is made to wait."""
LONGEST_PAUSE: Final = 60.0
"""Seconds that a caller may pause in the middle of a body."""


class Intake:
    """A body. Iterated by one reader at a time. `flow` is called when what is held has changed."""

    __slots__ = ("_failure", "_flow", "_loop", "_pieces", "_reader", "_timer", "_told", "complete", "dropped", "held")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, flow: Callable[[], None], told: Callable[[], None] | None
    ) -> None:
        """`told` tells a caller that waits for it to send the body."""
        self._loop = loop
        self._flow = flow
        self._told = told
        self._pieces: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: Malformed | None = None
        self.held = 0
        self.complete = False
        """Whether all of it has arrived."""
        self.dropped = False

    # -- the reader's side

    def __aiter__(self) -> "Intake":
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self.dropped:
                raise Malformed("malformed_request", "the body was given up before anybody read it")
            if self._pieces:
                return self._taken()
            if self.complete:
                raise StopAsyncIteration
            if self._failure is not None:
                raise self._failure
            await self._more()

    async def aclose(self) -> None:
        """Read no further."""
        self.drop()

    @property
    def at_end(self) -> bool:
        """Whether all of it has been taken."""
        return self.complete and not self._pieces

    @property
    def reading(self) -> bool:
        """Whether somebody waits for the next piece."""
        return self._reader is not None

    @property
    def awaited(self) -> bool:
        """Whether the caller still waits to be told to send it."""
        return self._told is not None and not self.held and not self.complete

    def drop(self) -> None:
        """Nobody will read it any more."""
        self.dropped = True
        self._pieces.clear()
        self.held = 0
        self._flow()

    # -- the connection's side

    def feed(self, data: bytes) -> None:
        """A piece has arrived."""
        self._told = None
        if not self.dropped:
            self._pieces.append(data)
            self.held += len(data)
            self._wake()

    def end(self) -> None:
        """All of it has arrived."""
        self.complete = True
        self._wake()

    def fail(self, failure: Malformed) -> None:
        """No more of it will come."""
        if not self.complete:
            self._failure = self._failure or failure
            self._wake()

    # -- inside

    def _taken(self) -> bytes:
        pieces = self._pieces
        taken = pieces.popleft() if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.held = 0
        self._flow()
        return taken

    async def _more(self) -> None:
        if self._told is not None:
            self._told()
            self._told = None
        self._reader = self._loop.create_future()
        self._timer = self._loop.call_later(LONGEST_PAUSE, self._late)
        try:
            await self._reader
        finally:
            self._reader = None
            self._timer.cancel()

    def _late(self) -> None:
        self.fail(Malformed("too_slow", f"nothing of the body came for {LONGEST_PAUSE:.0f} seconds"))

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
