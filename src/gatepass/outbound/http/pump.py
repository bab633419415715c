"""A body on its way up, piece by piece, while its answer may be coming already.

The law: what was announced is what leaves, to the byte; a body that turns out longer, shorter, or breaks off cuts the
connection, so that an upstream never takes part of it for the whole, nor its rest for another request.
"""

import asyncio

from gatepass.errors import Error, UpstreamFailed
from gatepass.gateway.requests import Body
from gatepass.outbound.http.connection import Connection
from gatepass.outbound.http.heads import CHUNKED

__all__ = ["Pump"]


class Pump:
    """Moves a body as fast as the upstream takes it.

    `until` is when the answer's head is late: later with each piece.
    """

    def __init__(self, connection: Connection, body: Body, length: int, first: float) -> None:
        self._connection = connection
        self._body = body
        self._length = length
        self._first = first
        self._clock = asyncio.get_running_loop().time
        self.until = self._clock() + first
        self.done = False
        self._task = asyncio.ensure_future(self._go())

    def stop(self) -> None:
        """Take no more of the body."""
        self._task.cancel()

    async def _go(self) -> None:
        try:
            await (self._chunks() if self._length == CHUNKED else self._exactly(self._length))
        except Error as error:  # the caller's body, which says itself what was wrong with it
            self._connection.fail(error)
        except Exception:  # noqa: BLE001  the caller's stream: whatever it raises, its body did not end
            self._connection.fail(UpstreamFailed("upstream_lost", "the body broke off on its way to the upstream"))
        else:
            self.done = True
            self._moved()

    async def _chunks(self) -> None:
        async for piece in self._body:
            if piece:
                await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await self._write(b"0\r\n\r\n")

    async def _exactly(self, left: int) -> None:
        async for piece in self._body:
            left -= len(piece)
            if left < 0:
                break
            await self._write(piece)
        if left:
            raise UpstreamFailed("upstream_lost", "the body is not as long as it was said to be")

    async def _write(self, data: bytes) -> None:
        self._moved()
        self._connection.write(data)
        await self._connection.drained()

    def _moved(self) -> None:
        """While a body moves, the answer's head is not late."""
        self.until = self._clock() + self._first
        if not self._connection.reading.headed:
            self._connection.hurry(self.until)
