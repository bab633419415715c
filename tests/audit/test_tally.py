"""Counts over time: exact while there is room, coarser with age, and never more than so many."""

import pytest

from gatepass.access import Instant
from gatepass.audit import Cell, Tally, tally
from gatepass.audit.tally import DAY, HOUR, KEPT, MINUTE

NOW = Instant(1_800_000_000_000 - 1_800_000_000_000 % DAY)


def cell(ago: int, credential: str = "crd_a", agent: str = "agt_a", permitted: int = 1, refused: int = 0) -> Cell:
    return Cell(NOW - ago, credential, agent, permitted, refused)


def total(counted: Tally, since: int, step: int = HOUR, **whose: str) -> tuple[int, int]:
    buckets = counted.buckets(Instant(NOW - since), Instant(NOW + MINUTE), step, **whose)
    return sum(bucket.permitted for bucket in buckets), sum(bucket.refused for bucket in buckets)


def test_every_step_has_a_bucket_and_each_decision_is_in_its_own() -> None:
    counted = Tally()
    counted.add([cell(2 * MINUTE), cell(2 * MINUTE, "crd_b"), cell(0, refused=3)], NOW)
    counted.add([cell(2 * MINUTE)], NOW)
    buckets = counted.buckets(Instant(NOW - 3 * MINUTE), Instant(NOW + MINUTE), MINUTE)
    assert [tuple(bucket) for bucket in buckets] == [
        (NOW - 3 * MINUTE, 0, 0),
        (NOW - 2 * MINUTE, 3, 0),
        (NOW - MINUTE, 0, 0),
        (NOW, 1, 3),
    ]
    assert total(counted, 3 * MINUTE, MINUTE, credential="crd_b") == (1, 0)
    assert total(counted, 3 * MINUTE, MINUTE, agent="agt_a", credential="crd_a") == (3, 3)
    assert total(counted, 3 * MINUTE, MINUTE, agent="agt_b") == (0, 0)
    assert counted.refused(Instant(NOW - HOUR), Instant(NOW + 1)) == {"crd_a": 3}


def test_the_end_of_the_span_is_not_in_it() -> None:
    counted = Tally()
    counted.add([cell(0)], NOW)
    assert [bucket.permitted for bucket in counted.buckets(Instant(NOW - MINUTE), NOW, MINUTE)] == [0]


def test_old_minutes_become_hours_and_older_ones_are_forgotten() -> None:
    counted = Tally()
    counted.add([cell(2 * DAY - MINUTE), cell(2 * DAY - 2 * MINUTE), cell(KEPT + DAY)], NOW)
    hourly = counted.buckets(Instant(NOW - 2 * DAY), NOW, HOUR)
    assert (hourly[0].permitted, sum(bucket.permitted for bucket in hourly)) == (2, 2)
    assert total(counted, KEPT + 2 * DAY) == (2, 0)


def test_past_the_bound_the_oldest_forget_whose_they_were_and_no_count_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_CELLS", 30)
    counted = Tally()
    for ago in range(10):
        counted.add([cell(ago * MINUTE, f"crd_{number}") for number in range(10)], NOW)
    assert total(counted, HOUR, MINUTE) == (100, 0)
    kept = sum(len(row) for table in (counted._minutes, counted._hours) for row in table.values())
    assert kept <= 30
    assert total(counted, MINUTE, MINUTE, credential="crd_3") == (2, 0)
