"""Event streams: any way of cutting them into pieces gives the same events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.events import KEEP_ALIVE, EventReader, event

STREAM = (
    b": a comment\r\n"
    b'id: 7\r\nevent: message\r\ndata: {"a":1}\r\n\r\n'
    b'data: {"b":\ndata: 2}\n\n'
    b"retry: 5\n\n"
    b"data:\n\n"
    b"event: other\ndata: skipped\n\n"
    b'data:{"c":3}\r\r'
    b"data: never ended"
)
EVENTS = [b'{"a":1}', b'{"b":\n2}', b'{"c":3}']


def read(*chunks: bytes, longest: int = 1000) -> list[bytes]:
    reader = EventReader(longest)
    return [data for chunk in chunks for data in reader.feed(chunk)]


def test_events_are_joined_and_everything_else_is_passed_over() -> None:
    assert read(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_makes_no_difference_where_the_pieces_end(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in pairwise(places))) == EVENTS
    assert read(*(bytes((byte,)) for byte in STREAM)) == EVENTS


@pytest.mark.parametrize(
    "chunks", [[b"data: " + b"x" * 101], [b"data: " + b"x" * 60 + b"\n"] * 2, [b"x" * 60, b"x" * 60]]
)
def test_an_event_without_end_is_given_up(chunks: list[bytes]) -> None:
    with pytest.raises(Malformed) as refusal:
        read(*chunks, longest=100)
    assert refusal.value.code == "too_large"


def test_what_is_written_is_read() -> None:
    assert read(KEEP_ALIVE + event(b'{"x":"y"}') + KEEP_ALIVE) == [b'{"x":"y"}']
