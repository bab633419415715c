"""A counter that awaits between reading and writing: what `interleaving` has to find."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Careless", "CarelessLoop", "CarelessWith"]


async def ready() -> None:
    """Something that never suspends, such as a cache that is warm."""


@asynccontextmanager
async def locked() -> AsyncIterator[None]:
    """A lock that nobody shares."""
    yield


async def numbers() -> AsyncIterator[int]:
    """One number."""
    yield 1


class Careless:
    """Permits `left` draws, as long as nothing suspends."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def draw(self) -> bool:
        """Read, await, write."""
        left = self.left
        await ready()
        if left > 0:
            self.left = left - 1
        return left > 0


class CarelessWith(Careless):
    """The same with `async with`."""

    async def draw(self) -> bool:
        """Read, enter, write."""
        left = self.left
        async with locked():
            if left > 0:
                self.left = left - 1
        return left > 0


class CarelessLoop(Careless):
    """The same with `async for`."""

    async def draw(self) -> bool:
        """Read, iterate, write."""
        left = self.left
        async for one in numbers():
            if left > 0:
                self.left = left - one
        return left > 0
