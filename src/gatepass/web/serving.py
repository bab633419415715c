"""The HTTP server: sockets that listen, connections that are bounded, and an end in order.

What a connection costs a stranger, and what it may cost us, is in `http`. The address of a caller is the socket's: no
forwarding header is believed. Nothing is logged of a request, because its path and headers may hold what must not be
written down.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message

from gatepass.web.app import App, note_fault
from gatepass.web.http import Connection, House, Turn

try:
    import uvloop
except ImportError:  # where there is none, the standard library's does
    _UVLOOP = None
else:
    _UVLOOP = uvloop.new_event_loop

__all__ = ["Bounds", "loop_factory", "serve"]

BACKLOG: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much, and how long."""

    connections: int = 1000
    """Connections at once; one more is answered 503 and closed."""
    keep_alive: int = 30
    """Seconds that an idle connection is kept."""
    graceful: int = 5
    """Seconds that answers under way may take when the server stops; then they are cut."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop there is here: uvloop's where it is installed."""
    return _UVLOOP


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
    loop = asyncio.get_running_loop()
    house = House(
        app=app,
        direct=app.direct if isinstance(app, App) else _nowhere,
        fault=note_fault,
        most=bounds.connections,
        keep_alive=bounds.keep_alive,
        loop=loop,
    )
    life = _Life(app)
    if not await life.begun():
        return
    servers = [await loop.create_server(lambda: Connection(house), sock=sock, backlog=BACKLOG) for sock in sockets]
    try:
        listening()
        await stop.wait()
    finally:
        for server in servers:
            server.close()
        await _ended(house, bounds.graceful)
        await life.ended()


async def _ended(house: House, graceful: float) -> None:
    """Answers under way are finished, for a while; then they are cut, and what they leave is waited for."""
    house.stopping = True
    under_way = [task for connection in tuple(house.connections) if (task := connection.shut()) is not None]
    under_way += house.tasks
    if under_way:
        await asyncio.wait(under_way, timeout=graceful)
    for connection in tuple(house.connections):
        connection.cut()
    left = [task for task in under_way if not task.done()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=graceful)


class _Life:
    """The application's own beginning and end, as ASGI has them."""

    def __init__(self, app: ASGIApp) -> None:
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(_awaited(app(scope, self._said.get, self._told.put)))

    async def begun(self) -> bool:
        """Whether it is ready to answer."""
        return await self._asked("lifespan.startup")

    async def ended(self) -> None:
        """Have it end."""
        await self._asked("lifespan.shutdown")
        with suppress(Exception):  # the application's code, at its end
            await self._task

    async def _asked(self, what: str) -> bool:
        self._said.put_nowait({"type": what})
        answer = asyncio.ensure_future(self._told.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return bool(answer.result()["type"] == f"{what}.complete")
        answer.cancel()
        if (fault := self._task.exception()) is not None:
            note_fault(fault)
        return False


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _nowhere(_: bytes) -> Callable[[Turn], Awaitable[None]] | None:
    """No path is a surface's."""
    return None
