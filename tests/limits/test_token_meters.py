"""The meters of a token's own limits: stable keys, classes, changes without re-issuing."""

import asyncio
from decimal import Decimal

import pytest
from tests.contracts.ledger import DAY, MINUTE, NOON

from gatepass.access import ActionClass, Instant, MeterKind, Reservation
from gatepass.limits import Drawn, Exhausted, attempts, drawn_by_call
from gatepass.storage.ledger import InProcessLedger


def test_each_limit_has_a_key_without_a_number_in_it() -> None:
    assert attempts("crd_a", 60, MINUTE) == Reservation(
        "crd_a/attempts", MeterKind.RATE, Decimal(60), Decimal(1), MINUTE
    )
    drawn = drawn_by_call("crd_a", ActionClass.WRITE, calls=(100, MINUTE), writes_per_minute=10, requests_per_day=1000)
    assert [(one.meter, one.kind, one.limit, one.cost, one.period) for one in drawn] == [
        ("crd_a/calls", MeterKind.RATE, Decimal(100), Decimal(1), MINUTE),
        ("crd_a/writes", MeterKind.QUOTA, Decimal(10), Decimal(1), MINUTE),
        ("crd_a/requests", MeterKind.QUOTA, Decimal(1000), Decimal(1), DAY),
    ]


@pytest.mark.parametrize("kind", [ActionClass.WRITE, ActionClass.DELETE, ActionClass.ADMIN])
def test_whatever_is_no_reading_is_a_write(kind: ActionClass) -> None:
    assert len(drawn_by_call("crd_a", kind, calls=(1, MINUTE), writes_per_minute=1)) == 2
    assert len(drawn_by_call("crd_a", ActionClass.READ, calls=(1, MINUTE), writes_per_minute=1)) == 1


def test_a_limit_of_none_draws_nothing_and_a_limit_of_zero_permits_nothing() -> None:
    assert len(drawn_by_call("crd_a", ActionClass.WRITE, calls=(1, MINUTE))) == 1
    ledger = InProcessLedger()
    for zero in ({"writes_per_minute": 0}, {"requests_per_day": 0}):
        drawn = drawn_by_call("crd_a", ActionClass.WRITE, calls=(1, MINUTE), **zero)
        assert isinstance(asyncio.run(ledger.draw(drawn, NOON)), Exhausted)


def test_a_runaway_token_is_tightened_and_loosened_without_losing_count() -> None:
    """A3: tighter for a risky agent, loosened later, the token in the agent's hands is the same one."""
    ledger = InProcessLedger()

    def made(per_minute: int, minute: int) -> int:
        """Calls that go through in an endless loop during one minute."""
        count = 0
        for second in range(60):
            drawn = drawn_by_call("crd_a", ActionClass.READ, calls=(per_minute, MINUTE))
            at = Instant(NOON + minute * MINUTE + second * 1000)
            while isinstance(asyncio.run(ledger.draw(drawn, at)), Drawn):
                count += 1
        return count

    assert made(600, 0) == 600 + 59 * 10  # its burst, then ten a second
    assert made(60, 1) == 60  # from now on one a second; no new burst
    assert made(600, 2) == 60 * 10  # ten a second again; no new burst either


def test_a_rotated_token_draws_on_the_meters_of_its_line() -> None:
    """Old and new in an overlap have one budget between them, because both name the first of their line."""
    ledger = InProcessLedger()
    day = drawn_by_call("crd_first", ActionClass.READ, calls=(5, MINUTE), requests_per_day=5)
    assert [isinstance(asyncio.run(ledger.draw(day, NOON)), Drawn) for _ in range(6)] == [True] * 5 + [False]
