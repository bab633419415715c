"""An event loop in a thread of its own, and the way into it for whoever stands outside.

A deployment lives in one loop as it does in a process, so tests may be written with `async` or without, and the
agents that they start may block. Asking from inside the loop would wait for itself for ever, and is refused.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")

PATIENCE: Final = 120.0
"""Seconds that anything asked of the loop may take."""


class LoopThread:
    """A running event loop. `stop` ends it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="gatepass-deployment", daemon=True)
        self._thread.start()
        self._ready.wait()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Begin something in the loop."""
        loop = self._loop
        if loop is None or not self._thread.is_alive():
            work.close()
            raise RuntimeError("the deployment has been closed")
        return asyncio.run_coroutine_threadsafe(work, loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the loop, and wait for it."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this waits for the deployment, inside of which it was called: it would wait for ever")
        future = self.submit(work)
        try:
            return future.result(PATIENCE)
        except BaseException:  # whoever waited has given up, or it failed: either way nobody waits for it any more
            future.cancel()
            raise

    def call(self, work: Callable[[], T]) -> T:
        """Have a plain function run in the loop's thread."""

        async def called() -> T:
            return work()

        return self.run(called())

    def stop(self) -> None:
        """End the loop and everything in it."""
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        async def going() -> None:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stopping.wait()

        asyncio.run(going())
