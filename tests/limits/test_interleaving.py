"""The harness finds what it is for: a race behind an await that happens not to suspend."""

import asyncio

import pytest
from tests.limits import careless
from tests.limits.interleaving import at_once, yielding

CAREFUL_BY_LUCK = ["Careless", "CarelessWith", "CarelessLoop"]


@pytest.mark.parametrize("name", CAREFUL_BY_LUCK)
def test_an_ordinary_event_loop_does_not_notice(name: str) -> None:
    counter = getattr(careless, name)(5)

    async def everybody() -> int:
        return sum(await asyncio.gather(*(counter.draw() for _ in range(50))))

    assert asyncio.run(everybody()) == 5


@pytest.mark.parametrize("name", CAREFUL_BY_LUCK)
@pytest.mark.parametrize("seed", range(8))
def test_suspending_at_every_await_does(name: str, seed: int) -> None:
    counter = getattr(yielding(careless), name)(5)
    assert sum(at_once([counter.draw] * 50, seed)) > 5


def test_a_schedule_can_be_repeated() -> None:
    def order(seed: int) -> list[int]:
        seen: list[int] = []

        async def arrive(number: int) -> None:
            seen.append(number)

        at_once([lambda number=number: arrive(number) for number in range(20)], seed)  # type: ignore[misc]
        return seen

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_the_module_itself_is_left_alone() -> None:
    before = vars(careless).copy()
    copy = yielding(careless)
    assert copy.Careless is not careless.Careless
    assert vars(careless) == before
