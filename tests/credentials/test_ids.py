"""Ids sort by time, are fairly random, and never wrap."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant
from gatepass.credentials import new_id
from gatepass.credentials.ids import ALPHABET, Ahead, base62, random_base62

instants = st.integers(0, 62**7 - 1).map(Instant)


@given(instants, instants, st.binary(max_size=4), st.binary(max_size=4))
def test_text_sorts_as_time_does(one: Instant, other: Instant, seed: bytes, other_seed: bytes) -> None:
    first, second = (new_id("agt", at, Numbered(s)) for at, s in ((one, seed), (other, other_seed)))
    assert first[:11] < second[:11] if one < other else first[:11] >= second[:11]


@given(st.text(alphabet="abc", min_size=3, max_size=3), instants, st.integers(1, 30))
def test_the_shape(prefix: str, at: Instant, characters: int) -> None:
    made = new_id(prefix, at, Numbered(b"x"), characters=characters)
    assert made.startswith(prefix + "_")
    assert len(made) == len(prefix) + 1 + 7 + characters
    assert set(made[4:]) <= set(ALPHABET)


def test_the_time_is_readable_and_an_id_is_pinned() -> None:
    made = new_id("run", Instant(1_763_820_000_000), Numbered(b"x"))
    assert sum(ALPHABET.index(digit) * 62**place for place, digit in enumerate(reversed(made[4:11]))) == 1763820000000
    assert made == "run_V3Hsy5QrhiI0WlwN"


def test_an_instant_after_the_last_or_before_the_first_makes_no_id() -> None:
    assert new_id("agt", Instant(62**7 - 1), Numbered(b"x")).startswith("agt_zzzzzzz")
    for at in (62**7, -1):
        with pytest.raises(ValueError, match="does not fit in 7 characters"):
            new_id("agt", Instant(at), Numbered(b"x"))


def test_many_of_one_millisecond_differ() -> None:
    entropy = Numbered(b"many")
    made = {new_id("dec", Instant(1), entropy) for _ in range(20_000)}
    assert len(made) == 20_000


def test_each_character_is_equally_likely() -> None:
    """Over every possible byte the kept ones spread evenly: 4 for each of 62, and 8 thrown away."""
    every = bytes(range(256))

    def entropy(size: int) -> bytes:
        assert size == 252
        return every[:252]

    low = Counter(random_base62(248, entropy))
    assert set(low.values()) == {4}
    assert set(low) == set(ALPHABET)


def test_bytes_that_would_favour_some_are_thrown_away() -> None:
    drawn = iter([b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", b"\xf8\x00\xf9\x01\xff\x3d\x3e\xf7", b"\x02" * 8])
    assert random_base62(4, lambda _: next(drawn)) == "01z0"
    assert next(drawn) == b"\x02" * 8


def test_a_stuck_source_is_found_out() -> None:
    draws = []

    def stuck(size: int) -> bytes:
        draws.append(size)
        return b"\xff" * size

    with pytest.raises(ValueError, match="randomness is broken"):
        random_base62(10, stuck)
    assert len(draws) == 64


@given(st.integers(1, 12).flatmap(lambda width: st.tuples(st.just(width), st.integers(0, 62**width - 1))))
def test_base62_is_what_it_says(case: tuple[int, int]) -> None:
    width, number = case
    text = base62(number, width)
    assert len(text) == width
    assert sum(ALPHABET.index(digit) * 62**place for place, digit in enumerate(reversed(text))) == number
    with pytest.raises(ValueError, match="does not fit"):
        base62(62**width, width)


def test_the_alphabet_is_in_the_order_of_ascii() -> None:
    assert sorted(ALPHABET) == list(ALPHABET)
    assert len(set(ALPHABET)) == 62


def test_randomness_drawn_ahead_is_handed_out_once() -> None:
    counted = iter(range(1 << 20))
    ahead = Ahead(lambda size: b"".join(next(counted).to_bytes(4, "big") for _ in range(-(-size // 4)))[:size])
    taken = [ahead(12) for _ in range(1000)] + [ahead(8192)] + [ahead(4)]
    pieces = [each[at : at + 4] for each in taken for at in range(0, len(each), 4)]
    assert len(set(pieces)) == len(pieces)
    assert [len(each) for each in taken] == [12] * 1000 + [8192, 4]
