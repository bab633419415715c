"""The connections to one origin: kept for a short while, used one request at a time.

The laws. A request leaves once: on a kept connection that is still fit for it, or on a new one; what happens
afterwards, it is not repeated. `Traffic.left` is set before its first byte may leave. A connection is kept only when
its answer was read to the end, its request had left whole, and nothing else came.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gatepass.errors import UpstreamFailed
from gatepass.gateway.forwarding.door import HttpCall, Traffic
from gatepass.outbound.http.answer import Answer
from gatepass.outbound.http.connection import Connection
from gatepass.outbound.http.heads import request_head
from gatepass.outbound.http.pump import Pump
from gatepass.outbound.writing import Target, Written

__all__ = ["Lane"]


class Lane:
    """An origin that is called. `dial` opens a connection to it, in so many seconds."""

    def __init__(self, target: Target, dial: Callable[[float], Awaitable[Connection]]) -> None:
        self.target = target
        self.busy = 0
        """Calls under way."""
        self._dial = dial
        self._kept: dict[Connection, None] = {}
        self._used: set[Connection] = set()

    async def send(self, call: HttpCall, written: Written, traffic: Traffic) -> Answer:
        """Send a request, and return when the answer's head is there. Raises `UpstreamFailed` or `Malformed`."""
        body = call.body
        head, length = request_head(call.method, self.target, written, body)
        connection: Connection | None = None
        pump: Pump | None = None
        self.busy += 1
        try:
            connection = self._fit() or await self._dial(call.patience.connect)
            self._used.add(connection)
            traffic.left = True
            connection.begin(head + body if isinstance(body, bytes) else head, to_head=call.method == "HEAD")
            if body is not None and not isinstance(body, bytes):
                pump = Pump(connection, body, length, call.patience.first)
            await _headed(connection, pump, call.patience.first)
        except BaseException:  # whoever waited has gone, or the call failed: either way its place is free again
            self.busy -= 1
            if pump is not None:
                pump.stop()
            if connection is not None:
                self._used.discard(connection)
                connection.cut()
            raise
        until = asyncio.get_running_loop().time() + call.patience.whole
        return Answer(connection, idle=call.patience.idle, until=until, let_go=self._done(pump))

    def close(self) -> None:
        """Cut every connection. Whoever waits on one is told."""
        for connection in (*self._kept, *self._used):
            connection.cut()

    def _fit(self) -> Connection | None:
        """The kept connection that was used last, if there is one that a request may leave on."""
        while self._kept:
            connection, _ = self._kept.popitem()
            if connection.fit():
                return connection
            connection.cut()
        return None

    def _done(self, pump: Pump | None) -> Callable[[Connection], None]:
        """What an answer does when it is through with its connection."""

        def let_go(connection: Connection) -> None:
            self.busy -= 1
            self._used.discard(connection)
            reading = connection.reading
            whole = pump is None or pump.done
            if pump is not None:
                pump.stop()
            if whole and reading.ended and not reading.pieces and not reading.tainted and connection.empty:
                self._kept[connection] = None
                connection.keep(lambda: self._kept.pop(connection, None))
            else:
                connection.cut()

        return let_go


async def _headed(connection: Connection, pump: Pump | None, first: float) -> None:
    """Return when the head of the answer is there. Raises why it does not come."""
    clock = asyncio.get_running_loop().time
    until = clock() + first
    while not connection.reading.headed:
        if connection.failure is not None:
            raise connection.failure
        if pump is not None:
            until = pump.until
        if clock() >= until:
            raise UpstreamFailed("upstream_timeout", "the upstream did not answer in time")
        await connection.moved(until)
