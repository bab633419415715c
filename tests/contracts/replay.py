"""What every store of uses keeps to: `credentials.proofs.ReplayStore` in full."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import pytest

from gatepass.access import Instant
from gatepass.credentials.proofs import ReplayStore
from gatepass.errors import Unavailable

T = TypeVar("T")

NOON = Instant(1_800_000_000_000)
MINUTE = 60_000


def use(number: int) -> bytes:
    return number.to_bytes(32, "big")


class ReplayContract:
    """Every story runs in an event loop of its own, on a store of its own, by a clock that it turns."""

    now = NOON

    def open(self, most: int = 1000) -> AbstractAsyncContextManager[ReplayStore]:
        raise NotImplementedError

    def clock(self) -> Instant:
        return self.now

    def run(self, story: Callable[[ReplayStore], Awaitable[T]], most: int = 1000) -> T:
        async def told() -> T:
            async with self.open(most) as store:
                return await story(store)

        return asyncio.run(told())

    def test_a_use_is_claimed_once(self) -> None:
        async def story(store: ReplayStore) -> None:
            assert await store.first(use(1), Instant(NOON + MINUTE))
            assert not await store.first(use(1), Instant(NOON + MINUTE))
            assert await store.first(use(2), Instant(NOON + MINUTE))

        self.run(story)

    def test_of_many_at_once_one_wins(self) -> None:
        async def story(store: ReplayStore) -> None:
            for each in range(20):
                asked = [store.first(use(each), Instant(NOON + MINUTE)) for _ in range(10)]
                assert sum(await asyncio.gather(*asked)) == 1

        self.run(story)

    def test_it_is_remembered_to_the_end_of_its_time(self) -> None:
        async def story(store: ReplayStore) -> None:
            assert await store.first(use(1), Instant(NOON + MINUTE))
            for at in (NOON + 11_000, NOON + MINUTE):
                self.now = Instant(at)
                assert await store.first(use(at), Instant(at + MINUTE))
                assert not await store.first(use(1), Instant(NOON + MINUTE))

        self.run(story)

    def test_a_full_store_lets_nobody_pass_and_what_is_over_makes_room(self) -> None:
        async def story(store: ReplayStore) -> None:
            for each in range(10):
                assert await store.first(use(each), Instant(NOON + MINUTE))
            with pytest.raises(Unavailable) as full:
                await store.first(use(10), Instant(NOON + MINUTE))
            assert full.value.code == "storage_unavailable"
            self.now = Instant(NOON + MINUTE + 1)
            assert await store.first(use(10), Instant(self.now + MINUTE))

        self.run(story, most=10)

    def test_who_gives_up_waiting_takes_nobody_along(self) -> None:
        async def story(store: ReplayStore) -> None:
            asked = [asyncio.ensure_future(store.first(use(each), Instant(NOON + MINUTE))) for each in range(5)]
            await asyncio.sleep(0)
            asked[2].cancel()
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert [answer for number, answer in enumerate(answers) if number != 2] == [True] * 4

        self.run(story)
