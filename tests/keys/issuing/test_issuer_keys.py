"""The issuer's keys: when which one signs, and that a record opens as itself alone."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.keys import IssuerKey, IssuerKeys, Keyring
from gatepass.keys.issuing import OVERLAP, KeyState, promoted, scheduled, signing_now

DAY = 86_400_000
PERIOD = 30 * DAY
RING = Keyring.create(Instant(0), os.urandom)
KEYS = IssuerKeys(lambda: RING, os.urandom)


def fake(begins: int, number: int, *, ends: int | None = None) -> IssuerKey:
    return IssuerKey(
        id=f"key{number:040}",
        x="",
        y="",
        key_id="",
        wrapped=b"",
        created=Instant(0),
        begins=Instant(begins),
        ends=None if ends is None else Instant(ends),
    )


class Estate:
    """Keys that are tended."""

    def __init__(self) -> None:
        self.held: dict[str, IssuerKey] = {}
        self.made = 0

    def make(self, begins: Instant) -> IssuerKey:
        self.made += 1
        return fake(begins, self.made)

    def put(self, keys: tuple[IssuerKey, ...]) -> None:
        self.held |= {key.id: key for key in keys}

    def tend(self, now: int) -> None:
        self.put(scheduled(self.held.values(), Instant(now), period=PERIOD, make=self.make))

    def signs(self, now: int) -> str:
        found = signing_now(self.held.values(), Instant(now))
        assert found is not None
        return found.id


def test_the_first_tending_makes_one_that_signs_and_one_that_follows() -> None:
    estate = Estate()
    estate.tend(1000)
    one, two = estate.held.values()
    assert (one.begins, one.ends, two.begins, two.ends) == (1000, 1000 + PERIOD, 1000 + PERIOD, None)
    assert (one.state(Instant(1000)), two.state(Instant(1000))) == (KeyState.CURRENT, KeyState.NEXT)
    estate.tend(2000)
    assert estate.made == 2


def test_whoever_signs_was_published_before_and_verifies_until_what_it_signed_is_over() -> None:
    estate = Estate()
    for now in range(0, 4 * PERIOD, DAY):
        before = {id_ for id_, key in estate.held.items() if key.verifies(Instant(now))}
        estate.tend(now)
        assert not before or estate.signs(now) in before
    first = estate.held["key" + "1".zfill(40)]
    assert first.ends is not None
    assert first.verifies(Instant(first.ends + OVERLAP - 1))
    assert not first.verifies(Instant(first.ends + OVERLAP))
    assert first.forgettable(Instant(first.ends + OVERLAP))


def test_a_rotation_by_hand_promotes_the_next_one() -> None:
    estate = Estate()
    estate.tend(0)
    following = next(key.id for key in estate.held.values() if key.state(Instant(5)) is KeyState.NEXT)
    estate.put(promoted(estate.held.values(), Instant(5)))
    estate.tend(5)
    assert estate.signs(5) == following
    assert [key.state(Instant(5)) for key in estate.held.values()] == [
        KeyState.RETIRED,
        KeyState.CURRENT,
        KeyState.NEXT,
    ]


def test_when_the_signing_key_is_withdrawn_the_published_one_takes_over() -> None:
    estate = Estate()
    estate.tend(0)
    current = estate.signs(7)
    following = next(key.id for key in estate.held.values() if key.id != current)
    estate.held[current] = replace(estate.held[current], withdrawn=Instant(7))
    estate.tend(7)
    assert estate.signs(7) == following
    assert not estate.held[current].verifies(Instant(7))
    assert estate.made == 3


def test_after_a_long_sleep_there_is_a_key_that_signs() -> None:
    estate = Estate()
    estate.tend(0)
    estate.tend(10 * PERIOD)
    assert estate.signs(10 * PERIOD)


@given(st.lists(st.tuples(st.integers(0, 5 * PERIOD), st.sampled_from(["tend", "promote", "withdraw"])), max_size=30))
def test_after_every_tending_one_signs_and_another_is_published(story: list[tuple[int, str]]) -> None:
    estate = Estate()
    for now, what in sorted(story):
        if what == "promote":
            estate.put(promoted(estate.held.values(), Instant(now)))
        elif what == "withdraw" and estate.held:
            signs = signing_now(estate.held.values(), Instant(now))
            if signs is not None:
                estate.held[signs.id] = replace(signs, withdrawn=Instant(now))
        estate.tend(now)
        states = [key.state(Instant(now)) for key in estate.held.values()]
        assert states.count(KeyState.NEXT) == 1
        assert KeyState.CURRENT in states
        assert estate.held[estate.signs(now)].withdrawn is None


def test_a_key_opens_as_itself_and_signs() -> None:
    key = KEYS.make(Instant(1), Instant(2))
    opened = KEYS.open(key)
    assert opened.public.id == key.id == key.public.thumbprint == key.public.id
    assert key.public.verifies(opened.sign(b"x"), b"x")
    assert KEYS.open(key) is opened


def test_a_record_that_was_moved_or_changed_does_not_open() -> None:
    one, two = KEYS.make(Instant(1), Instant(2)), KEYS.make(Instant(1), Instant(2))
    for changed in (
        replace(one, id=two.id),
        replace(one, wrapped=two.wrapped),
        replace(one, wrapped=bytes(60)),
        replace(one, wrapped=b""),
        replace(one, key_id="kek_0000000000000000"),
    ):
        with pytest.raises(Unavailable):
            IssuerKeys(lambda: RING, os.urandom).open(changed)


def test_re_wrapping_keeps_the_key() -> None:
    rings = [RING]
    keys = IssuerKeys(lambda: rings[0], os.urandom)
    key = keys.make(Instant(1), Instant(2))
    rings[0] = RING.rotate(Instant(3), os.urandom)
    assert not keys.current(key)
    again = keys.rewrap(key)
    assert keys.current(again)
    assert replace(again, wrapped=key.wrapped, key_id=key.key_id) == key
    rings[0] = rings[0].without(RING.current.id)
    assert IssuerKeys(lambda: rings[0], os.urandom).open(again).public.id == key.id


def test_neither_the_record_nor_the_custody_shows_the_key() -> None:
    key = KEYS.make(Instant(1), Instant(2))
    assert "wrapped" not in repr(key)
    assert repr(KEYS) == "<issuer keys>"
    with pytest.raises(TypeError):
        KEYS.__reduce_ex__(4)
