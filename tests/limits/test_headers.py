"""How limits stand, in HTTP's words: to the letter."""

import asyncio
from decimal import Decimal

import pytest
from tests.contracts.ledger import DAY, MINUTE, NOON, quota, rate, total

from gatepass.access import ActionClass, Instant, MeterKind, Reservation
from gatepass.limits import Drawn, Exhausted, Level, attempts, drawn_by_call, rate_limit_fields, retry_after_seconds
from gatepass.limits.amounts import UNIT
from gatepass.storage.ledger import InProcessLedger


def test_the_example_of_the_draft() -> None:
    level = Level(rate(100, meter="crd_a/calls"), 50 * UNIT, 30_000)
    assert rate_limit_fields([level]) == {
        "rate_limit": '"calls";r=50;t=30',
        "rate_limit_policy": '"calls";q=100;w=60',
    }


def test_all_the_limits_of_a_token_on_one_answer() -> None:
    ledger = InProcessLedger()
    calls = drawn_by_call("crd_a", ActionClass.WRITE, calls=(100, MINUTE), writes_per_minute=10, requests_per_day=9)
    drawn = asyncio.run(ledger.draw([attempts("crd_a", 200, MINUTE), *calls, total(50, 20)], Instant(NOON + 500)))
    assert isinstance(drawn, Drawn)
    assert rate_limit_fields(drawn.levels) == {
        "rate_limit": '"attempts";r=199;t=1, "calls";r=99;t=1, "writes";r=9;t=60, "requests";r=8;t=43200',
        "rate_limit_policy": '"attempts";q=200;w=60, "calls";q=100;w=60, "writes";q=10;w=60, "requests";q=9;w=86400',
    }


def test_nothing_to_tell_is_no_field() -> None:
    assert rate_limit_fields([]) == {}
    assert rate_limit_fields([Level(total(5), 5 * UNIT, None)]) == {}


def test_of_two_meters_with_one_name_the_tighter_is_told_of() -> None:
    own, above = rate(100, meter="crd_child/calls"), rate(10, meter="crd_root/calls")
    fields = rate_limit_fields([Level(own, 99 * UNIT, 600), Level(above, 3 * UNIT, 42_000)])
    assert fields == {"rate_limit": '"calls";r=3;t=42', "rate_limit_policy": '"calls";q=10;w=60'}
    assert rate_limit_fields([Level(above, 3 * UNIT, 42_000), Level(own, 99 * UNIT, 600)]) == fields


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\r\nset-cookie: x", "", "ä", "x" * 65, "a,b", "a;b"])
def test_a_name_that_could_break_a_header_is_not_told(name: str) -> None:
    assert rate_limit_fields([Level(rate(5, meter=f"crd_a/{name}"), 5 * UNIT, 0)]) == {}


def test_when_nothing_is_left_the_reset_is_when_the_next_call_fits() -> None:
    """`Retry-After` should not be earlier than the reset that the same answer names."""
    ledger = InProcessLedger()
    asyncio.run(ledger.draw([rate(100, 100)], NOON))
    for later in range(0, 600, 7):
        refused = asyncio.run(ledger.draw([rate(100)], Instant(NOON + later)))
        assert isinstance(refused, Exhausted)
        assert refused.retry_after == 600 - later
        assert rate_limit_fields([refused.level])["rate_limit"] == '"calls";r=0;t=1'
    slow = rate(2, 2, meter="crd_b/calls", period=DAY)
    ledger = InProcessLedger()
    asyncio.run(ledger.draw([slow], NOON))
    refused = asyncio.run(ledger.draw([rate(2, meter="crd_b/calls", period=DAY)], NOON))
    assert isinstance(refused, Exhausted)
    assert rate_limit_fields([refused.level])["rate_limit"] == '"calls";r=0;t=43200'
    assert refused.retry_after is not None
    assert retry_after_seconds(refused.retry_after) == 43200


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60), (60_000, 60)]
)
def test_a_wait_is_rounded_up_and_never_nothing(milliseconds: int, seconds: int) -> None:
    assert retry_after_seconds(milliseconds) == seconds


def test_a_meter_of_a_caveat_is_told_of_by_its_whole_name() -> None:
    level = Level(rate(5, meter="crd_a/burst/rate/60000"), 5 * UNIT, 0)
    assert rate_limit_fields([level])["rate_limit"] == '"burst.rate.60000";r=5;t=0'


def test_numbers_stay_integers_that_structured_fields_can_hold() -> None:
    huge = Reservation("m/calls", MeterKind.RATE, Decimal(10**17), Decimal(1), 1)
    half = Reservation("m/half", MeterKind.QUOTA, Decimal("0.5"), Decimal("0.25"), 1)
    fields = rate_limit_fields([Level(huge, 10**17 * UNIT, 0), Level(half, UNIT // 4, 1)])
    assert fields == {
        "rate_limit": '"calls";r=999999999999999;t=0, "half";r=0;t=1',
        "rate_limit_policy": '"calls";q=999999999999999;w=1, "half";q=0;w=1',
    }


def test_a_quota_of_which_nothing_is_left_names_the_end_of_its_window() -> None:
    ledger = InProcessLedger()
    asyncio.run(ledger.draw([quota(1)], NOON))
    refused = asyncio.run(ledger.draw([quota(1)], NOON))
    assert isinstance(refused, Exhausted)
    assert rate_limit_fields([refused.level])["rate_limit"] == f'"requests";r=0;t={DAY // 2000}'
