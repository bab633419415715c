"""How a process hears of withdrawals, and that it stops permitting when it no longer does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.revocation.test_live import NOON, alive, credential

from gatepass.access import CredentialId, Instant
from gatepass.revocation import (
    HEARTBEAT,
    STALE,
    Change,
    Embedded,
    Follower,
    Freshness,
    Heard,
    Live,
    Reinstated,
    Scope,
    Withdrawn,
)

WITHDRAWN = Withdrawn(Scope.CREDENTIAL, "crd_a", Instant(NOON))


def test_who_has_heard_nothing_yet_is_stale() -> None:
    assert Freshness().stale(0)
    assert not Freshness().change(1, 0)
    assert not Freshness().beat(0, 0)


def test_a_heartbeat_keeps_it_fresh_and_silence_does_not() -> None:
    fresh = Freshness()
    fresh.caught_up(7, 1000)
    assert not fresh.stale(1000 + STALE)
    assert fresh.stale(1001 + STALE)
    assert fresh.beat(7, 1000 + HEARTBEAT)
    assert not fresh.stale(1000 + HEARTBEAT + STALE)
    assert fresh.change(8, 3000)  # late, but nothing is missing
    assert not fresh.stale(3000)


def test_three_heartbeats_may_be_lost() -> None:
    assert STALE // HEARTBEAT == 3


@pytest.mark.parametrize("sequence", [9, 10, 1000])
def test_a_gap_makes_it_stale_until_it_has_caught_up(sequence: int) -> None:
    fresh = Freshness()
    fresh.caught_up(7, 0)
    assert not fresh.change(sequence, 1)
    assert fresh.stale(1)
    assert not fresh.beat(sequence, 2)
    assert not fresh.change(8, 2)
    assert fresh.stale(2)
    fresh.caught_up(sequence, 3)
    assert not fresh.stale(3)


@pytest.mark.parametrize("sequence", [0, 6, 8])
def test_a_heartbeat_that_names_another_change_makes_it_stale(sequence: int) -> None:
    fresh = Freshness()
    fresh.caught_up(7, 0)
    assert not fresh.beat(sequence, 1)
    assert fresh.stale(1)


def test_a_change_heard_twice_is_taken_once_and_is_no_gap() -> None:
    fresh = Freshness()
    fresh.caught_up(7, 0)
    assert fresh.change(8, 1)
    assert not fresh.change(8, 2)
    assert not fresh.stale(2)
    assert fresh.sequence == 8


def test_a_clock_that_cannot_be_is_stale() -> None:
    fresh = Freshness()
    fresh.caught_up(7, 1000)
    assert fresh.stale(999)


@given(st.lists(st.tuples(st.sampled_from(["change", "beat"]), st.integers(0, 12), st.integers(0, 400)), max_size=30))
def test_fresh_means_nothing_was_missed_and_something_was_heard(story: list[tuple[str, int, int]]) -> None:
    """Against a list of everything that was ever published."""
    fresh, now, published, taken, heard_at = Freshness(), 0, 5, 5, 0
    fresh.caught_up(5, now)
    for kind, sequence, step in story:
        now += step
        published = max(published, sequence)
        if kind == "change":
            if fresh.change(sequence, now):
                assert sequence == taken + 1
                taken, heard_at = sequence, now
        elif fresh.beat(sequence, now):
            heard_at = now
        if not fresh.stale(now):
            assert taken == published
            assert now - heard_at <= STALE


# -- the embedded feed


def followed(feed: Embedded) -> tuple[Live, Follower]:
    live = Live()
    follower = Follower(live, feed)
    follower.start(0, 0)
    return live, follower


def test_what_is_published_has_reached_everybody_when_publish_returns() -> None:
    feed = Embedded()
    followers = [followed(feed) for _ in range(3)]
    feed.publish(Heard(credential("crd_a")), 1)
    assert [alive(live, "crd_a") for live, _ in followers] == [["crd_a"]] * 3
    feed.publish(WITHDRAWN, 2)
    assert [alive(live, "crd_a") for live, _ in followers] == [[]] * 3
    assert not any(follower.freshness.stale(2) for _, follower in followers)


def test_who_comes_later_hears_what_was_before() -> None:
    feed = Embedded()
    feed.publish(Heard(credential("crd_a")), 1)
    feed.publish(WITHDRAWN, 2)
    feed.publish(Reinstated(Scope.UPSTREAM, "orders"), 3)
    live, follower = followed(feed)
    assert alive(live, "crd_a") == []
    assert follower.freshness.sequence == 3


def test_who_is_told_of_silence_stops_and_a_heartbeat_mends_it() -> None:
    feed = Embedded()
    _, follower = followed(feed)
    assert follower.freshness.stale(STALE + 1)
    feed.beat(STALE + 1)
    assert not follower.freshness.stale(STALE + 1)


def test_a_change_that_was_lost_on_the_way_is_read_again() -> None:
    feed = Embedded()
    live, follower = followed(feed)
    feed.publish(Heard(credential("crd_a")), 1)
    leave = feed.follow(follower)
    leave()
    feed._listeners.clear()  # the road is cut
    feed.publish(WITHDRAWN, 2)
    assert alive(live, "crd_a") == ["crd_a"]
    feed.follow(follower)
    feed.beat(3)  # "the latest is 2": but that was never heard
    assert alive(live, "crd_a") == []
    assert not follower.freshness.stale(3)
    feed._listeners.clear()
    feed.publish(Heard(credential("crd_b")), 4)
    feed.follow(follower)
    feed.publish(Heard(credential("crd_c")), 5)  # the change itself shows the gap
    assert alive(live, "crd_b", "crd_c") == ["crd_b", "crd_c"]


def test_who_is_too_far_behind_stays_stale() -> None:
    feed = Embedded(kept=2)
    live, follower = followed(feed)
    feed._listeners.clear()
    for number in range(3):
        feed.publish(Heard(credential(f"crd_{number}")), number)
    feed.follow(follower)
    feed.beat(3)
    feed.beat(4)
    assert follower.freshness.stale(4)
    assert alive(live, "crd_0", "crd_1", "crd_2") == []
    assert feed.since(0) is None
    assert [change.sequence for change in feed.since(1) or ()] == [2, 3]
    assert feed.since(3) == ()
    assert feed.since(4) is None  # of another feed


def test_leaving_is_for_good_and_may_be_said_twice() -> None:
    feed = Embedded()
    live = Live()
    leave = Follower(live, feed).start(0, 0)
    leave()
    leave()
    assert feed.publish(Heard(credential("crd_a")), 1) == Change(1, Heard(credential("crd_a")))
    assert live.check(CredentialId("crd_a"), "orders") is not None
