"""Lines of an export are exact, readable by anyone, and read back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.chains import genuine

from gatepass.audit import ORIGIN, Row, WriterId, line_of, link, read_line
from gatepass.errors import Malformed


@pytest.mark.parametrize("row", genuine(5))
def test_a_line_is_read_back_exactly(row: Row) -> None:
    assert read_line(line_of(row)) == row
    line = json.loads(line_of(row))
    assert list(line) == ["seq", "writer", "prev", "hash", "entry"]
    assert line["entry"]["event"]


def test_a_body_that_looks_like_the_end_of_a_line_stays_whole() -> None:
    body = b'{"a":"\\",\\"entry\\":{}}","entry":{"hash":"x"}}'
    row = Row(3, WriterId("wrt_a"), ORIGIN, link("wrt_a", 3, ORIGIN, body), body)
    assert read_line(line_of(row)) == row


@given(st.binary(max_size=300))
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_line(line)


@given(
    one=st.tuples(st.sampled_from(["wrt_a", "wrt_a1"]), st.integers(1, 200), st.binary(max_size=8)),
    other=st.tuples(st.sampled_from(["wrt_a", "wrt_a1"]), st.integers(1, 200), st.binary(max_size=8)),
)
def test_no_two_entries_share_a_hash(one: tuple[str, int, bytes], other: tuple[str, int, bytes]) -> None:
    same = link(one[0], one[1], ORIGIN, one[2]) == link(other[0], other[1], ORIGIN, other[2])
    assert same == (one == other)
