"""The ledger of one process: the contract, overspending, bounded memory, restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.ledger import DAY, MINUTE, NOON, LedgerContract, quota, rate, total
from tests.limits.interleaving import at_once, yielding

from gatepass.access import Instant, Reservation
from gatepass.errors import Malformed, Unavailable
from gatepass.limits import Drawn, Ledger, Spent, spent_by
from gatepass.storage import ledger as ledger_module
from gatepass.storage.ledger import InProcessLedger

Ledgers = Any
"""The ledger's class, or its twin out of a module in which every await suspends."""


class TestInProcess(LedgerContract):
    def open(self) -> AbstractAsyncContextManager[Ledger]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Ledger]:
            yield InProcessLedger()

        return opened()


class TestInProcessSuspendingAtEveryAwait(LedgerContract):
    def open(self) -> AbstractAsyncContextManager[Ledger]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Ledger]:
            yield yielding(ledger_module).InProcessLedger()

        return opened()


def draw(ledger: InProcessLedger, *reservations: Reservation, at: int = NOON) -> bool:
    return isinstance(asyncio.run(ledger.draw(reservations, Instant(at))), Drawn)


# -- overspending by one is impossible


@pytest.mark.parametrize("seed", range(8))
def test_a_hundred_callers_at_once_do_not_overspend_by_one(seed: int) -> None:
    """Turns red when an `await` is put between reading and writing: `tests/mutants/limits-await.patch`."""
    ledger: Ledgers = yielding(ledger_module).InProcessLedger()
    several = [rate(10), quota(9), total(70, 10), total(50, 1, meter="crd_root/calls")]
    seen = at_once([partial(ledger.draw, several, NOON)] * 100, seed)
    assert sum(type(one).__name__ == "Drawn" for one in seen) == 7
    assert not draw(ledger, total(70, 10))
    assert draw(ledger, quota(9, 2), rate(10, 3), total(50, 43, meter="crd_root/calls"))


@pytest.mark.parametrize("seed", range(8))
def test_a_single_use_is_used_once_by_a_hundred_children(seed: int) -> None:
    ledger: Ledgers = yielding(ledger_module).InProcessLedger()
    single = total(1, meter="crd_root/single")
    children = [[single, total(5, meter=f"crd_{child}/calls")] for child in range(100)]
    seen = at_once([partial(ledger.draw, child, NOON) for child in children], seed)
    assert sum(isinstance(one, Drawn) for one in seen) == 1
    untouched = sum(draw(ledger, total(5, 5, meter=f"crd_{child}/calls")) for child in range(100))
    assert untouched == 99


@pytest.mark.parametrize("seed", range(8))
def test_drawing_and_giving_back_at_once_keeps_the_count(seed: int) -> None:
    ledger: Ledgers = yielding(ledger_module).InProcessLedger()

    async def try_and_fail() -> int:
        """A call that draws and then gives back; whoever cannot draw gives nothing back."""
        drawn = await ledger.draw([total(5)], NOON)
        if isinstance(drawn, Drawn):
            await ledger.give_back(drawn)
        return 0

    async def spend() -> int:
        return int(isinstance(await ledger.draw([total(5)], NOON), Drawn))

    spent = sum(at_once([try_and_fail, spend] * 50, seed))
    assert spent <= 5
    assert draw(ledger, total(5, 5 - spent))
    assert not draw(ledger, total(5))


# -- memory is bounded, and forgetting gives nothing back


def test_a_million_passing_agents_leave_little_behind() -> None:
    roomy, tight = InProcessLedger(), InProcessLedger(most=1_000)
    for agent in range(20_000):
        for ledger in (roomy, tight):
            assert draw_now(ledger, rate(5, meter=f"crd_{agent}/calls"), NOON + agent * 100)
    assert len(roomy) <= 1_000  # those of the last minute, what lingers for a minute, and a third on top
    assert len(tight) <= 500


def draw_now(ledger: InProcessLedger, reservation: Reservation, at: int) -> bool:
    """`draw` without an event loop: nothing in it suspends."""
    try:
        ledger.draw([reservation], Instant(at)).send(None)
    except StopIteration as done:
        return isinstance(done.value, Drawn)
    pytest.fail("the ledger suspended between read and write")


