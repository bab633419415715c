"""Status lists: the draft's own vectors, places that are nobody else's, and orders that tell nothing."""

import itertools
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant
from gatepass.errors import Malformed
from gatepass.keys.jose.base64url import decode, encode
from gatepass.revocation.status_lists import BLOCK, CAPACITY, SIZE, Order, Places, StatusBits, split

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "tsl" / "status_list_vectors.json"
NOON = Instant(1_800_000_000_000)
# Section 4.1 of the draft: the two short examples, so that they are tried where the folder is not there either.
SHORT: list[dict[str, Any]] = [
    {"name": "short-1bit", "bits": 1, "bytes": "b9a3", "lst": "eNrbuRgAAhcBXQ"},
    {"name": "short-2bit", "bits": 2, "bytes": "c944f9", "lst": "eNo76fITAAPfAgc"},
]


def vectors() -> list[dict[str, Any]]:
    return json.loads(VECTORS.read_text()) if VECTORS.exists() else SHORT


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_the_drafts_vectors_come_out_both_ways(vector: dict[str, Any]) -> None:
    read = StatusBits.read(vector["lst"], vector["bits"])
    if "bytes" in vector:
        assert bytes(read) == bytes.fromhex(vector["bytes"])
        assert read.text == vector["lst"]
        return
    made = StatusBits(vector["size"], vector["bits"])
    for index, status in vector["set"].items():
        made[int(index)] = status
    assert bytes(made) == bytes(read)
    assert made.text == vector["lst"]
    assert all(read[int(index)] == status for index, status in vector["set"].items())


@given(st.sampled_from([1, 2, 4, 8]), st.dictionaries(st.integers(0, 255), st.integers(0, 255), max_size=40))
def test_what_is_set_is_read_and_nothing_else_changes(bits: int, wanted: dict[int, int]) -> None:
    made = StatusBits(256, bits)
    fitting = {index: status % (1 << bits) for index, status in wanted.items()}
    for index, status in fitting.items():
        made[index] = status
    read = StatusBits.read(made.text, bits)
    assert [read[index] for index in range(256)] == [fitting.get(index, 0) for index in range(256)]


@pytest.mark.parametrize("index", [-1, 16, 1 << 40])
def test_a_place_beyond_the_list_has_no_status(index: int) -> None:
    with pytest.raises(Malformed):
        StatusBits(16)[index]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eNrbuRgAAhcBXQ==",
        encode(b"not zlib"),
        encode(zlib.compress(b"\0" * 8)[:-2]),
        encode(zlib.compress(b"\0" * 8) + b"more"),
        encode(zlib.compress(b"")),
        encode(zlib.compress(bytes((1 << 24) // 8 + 1), level=9)),
    ],
)
def test_what_is_no_list_or_far_too_long_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        StatusBits.read(text, 1)


def test_a_list_has_a_whole_number_of_bytes() -> None:
    for size, bits in ((7, 1), (0, 1), (8, 3), ((1 << 24) + 8, 1)):
        with pytest.raises(ValueError, match="whole bytes"):
            StatusBits(size, bits)
    with pytest.raises(ValueError, match="fit"):
        StatusBits(8)[0] = 2


# -- places


def places(seed: bytes = b"places") -> Places:
    return Places(Numbered(seed))


def taken(of: Places, count: int, *, stored: bool = True) -> list[int]:
    found = []
    for _ in range(count):
        status, record = of.take(NOON)
        if record is not None and stored:
            of.know(record, NOON)
        found.append(status)
    return found


def test_no_place_is_given_twice_and_a_new_list_begins_when_one_is_full() -> None:
    one = places()
    given_out = taken(one, CAPACITY + 1000)
    assert len(set(given_out)) == len(given_out)
    assert {split(status)[0] for status in given_out[:CAPACITY]} == {1}
    assert {split(status)[0] for status in given_out[CAPACITY:]} == {2}
    assert all(0 <= split(status)[1] < SIZE for status in given_out)


def test_places_do_not_follow_one_another() -> None:
    given_out = [split(status)[1] for status in taken(places(), 4000)]
    ascents = sum(1 for before, after in itertools.pairwise(given_out) if after > before)
    assert 1800 < ascents < 2200
    assert sum(abs(after - before) == 1 for before, after in itertools.pairwise(given_out)) < 5
    by_quarter = [sum(index // (SIZE // 4) == quarter for index in given_out) for quarter in range(4)]
    assert all(850 < count < 1150 for count in by_quarter)


def test_another_secret_is_another_order_and_the_same_one_the_same() -> None:
    assert Order.of(bytes(32)) == Order.of(bytes(32))
    assert Order.of(bytes(32)).places != Order.of(bytes([1] * 32)).places
    assert sorted(Order.of(bytes(32)).places) == list(range(SIZE))


def test_decoys_are_nobodys_places_and_about_half_of_them_look_withdrawn() -> None:
    one = places()
    mine = {split(status)[1] for status in taken(one, CAPACITY)}
    decoys = one.order(1).decoys
    assert mine.isdisjoint(decoys)
    assert 0.45 < len(decoys) / (SIZE - CAPACITY) < 0.55


def test_what_was_promised_before_a_crash_is_not_given_again() -> None:
    before = places()
    stored: dict[int, Any] = {}
    given_out = set()
    for _ in range(3):  # three lives of a process, each of which is killed in the middle of a block
        process = places(b"another")
        for record in stored.values():
            process.know(record, NOON)
        for _ in range(BLOCK + 7):
            status, record = process.take(NOON)
            if record is not None:  # in the same commit as the token
                stored[record.number] = record
                process.know(record, NOON)
            assert status not in given_out
            given_out.add(status)
    assert len(given_out) == 3 * (BLOCK + 7)
    assert before.lists == {}


def test_a_promise_that_could_not_be_stored_is_made_again() -> None:
    one = places()
    lost, promise = one.take(NOON)
    assert promise is not None  # and its commit fails
    status, again = one.take(NOON)
    assert (status != lost, again) == (True, promise)
    one.know(promise, NOON)
    assert one.take(NOON)[1] is None


def test_a_promise_that_comes_late_takes_nothing_back() -> None:
    one = places()
    _, first = one.take(NOON)
    taken(one, BLOCK, stored=False)
    _, second = one.take(NOON)
    assert first is not None
    assert second is not None
    one.know(second, NOON)
    one.know(first, NOON)
    assert one.lists[1] == second


def test_a_list_is_forgotten_when_none_of_its_tokens_can_be_alive() -> None:
    one = places()
    taken(one, CAPACITY)
    assert one.forget(Instant(NOON + 1)) == ()  # the last one stays
    one.take(Instant(NOON + 10))
    assert one.forget(NOON) == ()
    (gone,) = one.forget(Instant(NOON + 1))
    assert gone.number == 1
    assert set(one.lists) == {2}

    restarted = places()
    taken(restarted, CAPACITY + 1)
    kept = list(restarted.lists.values())
    late = places()
    for record in kept:
        late.know(record, Instant(NOON + 5000))  # when its last token was issued, nobody knows any more
    assert late.forget(Instant(NOON + 5000)) == ()
    assert [record.number for record in late.forget(Instant(NOON + 5001))] == [1]


def test_a_record_does_not_print_its_secret() -> None:
    one = places()
    taken(one, 1)
    assert repr(one.lists[1].secret) not in repr(one.lists[1])


def test_unpacking_is_undone_by_any_reader() -> None:
    made = StatusBits(SIZE)
    made[5] = 1
    assert zlib.decompress(decode(made.text))[0] == 0b100000
