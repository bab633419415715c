"""The deployment's ceiling: allotted when a token is made, so that nobody can use up what is another's."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.ledger import DAY, MINUTE, NOON

from gatepass.access import ActionClass, Instant
from gatepass.errors import Denied
from gatepass.limits import Drawn, Exhausted, allot, drawn_by_call, left
from gatepass.storage.ledger import InProcessLedger

HOUR = 60 * MINUTE


def test_what_fits_is_given_to_the_last_call() -> None:
    ceiling, allotted = (1000, MINUTE), {"crd_a": (600, MINUTE), "crd_b": (18_000, HOUR)}
    allot(ceiling, allotted, "crd_c", (100, MINUTE))
    assert left(ceiling, allotted.values(), MINUTE) == 100


def test_what_does_not_fit_is_refused_naming_what_is_left() -> None:
    with pytest.raises(Denied) as refusal:
        allot((1000, MINUTE), {"crd_a": (600, MINUTE), "crd_b": (18_000, HOUR)}, "crd_c", (101, MINUTE))
    assert refusal.value.code == "ceiling_exceeded"
    assert refusal.value.message == (
        "`101/1m` is more than is left of the deployment's ceiling of 1000/1m: at most 100/1m"
    )
    assert refusal.value.details == {"left": "100", "period": "60000"}


def test_when_nothing_is_left_it_says_so() -> None:
    with pytest.raises(Denied, match=r"ceiling of 10/1m: nothing$"):
        allot((10, MINUTE), {"crd_a": (10, MINUTE)}, "crd_b", (1, DAY))


def test_loosening_counts_only_what_is_new_and_tightening_is_always_allowed() -> None:
    allotted = {"crd_a": (600, MINUTE), "crd_b": (400, MINUTE)}
    with pytest.raises(Denied, match="at most 600/1m"):
        allot((1000, MINUTE), allotted, "crd_a", (601, MINUTE))
    allot((1000, MINUTE), allotted, "crd_a", (36_000, HOUR))  # the same rate in other words
    allot((100, MINUTE), allotted, "crd_a", (599, MINUTE))  # the ceiling was lowered since; less is still less


rates = st.tuples(st.integers(1, 1000), st.sampled_from([1000, MINUTE, 7_001, HOUR, DAY]))


@given(rates, st.lists(rates, max_size=8))
def test_what_is_allotted_never_adds_up_to_more_than_the_ceiling(
    ceiling: tuple[int, int], asked: list[tuple[int, int]]
) -> None:
    allotted: dict[str, tuple[int, int]] = {}
    for number, rate in enumerate(asked):
        key = f"crd_{number % 5}"
        try:
            allot(ceiling, allotted, key, rate)
        except Denied as refusal:
            # What it names is the most that would have been given.
            most = int(refusal.details["left"])
            others = {other: given for other, given in allotted.items() if other != key}
            if most:
                allot(ceiling, others, key, (most, rate[1]))
            with pytest.raises(Denied):
                allot(ceiling, others, key, (most + 1, rate[1]))
        else:
            allotted[key] = rate
        assert sum(Fraction(*one) for one in allotted.values()) <= Fraction(*ceiling)


def test_with_one_token_looping_others_below_their_rates_are_never_refused() -> None:
    ceiling, ledger = (600, MINUTE), InProcessLedger()
    allotted: dict[str, tuple[int, int]] = {}
    for token in ("crd_loop", *(f"crd_{number}" for number in range(9))):
        allot(ceiling, allotted, token, (60, MINUTE))
        allotted[token] = (60, MINUTE)

    def call(token: str, at: int) -> bool:
        drawn = drawn_by_call(token, ActionClass.READ, calls=allotted[token])
        return isinstance(asyncio.run(ledger.draw(drawn, Instant(at))), Drawn)

    looped = 0
    for second in range(120):
        looped += sum(call("crd_loop", NOON + second * 1000) for _ in range(5))
        for number in range(9):
            assert call(f"crd_{number}", NOON + second * 1000)
    assert looped == 60 + 119
    last = asyncio.run(ledger.draw(drawn_by_call("crd_loop", ActionClass.READ, calls=(60, MINUTE)), NOON))
    assert isinstance(last, Exhausted)
