"""An upstream's answer, read piece by piece under bounds of time, and given up at any moment."""

import asyncio
from collections.abc import Callable
from typing import Final

from gatepass.errors import UpstreamFailed
from gatepass.gateway.requests import Headers
from gatepass.outbound.http.connection import Connection

__all__ = ["Answer"]

_GIVEN_UP: Final = "the upstream's answer was given up"


class Answer:
    """A `gateway.forwarding.door.HttpAnswer`."""

    __slots__ = ("_connection", "_ended", "_idle", "_let_go", "_until", "headers", "status")

    def __init__(
        self, connection: Connection, *, idle: float, until: float, let_go: Callable[[Connection], None]
    ) -> None:
        """`idle` is the longest wait for a piece in seconds; `until` the end of the loop's time for all of it."""
        self._connection: Connection | None = connection
        self._ended = False
        self._idle = idle
        self._until = until
        self._let_go = let_go
        self.status = connection.reading.status
        self.headers: Headers = connection.reading.headers

    async def read(self) -> bytes:
        """The next piece of the body, not empty; `b""` at its end. Raises `UpstreamFailed`."""
        waited = False
        while (connection := self._connection) is not None:
            reading = connection.reading
            if reading.pieces:  # it is here already: nothing to wait for, and no clock to set
                taken = reading.take()
                connection.taken()
                return taken
            if reading.ended:
                return b""
            if connection.failure is not None:
                failure = connection.failure
                self.close()
                raise failure
            if waited:
                self.close()
                raise UpstreamFailed("upstream_timeout", "the upstream stopped in the middle of its answer")
            now = asyncio.get_running_loop().time()
            await connection.moved(min(self._until, now + self._idle))
            waited = True
        raise UpstreamFailed("upstream_garbled", _GIVEN_UP)

    @property
    def ended(self) -> bool:
        """Whether the end has arrived already, so that nothing more will be read."""
        connection = self._connection
        return self._ended if connection is None else connection.reading.ended and not connection.reading.pieces

    def close(self) -> None:
        """Let go of the connection: kept if the answer was read to its end, cut otherwise. Idempotent."""
        self._ended = self.ended
        connection, self._connection = self._connection, None
        if connection is not None:
            self._let_go(connection)
