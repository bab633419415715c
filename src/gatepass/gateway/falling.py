"""What is under way is cut the moment its credential, or anything above it, falls.

The law: when `set` has returned, everybody who waits under it has been told, and nothing that was waited for under it
is handed out any more. Waiting costs no task of its own: the work is done by whoever waits, and is cancelled in place,
the way a timeout does it. A cancellation from outside is never mistaken for a fall, nor a fall for one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gatepass.errors import Error

__all__ = ["Falling"]

T = TypeVar("T")


class Falling(asyncio.Event):
    """An event that calls back, at once and once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[int, Callable[[], None]] = {}
        self._number = 0

    def set(self) -> None:
        """It has fallen. Everybody is told before this returns."""
        super().set()
        while self._told:
            _, tell = self._told.popitem()
            tell()

    def then(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called when it falls; at once, if it has. Returns what takes that back."""
        if self.is_set():
            tell()
            return _nothing
        self._number = number = self._number + 1
        self._told[number] = tell

        def take_back() -> None:
            self._told.pop(number, None)

        return take_back

    async def unless(self, work: Awaitable[T], cut: Callable[[], Error], drop: Callable[[T], None]) -> T:
        """What `work` comes to; or `cut()` is raised, as soon as it falls. What came all the same goes to `drop`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine runs in a task
        before, fell = task.cancelling(), False

        def stop() -> None:
            nonlocal fell
            fell = True
            task.cancel()

        take_back = self.then(stop)
        try:
            made = await work
        except asyncio.CancelledError:
            if fell and task.uncancel() <= before:
                raise cut() from None
            raise
        except BaseException:  # whatever it failed with, that is what happened
            if fell:
                await _taken_back(task, before)
            raise
        finally:
            take_back()
        if fell:  # whatever it was doing did not notice
            drop(made)
            await _taken_back(task, before)
            raise cut()
        return made


async def _taken_back(task: "asyncio.Task[object]", before: int) -> None:
    """Take back a cancellation that nothing has met: one that stays pending would hit whatever is waited for next."""
    task.uncancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if task.cancelling() > before:  # somebody else's came meanwhile
            raise


def _nothing() -> None:
    """Nobody is to be told any more."""