def test_more_meters_than_can_be_kept_are_refused_by_name() -> None:
    ledger = InProcessLedger(most=3)
    assert draw(ledger, rate(5, meter="a/calls"), rate(5, meter="b/calls"), rate(5, meter="c/calls"))
    with pytest.raises(Unavailable) as refusal:
        draw(ledger, rate(5, meter="a/calls"), rate(5, meter="d/calls"))
    assert refusal.value.code == "limits_unavailable"
    assert refusal.value.message == "there are more meters than can be kept"
    assert draw(ledger, rate(5, 4, meter="a/calls"))  # the refused one drew nothing
    assert draw(ledger, rate(5, meter="d/calls"), at=NOON + MINUTE)  # the others have ended


def test_the_totals_of_a_credential_go_when_its_life_is_over() -> None:
    ledger = InProcessLedger()
    assert draw(ledger, total(1, meter="crd_a/calls"), total(1, meter="crd_ab/calls"), rate(1, meter="crd_a/x"))
    ledger.forget("crd_a")
    ledger.forget("crd_a")
    assert len(ledger) == 2
    assert not draw(ledger, total(1, meter="crd_ab/calls"))


steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # which meter
        st.booleans(),  # a rate or a quota
        st.integers(1, 3),  # cost
        st.one_of(st.integers(0, 90_000), st.integers(-90_000, 0), st.sampled_from([-DAY, DAY, 3 * DAY, -3 * DAY])),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 4))
def test_forgetting_never_permits_what_remembering_would_not(
    story: list[tuple[int, bool, int, int]], looked_at: int
) -> None:
    """One ledger forgets as eagerly as it can, the other never: the first never permits more."""
    eager, never = InProcessLedger(linger=0), InProcessLedger()
    now = int(NOON)
    for meter, is_rate, cost, step in story:
        now += step
        if eager._steady._stepped is not None and step > MINUTE:
            return  # back and forth again: what a clock jumps forward over is refilled, remembered or not
        make = rate if is_rate else quota
        asked = make(3, cost, meter=f"crd_{meter}/m", period=MINUTE)
        for _ in range(looked_at):
            eager._make_room(1, eager._steady.read(Instant(now)))
        permitted = draw_now(eager, asked, now)
        never._round.clear()
        remembered = draw_now(never, asked, now)
        if permitted:
            assert remembered
        if permitted != remembered:  # from here on they have drawn differently
            return


# -- what a restart knows


def test_a_restart_gives_nothing_back() -> None:
    before = InProcessLedger()
    rows: dict[tuple[str, int, int], Spent] = {}
    spending, day = total(50, "49.50"), quota(3, 3)
    drawn = asyncio.run(before.draw([spending, day, rate(5)], NOON))
    assert isinstance(drawn, Drawn)
    for reservation in drawn.reservations:
        if row := spent_by(reservation, drawn.at):
            rows[row.meter, row.period, row.start] = row
    assert len(rows) == 2  # a rate leaves none

    after = InProcessLedger()
    after.rebuild(
        {row.meter: row.used for row in rows.values() if not row.period}, [row for row in rows.values() if row.period]
    )
    assert not draw(after, total(50, "0.51"))
    assert draw(after, total(50, "0.50"))
    assert not draw(after, quota(3), at=NOON + DAY // 2 - 1)
    assert draw(after, quota(3), at=NOON + DAY // 2)


def test_rebuilding_twice_never_lowers_a_count() -> None:
    ledger = InProcessLedger()
    assert draw(ledger, total(5, 4))
    ledger.rebuild({"crd_a/spending": Decimal(2)})
    assert not draw(ledger, total(5, 2))
    ledger.rebuild({"crd_a/spending": Decimal(5)})
    assert not draw(ledger, total(5))


@pytest.mark.parametrize(
    "row",
    [
        Spent("m", Decimal("NaN")),
        Spent("m", Decimal(-1)),
        Spent("m", Decimal(1), period=-1),
        Spent("m", Decimal(1), period=60_000, start=1),
    ],
)
def test_a_row_that_cannot_be_counted_stops_the_start(row: Spent) -> None:
    with pytest.raises(Malformed):
        InProcessLedger().rebuild({}, [row])
