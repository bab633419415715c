"""One request to an ASGI application in the same event loop, and its answer, piece by piece.

It behaves as a server does: the head is there before the body, a reader that is slow holds the application up, a
caller that leaves is told to the application as a disconnect and its further sends go nowhere, and an application
that fails before the head is a 500. Nothing is buffered beyond a few pieces.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

__all__ = ["Application", "Broken", "Conversation", "Lifespan", "Scope", "pieces"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

MOST_WAITING: Final = 8
"""Pieces of an answer that may wait for their reader."""
STARTING: Final = 30.0
"""Seconds that an application has to start, and to stop."""


class Broken(Exception):
    """The application ended before its answer did."""


class Conversation:
    """One request under way. Made inside the event loop; whoever made it closes it."""

    def __init__(
        self,
        app: Application,
        scope: Scope,
        body: AsyncIterator[bytes],
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`failed` is told what the application raised."""
        self._head: tuple[int, Headers] | None = None
        self._body = body
        self._failed = failed
        self._withheld: Exception | None = None
        """Why the request's body broke off."""
        self._asked = False
        """Whether the body was read to its end."""
        self._bodiless = scope["method"] == "HEAD"
        self._waiting: deque[bytes] = deque()
        self._over = False
        self._gone = asyncio.Event()
        self._moved = asyncio.Event()
        self._room = asyncio.Event()
        self._task = asyncio.create_task(self._run(app, scope))

    async def answered(self) -> tuple[int, Headers]:
        """Status and headers. Raises what broke the request's body off, or `Broken`."""
        while self._head is None and not self._task.done():
            await self._next_move()
        if self._withheld is not None:
            raise self._withheld
        if self._head is None:
            raise Broken
        return self._head

    async def read(self) -> bytes:
        """The next piece of the body, not empty; `b""` at its end. Raises `Broken`."""
        while not self._waiting and not self._over and not self._task.done():
            await self._next_move()
        if self._waiting:
            self._room.set()
            return self._waiting.popleft()
        if not self._over:
            raise Broken
        return b""

    @property
    def ended(self) -> bool:
        """Whether the whole answer has been read."""
        return self._over and not self._waiting

    def close(self) -> None:
        """Leave. The application learns of it where it listens; one that still reads the request is cut."""
        self._gone.set()
        self._room.set()
        if not self._asked:
            self._task.cancel()

    async def stopped(self) -> None:
        """Cut the application, and wait until it has let go."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, app: Application, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as fault:  # noqa: BLE001  whatever the application's code raises
            if self._withheld is None:
                self._failed(fault)
                self._excuse()
        finally:
            self._gone.set()
            self._moved.set()

    def _excuse(self) -> None:
        """What a server says where an application failed before it said anything."""
        if self._head is None:
            self._head = (500, ((b"content-type", b"text/plain; charset=utf-8"),))
            self._over = True

    async def _next_move(self) -> None:
        self._moved.clear()
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait({moved, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()

    async def _receive(self) -> Message:
        if not self._asked:
            try:
                piece = await anext(self._body, None)
            except Exception as fault:  # whatever sends the request: it is not the application that failed
                self._withheld = fault
                raise
            self._asked = piece is None
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            return
        if message["type"] == "http.response.start":
            self._head = (message["status"], tuple((name.lower(), value) for name, value in message.get("headers", ())))
            self._moved.set()
            return
        if (piece := bytes(message.get("body", b""))) and not self._bodiless:
            self._waiting.append(piece)
        if not message.get("more_body", False):
            self._over = True
            self._gone.set()
        self._moved.set()
        while len(self._waiting) >= MOST_WAITING and not self._gone.is_set():
            self._room.clear()
            await self._room.wait()


class Lifespan:
    """An application's start and stop. One that knows of neither has none."""

    def __init__(self, app: Application) -> None:
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._asked = False
        self._task = asyncio.create_task(self._run(app))

    async def started(self) -> None:
        """Return once the application can answer. Raises `RuntimeError` when it says that it cannot."""
        async with asyncio.timeout(STARTING):
            await self._started

    async def stopped(self) -> None:
        """Have it stop."""
        self._stop.set()
        await asyncio.wait({self._task}, timeout=STARTING)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, app: Application) -> None:
        try:
            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self._receive, self._send)
        except Exception:  # noqa: BLE001  the application's code: raising is how it says that it knows of no lifespan
            self._settle()
        finally:
            self._settle()

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._settle()
        elif message["type"] == "lifespan.startup.failed" and not self._started.done():
            said = message.get("message", "")
            self._started.set_exception(RuntimeError(f"the application did not start: {said}"))

    def _settle(self) -> None:
        if not self._started.done():
            self._started.set_result(None)


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body that is there already."""
    if body:
        yield body
