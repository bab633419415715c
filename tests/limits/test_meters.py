"""What one draw does to one meter: stories first, then the laws of the module as properties."""

import decimal
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from tests.contracts.ledger import DAY, MINUTE, NOON, quota, rate, total

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits import Exhausted, meters
from gatepass.limits.amounts import amount, units
from gatepass.limits.meters import Flow, Total, Window


def take(state: meters.State | None, reservation: Reservation, now: int) -> meters.State:
    drawn = meters.draw(state, reservation, Instant(now))
    assert not isinstance(drawn, Exhausted)
    return drawn[0]


def refused(state: meters.State | None, reservation: Reservation, now: int) -> Exhausted:
    drawn = meters.draw(state, reservation, Instant(now))
    assert isinstance(drawn, Exhausted)
    return drawn


def test_a_rate_empties_and_refills() -> None:
    # A new meter is full: all three at once.
    state = take(None, rate(3, 3), NOON)

    # One more is too many, and we are told how long to wait.
    late = refused(state, rate(3), NOON)
    assert (late.level.remaining, late.level.reset, late.retry_after) == (Decimal(0), MINUTE, MINUTE // 3)

    # A millisecond less patient than told is refused, exactly as patient is let in.
    refused(state, rate(3), NOON + MINUTE // 3 - 1)
    state = take(state, rate(3), NOON + MINUTE // 3)

    # It fills again in a period, and no further.
    assert meters.level(state, rate(3), Instant(NOON + 10 * MINUTE)).remaining == 3


def test_a_third_of_a_minute_never_becomes_a_little_more_than_a_third() -> None:
    """A seventh of a minute is no whole number of milliseconds: a rounded one would drift by a call a day."""
    state, made, now = None, 0, int(NOON)
    while now <= NOON + 10_000 * MINUTE:
        drawn = meters.draw(state, rate(7), Instant(now))
        if isinstance(drawn, Exhausted):
            assert drawn.retry_after is not None
            now += drawn.retry_after
        else:
            state, made = drawn[0], made + 1
    assert made == 7 + 7 * 10_000


def test_a_meter_stands_still_until_the_clock_is_where_it_was() -> None:
    state = take(None, rate(2, 2), NOON)
    for step in (1, MINUTE - 1, MINUTE, DAY):
        assert refused(state, rate(2), NOON - step).retry_after == step + MINUTE // 2
    state = take(None, quota(2, 2), NOON)
    assert refused(state, quota(2), NOON - DAY).retry_after == DAY + DAY // 2


def test_a_quota_counts_in_its_window_and_starts_over() -> None:
    state = take(None, quota(2), NOON)
    state = take(state, quota(2), NOON + 1)
    late = refused(state, quota(2), NOON + 2)
    assert (late.level.remaining, late.level.reset, late.retry_after) == (Decimal(0), DAY // 2 - 2, DAY // 2 - 2)
    assert take(state, quota(2), NOON + DAY // 2) == Window(int(NOON) + DAY // 2, DAY, units(Decimal(1), "x"))


def test_windows_are_those_of_utc() -> None:
    midnight = NOON - DAY // 2
    assert take(None, quota(1), NOON) == Window(midnight, DAY, units(Decimal(1), "x"))
    assert take(None, quota(1), -1) == Window(-DAY, DAY, units(Decimal(1), "x"))
    minute = quota(1, period=MINUTE)
    assert take(None, minute, NOON + MINUTE + 1) == Window(NOON + MINUTE, MINUTE, units(Decimal(1), "x"))


def test_a_total_never_fills_again() -> None:
    state = take(None, total(50, "49.50"), NOON)
    late = refused(state, total(50, "0.51"), NOON + 1000 * DAY)
    assert (late.level.remaining, late.level.reset, late.retry_after) == (Decimal("0.5"), None, None)
    take(state, total(50, "0.50"), NOON)


def test_tightening_keeps_the_part_that_was_used() -> None:
    state = take(None, rate(1000, 900), NOON)
    assert meters.level(state, rate(10), NOON).remaining == 1
    state = take(state, rate(10), NOON)
    assert refused(state, rate(10), NOON).retry_after == MINUTE // 10


def test_tightening_a_runaway_agent_does_not_lock_it_out_for_hours() -> None:
    state = take(None, rate(1000, 1000), NOON)
    late = refused(state, rate(10), NOON)
    assert late.retry_after == MINUTE // 10
    take(state, rate(10), NOON + MINUTE // 10)


def test_loosening_helps_at_once() -> None:
    state = take(None, rate(10, 10, period=60 * MINUTE), NOON)
    late = refused(state, rate(1000), NOON)
    assert late.retry_after == 3_600
    assert refused(state, rate(1000), NOON + 3_599).retry_after == 1
    state = take(state, rate(1000), NOON + 3_600)  # a thousandth of the hour
    assert refused(state, rate(1000), NOON + 3_600).retry_after == 60
    state = take(state, rate(1000), NOON + 3_660)
    assert meters.level(state, rate(1000), Instant(NOON + 3_660 + MINUTE)).remaining == 1000


def test_a_rate_that_is_no_whole_number_is_told_of_exactly() -> None:
    half = Reservation("m", MeterKind.RATE, Decimal("0.5"), Decimal("0.25"), MINUTE)
    state = take(None, half, NOON)
    assert meters.level(state, half, NOON).remaining == Decimal("0.25")
    take(state, half, NOON)


def test_giving_back_never_makes_room_that_was_not_taken() -> None:
    assert meters.give_back(None, total(5), NOON) is None
    assert meters.give_back(Total(3), total(5, 4), NOON) == Total(0)
    assert meters.give_back(Total(3), rate(5), NOON) == Total(3)
    flow = Flow(int(NOON), 5, 1, MINUTE)
    assert meters.give_back(flow, rate(2), NOON) == flow  # the limit has changed since
    assert meters.give_back(flow, rate(1), Instant(NOON + 1)) == flow  # drawn later than the last draw
    window = Window(int(NOON), MINUTE, 5)
    assert meters.give_back(window, quota(2), Instant(NOON - 1)) == window  # of another window


@pytest.mark.parametrize("text", ["0", "-0", "0E+99", "0E-99", "1", "1.0", "49.50", "1E17", "1E-18", "1" + "0" * 17])
def test_amounts_come_out_as_they_went_in(text: str) -> None:
    assert amount(units(Decimal(text), "x")) == Decimal(text)


@pytest.mark.parametrize("text", ["-1", "NaN", "sNaN", "Infinity", "1E18", "1E-19", "1.0000000000000000001", "9" * 81])
def test_what_is_no_amount_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        units(Decimal(text), "a meter's cost")
    assert refusal.value.message == "a meter's cost is not 0 or more with at most 18 digits on either side of the point"


def test_nobody_elses_decimal_context_reaches_a_meter() -> None:
    with decimal.localcontext(decimal.Context(prec=1, Emax=1, Emin=-1, traps=[])):
        assert take(None, total("123.456", "123.455"), NOON) == Total(123_455 * 10**15)


# -- laws

amounts = st.one_of(
    st.integers(1, 4).map(Decimal),
    st.integers(0, 12).map(Decimal),
    st.decimals(0, 12, allow_nan=False, places=3),
    st.sampled_from([Decimal(1), Decimal(2)]),
)
limits = st.one_of(st.integers(1, 12), st.sampled_from([1, 7, 1000])).map(Decimal)
periods = st.sampled_from([1, 7, 1000, MINUTE, 61_000, DAY])
kinds = st.sampled_from(MeterKind)


@st.composite
def reservations(draw: st.DrawFn) -> Reservation:
    kind = draw(kinds)
    period = None if kind is MeterKind.TOTAL else draw(periods)
    return Reservation("m", kind, draw(limits), draw(amounts), period)


stories = st.lists(st.tuples(st.integers(0, 400), amounts), max_size=30)


@given(limits, st.sampled_from([1, 7, 1000, 61]), stories)
def test_a_rate_is_the_ideal_one_to_the_last_fraction(
    limit: Decimal, period: int, story: list[tuple[int, Decimal]]
) -> None:
    """Against GCRA in exact fractions of a millisecond."""
    state, full_at, now = None, Fraction(0), int(NOON)
    interval = Fraction(period) / Fraction(limit)
    permits = 0
    for step, cost in story:
        now += step
        after = max(full_at, Fraction(now)) + Fraction(cost) * interval
        drawn = meters.draw(state, Reservation("m", MeterKind.RATE, limit, cost, period), Instant(now))
        assert isinstance(drawn, Exhausted) == (after - now > period)
        if not isinstance(drawn, Exhausted):
            state, full_at, permits = drawn[0], after, permits + 1
            whole = limit % 1 == 0 and cost % 1 == 0
            left = Fraction(limit) - (full_at - now) / interval
            assert drawn[1].remaining <= left < drawn[1].remaining + (1 if whole else Decimal("1E-18"))
    event(f"permits: {min(permits, 3)}")


@given(reservations(), stories)
def test_no_more_than_the_limit_in_any_span(reservation: Reservation, story: list[tuple[int, Decimal]]) -> None:
    state, now, drawn_at = None, int(NOON), []
    for step, _ in story:
        now += step
        drawn = meters.draw(state, reservation, Instant(now))
        if not isinstance(drawn, Exhausted):
            state = drawn[0]
            drawn_at.append(now)
    cost, limit = Fraction(reservation.cost), Fraction(reservation.limit)
    for first, begun in enumerate(drawn_at):
        for count, ended in enumerate(drawn_at[first:], 1):
            if reservation.kind is MeterKind.RATE:
                assert count * cost <= limit * (1 + Fraction(ended - begun, reservation.period or 1))
            elif reservation.period is None or begun // reservation.period == ended // reservation.period:
                assert count * cost <= limit


@st.composite
def used(draw: st.DrawFn, *, relimited: bool = True) -> tuple[meters.State | None, Reservation, Instant]:
    """A reservation, and a state that a few draws on the same meter have left, perhaps under other limits."""
    reservation, now = draw(reservations()), int(NOON)
    state: meters.State | None = None
    for _ in range(draw(st.integers(0, 12))):
        other = draw(reservations()) if relimited else reservation
        if reservation.kind is MeterKind.QUOTA:
            other = replace(other, kind=MeterKind.QUOTA, period=reservation.period)
        made = meters.draw(state, draw(st.sampled_from([reservation, other])), Instant(now))
        state = state if isinstance(made, Exhausted) else made[0]
        now += draw(st.sampled_from([0, 0, 0, 1, -1, 500, -500]))
    return state, reservation, Instant(now)


@given(used())
def test_a_wait_is_enough_and_a_millisecond_less_is_not(
    given_: tuple[meters.State | None, Reservation, Instant],
) -> None:
    state, reservation, now = given_
    drawn = meters.draw(state, reservation, now)
    assume(isinstance(drawn, Exhausted))
    assert isinstance(drawn, Exhausted)
    if drawn.retry_after is None:
        assert isinstance(meters.draw(state, reservation, Instant(now + 10_000 * DAY)), Exhausted)
    else:
        assert drawn.retry_after > 0
        assert isinstance(meters.draw(state, reservation, Instant(now + drawn.retry_after - 1)), Exhausted)
        assert not isinstance(meters.draw(state, reservation, Instant(now + drawn.retry_after)), Exhausted)


@given(used())
def test_what_has_ended_says_what_nothing_says(given_: tuple[meters.State | None, Reservation, Instant]) -> None:
    state, reservation, now = given_
    assume(state is not None)
    assert state is not None
    assume(state.ends() is not None)
    end = state.ends()
    assert end is not None
    late = Instant(max(end, now))
    assert meters.draw(state, reservation, late) == meters.draw(None, reservation, late)


@given(used(), st.integers(0, 10 * DAY))
def test_a_clock_that_goes_back_refills_nothing(
    given_: tuple[meters.State | None, Reservation, Instant], step: int
) -> None:
    state, reservation, now = given_
    assume(state is not None)
    then = Instant(now - step)
    assert meters.level(state, reservation, then).remaining <= meters.level(state, reservation, now).remaining
    if not isinstance(meters.draw(state, reservation, then), Exhausted):
        assert not isinstance(meters.draw(state, reservation, now), Exhausted)


@given(used(relimited=False), st.integers(0, 3 * DAY))
def test_a_draw_that_is_undone_leaves_no_more_than_before(
    given_: tuple[meters.State | None, Reservation, Instant], later: int
) -> None:
    """Undone at once it leaves as much as before; undone later, never more than if it had not been."""
    state, reservation, now = given_
    drawn = meters.draw(state, reservation, now)
    assume(not isinstance(drawn, Exhausted))
    assert not isinstance(drawn, Exhausted)
    undone = meters.give_back(drawn[0], reservation, now)
    before, after = meters.level(state, reservation, now), meters.level(undone, reservation, now)
    assert after.remaining <= before.remaining
    between = Instant(now + later)
    with_other = meters.draw(drawn[0], reservation, between)
    if not isinstance(with_other, Exhausted):
        without = meters.draw(state, reservation, between)
        assert not isinstance(without, Exhausted)
        undone = meters.give_back(with_other[0], reservation, now)
        assert (
            meters.level(undone, reservation, between).remaining
            <= meters.level(without[0], reservation, between).remaining
        )


@given(
    st.builds(
        Reservation,
        st.just("m"),
        kinds,
        st.decimals() | st.just(Decimal("sNaN")),
        st.decimals() | st.just(Decimal("sNaN")),
        st.none() | st.integers(),
    ),
    st.integers(),
    st.none() | st.builds(Total, st.integers(0)) | st.builds(Window, st.integers(), st.integers(1), st.integers(0)),
)
def test_nothing_but_malformed_is_ever_raised(reservation: Reservation, now: int, state: meters.State | None) -> None:
    for ask in (meters.draw, meters.give_back, meters.level):
        with suppress(Malformed):
            ask(state, reservation, Instant(now))
