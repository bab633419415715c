"""What every ledger keeps to: `limits.Ledger` in full. An implementation inherits and says how one is opened."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import TypeVar

import pytest

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits import Drawn, Exhausted, Ledger

T = TypeVar("T")

MINUTE = 60_000
DAY = 86_400_000
NOON = Instant(1_800_000_000_000 - 1_800_000_000_000 % DAY + DAY // 2)


def rate(limit: int, cost: object = 1, meter: str = "crd_a/calls", period: int = MINUTE) -> Reservation:
    return Reservation(meter, MeterKind.RATE, Decimal(limit), Decimal(str(cost)), period)


def quota(limit: int, cost: object = 1, meter: str = "crd_a/requests", period: int = DAY) -> Reservation:
    return Reservation(meter, MeterKind.QUOTA, Decimal(limit), Decimal(str(cost)), period)


def total(limit: object, cost: object = 1, meter: str = "crd_a/spending") -> Reservation:
    return Reservation(meter, MeterKind.TOTAL, Decimal(str(limit)), Decimal(str(cost)))


class LedgerContract:
    """Every story runs in an event loop of its own, on a ledger of its own."""

    def open(self) -> AbstractAsyncContextManager[Ledger]:
        raise NotImplementedError

    def run(self, story: Callable[[Ledger], Awaitable[T]]) -> T:
        async def told() -> T:
            async with self.open() as ledger:
                return await story(ledger)

        return asyncio.run(told())

    def test_draws_until_nothing_is_left(self) -> None:
        async def story(ledger: Ledger) -> None:
            for left in (2, 1, 0):
                drawn = await ledger.draw([total(3)], NOON)
                assert isinstance(drawn, Drawn)
                assert drawn.levels[0].remaining == left
                assert drawn.at == NOON
            refused = await ledger.draw([total(3)], NOON)
            assert isinstance(refused, Exhausted)
            assert refused.level.remaining == 0
            assert refused.retry_after is None

        self.run(story)

    def test_a_rate_is_as_patient_as_it_says(self) -> None:
        async def story(ledger: Ledger) -> None:
            assert isinstance(await ledger.draw([rate(7, 7)], NOON), Drawn)
            refused = await ledger.draw([rate(7)], NOON)
            assert isinstance(refused, Exhausted)
            assert refused.retry_after == 8572  # 60 000 / 7, rounded up
            wait = refused.retry_after
            assert isinstance(await ledger.draw([rate(7)], Instant(NOON + wait - 1)), Exhausted)
            assert isinstance(await ledger.draw([rate(7)], Instant(NOON + wait)), Drawn)

        self.run(story)

    def test_a_quota_starts_over_at_midnight(self) -> None:
        async def story(ledger: Ledger) -> None:
            assert isinstance(await ledger.draw([quota(2, 2)], NOON), Drawn)
            refused = await ledger.draw([quota(2)], NOON)
            assert isinstance(refused, Exhausted)
            assert refused.retry_after == DAY // 2
            assert isinstance(await ledger.draw([quota(2)], Instant(NOON + DAY // 2 - 1)), Exhausted)
            assert isinstance(await ledger.draw([quota(2)], Instant(NOON + DAY // 2)), Drawn)

        self.run(story)

    def test_all_of_them_or_none(self) -> None:
        async def story(ledger: Ledger) -> None:
            assert isinstance(await ledger.draw([total(1, meter="crd_a/single")], NOON), Drawn)
            several = [rate(5), quota(5), total(50, 20), total(1, meter="crd_a/single"), total(9, meter="crd_b/calls")]
            refused = await ledger.draw(several, NOON)
            assert isinstance(refused, Exhausted)
            assert refused.level.reservation.meter == "crd_a/single"
            levels = await ledger.levels(several, NOON)
            assert [int(level.remaining) for level in levels] == [5, 5, 50, 0, 9]

        self.run(story)

    def test_the_meter_that_takes_longest_is_named(self) -> None:
        async def story(ledger: Ledger) -> None:
            await ledger.draw([rate(1), quota(1), total(1)], NOON)
            soon, later, never = rate(1), quota(1), total(1)
            for asked, named in (
                ([soon, later], later),
                ([later, soon], later),
                ([never, later, soon], never),
                ([soon, never, later], never),
            ):
                refused = await ledger.draw(asked, NOON)
                assert isinstance(refused, Exhausted)
                assert refused.level.reservation == named

        self.run(story)

    def test_a_meter_that_is_asked_for_twice_is_drawn_twice(self) -> None:
        async def story(ledger: Ledger) -> None:
            assert isinstance(await ledger.draw([total(1), total(1)], NOON), Exhausted)
            drawn = await ledger.draw([total(2), total(2)], NOON)
            assert isinstance(drawn, Drawn)
            assert [int(level.remaining) for level in drawn.levels] == [1, 0]

        self.run(story)

    def test_one_name_and_two_kinds_are_two_meters(self) -> None:
        async def story(ledger: Ledger) -> None:
            same = "crd_a/calls"
            await ledger.draw([total(1, meter=same)], NOON)
            assert isinstance(await ledger.draw([rate(1, meter=same), quota(1, meter=same)], NOON), Drawn)
            assert isinstance(await ledger.draw([total(1, meter=same)], NOON), Exhausted)

        self.run(story)

    def test_what_is_given_back_can_be_drawn_again(self) -> None:
        async def story(ledger: Ledger) -> None:
            several = [rate(1), quota(1), total(1)]
            drawn = await ledger.draw(several, NOON)
            assert isinstance(drawn, Drawn)
            await ledger.give_back(drawn)
            assert isinstance(await ledger.draw(several, NOON), Drawn)
            assert isinstance(await ledger.draw(several, NOON), Exhausted)

        self.run(story)

    def test_what_was_drawn_before_midnight_is_not_given_back_after_it(self) -> None:
        """Otherwise a call that failed at 00:00 makes room for one more than the day's limit."""

        async def story(ledger: Ledger) -> None:
            before = await ledger.draw([quota(2)], Instant(NOON + DAY // 2 - 1))
            assert isinstance(before, Drawn)
            after = Instant(NOON + DAY // 2)
            assert isinstance(await ledger.draw([quota(2, 2)], after), Drawn)
            await ledger.give_back(before)
            assert isinstance(await ledger.draw([quota(2)], after), Exhausted)

        self.run(story)

    def test_time_gives_back_and_a_receipt_does_not_give_it_again(self) -> None:
        async def story(ledger: Ledger) -> None:
            first = await ledger.draw([rate(2)], NOON)
            assert isinstance(first, Drawn)
            later = Instant(NOON + MINUTE)  # by now the meter is full again
            assert isinstance(await ledger.draw([rate(2, 2)], later), Drawn)
            await ledger.give_back(first)
            assert isinstance(await ledger.draw([rate(2)], later), Exhausted)

        self.run(story)

    def test_giving_back_what_nobody_holds_makes_no_room(self) -> None:
        async def story(ledger: Ledger) -> None:
            drawn = await ledger.draw([total(3, 2)], NOON)
            assert isinstance(drawn, Drawn)
            await ledger.give_back(drawn)
            await ledger.give_back(drawn)
            assert isinstance(await ledger.draw([total(3, 4)], NOON), Exhausted)
            assert isinstance(await ledger.draw([total(3, 3)], NOON), Drawn)

        self.run(story)

    def test_looking_draws_nothing(self) -> None:
        async def story(ledger: Ledger) -> None:
            for _ in range(5):
                levels = await ledger.levels([rate(1), quota(1), total(1)], NOON)
                assert [int(level.remaining) for level in levels] == [1, 1, 1]
                assert [level.reset for level in levels] == [0, DAY // 2, None]
            assert isinstance(await ledger.draw([rate(1), quota(1), total(1)], NOON), Drawn)

        self.run(story)

    def test_money_is_exact(self) -> None:
        """A hundred thousand times 10⁻¹⁸ on top of 10¹⁷ is lost in 28 digits of precision."""

        async def story(ledger: Ledger) -> None:
            limit = "100000000000000000.0000000000000001"
            assert isinstance(await ledger.draw([total(limit, "100000000000000000")], NOON), Drawn)
            for _ in range(100):
                assert isinstance(await ledger.draw([total(limit, "0.000000000000000001")], NOON), Drawn)
            assert isinstance(await ledger.draw([total(limit, "0.000000000000000001")], NOON), Exhausted)
            assert isinstance(await ledger.draw([total("0.3", "0.1", meter="crd_b/spending")] * 3, NOON), Drawn)

        self.run(story)

    @pytest.mark.parametrize(
        "cost",
        ["-1", "-1E-18", "NaN", "sNaN", "-NaN", "Infinity", "-Infinity", "1E-19", "1E18", "1E999999", "1E-999999"],
    )
    def test_what_cannot_be_counted_is_refused_and_nothing_is_drawn(self, cost: str) -> None:
        async def story(ledger: Ledger) -> None:
            for bad in (total(5, cost), rate(5, cost), quota(5, cost)):
                with pytest.raises(Malformed) as refusal:
                    await ledger.draw([total(1, meter="crd_b/single"), bad], NOON)
                assert refusal.value.code == "malformed_amount"
            levels = await ledger.levels([total(1, meter="crd_b/single"), total(5), rate(5), quota(5)], NOON)
            assert [int(level.remaining) for level in levels] == [1, 5, 5, 5]

        self.run(story)

    @pytest.mark.parametrize("period", [None, 0, -1, 10**15])
    @pytest.mark.parametrize("kind", [MeterKind.RATE, MeterKind.QUOTA])
    def test_a_period_that_is_none_is_refused(self, kind: MeterKind, period: int | None) -> None:
        async def story(ledger: Ledger) -> None:
            with pytest.raises(Malformed):
                await ledger.draw([Reservation("crd_a/x", kind, Decimal(1), Decimal(1), period)], NOON)

        self.run(story)

    def test_a_clock_that_goes_back_gives_nothing_back(self) -> None:
        async def story(ledger: Ledger) -> None:
            await ledger.draw([rate(2, 2), quota(2, 2)], NOON)
            for step in (1, 1_000, MINUTE, 2 * MINUTE, DAY, 400 * DAY):
                back = Instant(NOON - step)
                assert isinstance(await ledger.draw([rate(2)], back), Exhausted), step
                assert isinstance(await ledger.draw([quota(2)], back), Exhausted), step

        self.run(story)

    def test_a_clock_that_went_back_for_good_is_waited_for_a_period_not_for_ever(self) -> None:
        async def story(ledger: Ledger) -> None:
            await ledger.draw([rate(2, 2), quota(2, 2)], Instant(NOON + 400 * DAY))
            assert isinstance(await ledger.draw([rate(2)], NOON), Exhausted)
            # A minute later it is clear that the clock stays where it is.
            assert isinstance(await ledger.draw([rate(2)], Instant(NOON + MINUTE)), Exhausted)
            assert isinstance(await ledger.draw([rate(2, 2)], Instant(NOON + 2 * MINUTE - 1)), Exhausted)
            assert isinstance(await ledger.draw([rate(2, 2)], Instant(NOON + 2 * MINUTE)), Drawn)
            assert isinstance(await ledger.draw([quota(2)], Instant(NOON + DAY // 2 - 1)), Exhausted)
            assert isinstance(await ledger.draw([quota(2)], Instant(NOON + DAY // 2)), Drawn)

        self.run(story)

    def test_a_caller_that_took_its_time_costs_nobody_anything(self) -> None:
        """Its instant is from long ago; a clock that went back looks the same, but for everybody."""

        async def story(ledger: Ledger) -> None:
            await ledger.draw([rate(2)], NOON)
            for late in (2 * MINUTE, MINUTE, DAY, 400 * DAY):
                assert isinstance(await ledger.draw([total(9, meter="crd_slow/calls")], Instant(NOON - late)), Drawn)
                levels = await ledger.levels([rate(2), quota(5), rate(7, meter="crd_new/calls")], NOON)
                assert [int(level.remaining) for level in levels] == [1, 5, 7]
            assert isinstance(await ledger.draw([rate(2)], NOON), Drawn)

        self.run(story)

    def test_a_changed_limit_takes_hold_and_keeps_the_count(self) -> None:
        async def story(ledger: Ledger) -> None:
            await ledger.draw([rate(100, 50), quota(100, 50), total(100, 50)], NOON)
            tighter = await ledger.levels([rate(10), quota(60), total(60)], NOON)
            assert [int(level.remaining) for level in tighter] == [5, 10, 10]
            looser = await ledger.levels([rate(1000), quota(1000), total(1000)], NOON)
            assert [int(level.remaining) for level in looser] == [500, 950, 950]
            below = await ledger.levels([quota(10), total(10)], NOON)
            assert [int(level.remaining) for level in below] == [0, 0]

        self.run(story)

    def test_a_limit_of_nothing_permits_nothing(self) -> None:
        async def story(ledger: Ledger) -> None:
            for none in (rate(0), quota(0), total(0)):
                refused = await ledger.draw([none], NOON)
                assert isinstance(refused, Exhausted)
                assert refused.retry_after is None

        self.run(story)

    def test_more_than_the_whole_limit_never_fits(self) -> None:
        async def story(ledger: Ledger) -> None:
            for never in (rate(5, 6), quota(5, 6), total(5, 6)):
                refused = await ledger.draw([never], NOON)
                assert isinstance(refused, Exhausted)
                assert refused.retry_after is None

        self.run(story)

    def test_drawing_nothing_succeeds(self) -> None:
        async def story(ledger: Ledger) -> None:
            assert await ledger.draw([], NOON) == Drawn((), (), NOON)
            assert await ledger.levels([], NOON) == ()

        self.run(story)
