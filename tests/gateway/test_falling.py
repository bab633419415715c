"""Work is cut in place when its credential falls: never twice, never for another reason, never too late."""

import asyncio

import pytest

from gatepass.errors import Denied, UpstreamFailed
from gatepass.gateway.falling import Falling


def cut() -> Denied:
    return Denied("withdrawn_in_flight", "the token was withdrawn during the call")


def test_work_that_waits_is_cut_at_once() -> None:
    async def story() -> None:
        falling, begun = Falling(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        waiting = asyncio.ensure_future(falling.unless(work(), cut, lambda _: None))
        await begun.wait()
        falling.set()
        with pytest.raises(Denied):
            await asyncio.wait_for(waiting, 5)
        assert not waiting.cancelled()
        assert waiting.cancelling() == 0

    asyncio.run(story())


def test_what_comes_all_the_same_is_dropped() -> None:
    async def story() -> None:
        falling, begun = Falling(), asyncio.Event()
        dropped: list[str] = []

        async def stubborn() -> str:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "an answer"
            raise AssertionError

        waiting = asyncio.ensure_future(falling.unless(stubborn(), cut, dropped.append))
        await begun.wait()
        falling.set()
        with pytest.raises(Denied):
            await asyncio.wait_for(waiting, 5)
        assert dropped == ["an answer"]

    asyncio.run(story())


def test_a_cancellation_from_outside_is_no_fall() -> None:
    async def story() -> None:
        falling, begun = Falling(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        waiting = asyncio.ensure_future(falling.unless(work(), cut, lambda _: None))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(story())


def test_both_at_once_is_the_caller_going() -> None:
    async def story() -> None:
        falling, begun = Falling(), asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        waiting = asyncio.ensure_future(falling.unless(work(), cut, lambda _: None))
        await begun.wait()
        waiting.cancel()
        falling.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(story())


def test_a_fault_of_the_work_stays_one() -> None:
    async def story() -> None:
        falling, begun = Falling(), asyncio.Event()

        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                raise UpstreamFailed("upstream_lost", "the connection broke")

        waiting = asyncio.ensure_future(falling.unless(work(), cut, lambda _: None))
        await begun.wait()
        falling.set()
        with pytest.raises(UpstreamFailed):
            await asyncio.wait_for(waiting, 5)
        assert waiting.cancelling() == 0

    asyncio.run(story())


def test_nothing_falls_and_nobody_is_told_later() -> None:
    async def story() -> None:
        falling = Falling()
        told: list[str] = []

        async def work() -> int:
            return 7

        assert await falling.unless(work(), cut, lambda _: None) == 7
        falling.then(lambda: told.append("kept"))
        falling.then(lambda: told.append("taken back"))()
        falling.set()
        falling.set()
        assert told == ["kept"]
        falling.then(lambda: told.append("late"))
        assert told == ["kept", "late"]

    asyncio.run(story())


@pytest.mark.parametrize("when", ["before", "meanwhile", "as it fails"])
def test_what_is_done_after_a_fall_is_not_cut_as_well(when: str) -> None:
    """Such as recording how the call ended: work that never waited met no cancellation, and leaves none behind."""

    async def story() -> str:
        falling, dropped = Falling(), list[str]()

        async def work() -> str:
            if when != "before":
                falling.set()
            if when == "as it fails":
                raise UpstreamFailed("upstream_lost", "the connection broke")
            return "an answer"

        if when == "before":
            falling.set()
        with pytest.raises(UpstreamFailed if when == "as it fails" else Denied):
            await falling.unless(work(), cut, dropped.append)
        assert dropped == ([] if when == "as it fails" else ["an answer"])
        await asyncio.sleep(0)
        return "recorded"

    assert asyncio.run(story()) == "recorded"
