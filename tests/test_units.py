"""One grammar of spans, sizes and rates: strict, and printed as it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import Malformed
from gatepass.units import duration_text, parse_duration, parse_rate, parse_size, rate_text, size_text


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("250ms", 250), ("30s", 30_000), ("10m", 600_000), ("4h", 14_400_000), ("7d", 604_800_000)],
)
def test_a_span_is_a_whole_number_and_one_unit(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "4", "h", "4 h", " 4h", "4h ", "4h\n", "4H", "4hours", "1h30m", "1.5h", "+4h", "-4h", "04h", "0h", "0ms"),
        *(
            "4w",
            "4y",
            "٤h",
            "4µs",
            "9999d",
            "999999999999999d",
            "99999999999999999999s",
            "1e3s",
            "4h\x00",
            "inf",
            "none",
        ),
    ],
)
def test_anything_else_is_refused_as_a_span(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_duration(text)
    assert caught.value.hint == "Write a whole number and one unit, such as 30s, 10m, 4h or 7d."
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("text", "size"), [("512B", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30)])
def test_a_size_is_a_whole_number_and_one_unit(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert size_text(size) == text


@pytest.mark.parametrize("text", ["", "64", "64K", "64KB", "64kib", "64 KiB", "-1B", "0B", "1TiB", "2000GiB", "1.5MiB"])
def test_anything_else_is_refused_as_a_size(text: str) -> None:
    with pytest.raises(Malformed):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "rate"), [("60/1m", (60, 60_000)), ("10/30s", (10, 30_000)), ("1000/1d", (1000, 86_400_000))]
)
def test_a_rate_is_a_count_per_span(text: str, rate: tuple[int, int]) -> None:
    assert parse_rate(text) == rate
    assert rate_text(*rate) == text


@pytest.mark.parametrize(
    "text", ["", "60", "60/", "/1m", "60/m", "0/1m", "60/0s", "60/1m/2", "60 / 1m", "6e1/1m", "60/1w", "9999999999/1s"]
)
def test_anything_else_is_refused_as_a_rate(text: str) -> None:
    with pytest.raises(Malformed, match="is not a rate"):
        parse_rate(text)


@given(st.integers(1, 3_650 * 86_400_000))
def test_spans_are_printed_as_they_are_read(milliseconds: int) -> None:
    assert parse_duration(duration_text(milliseconds)) == milliseconds


@given(st.integers(1, 1 << 40))
def test_sizes_are_printed_as_they_are_read(size: int) -> None:
    assert parse_size(size_text(size)) == size


@given(st.text(max_size=60))
def test_no_text_makes_the_readers_raise_anything_else(text: str) -> None:
    for reader in (parse_duration, parse_size, parse_rate):
        said = ""
        try:
            reader(text)
        except Malformed as error:
            said = error.message
        assert said.isprintable()
