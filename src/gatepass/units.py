"""How spans of time, sizes and rates are written: one grammar for settings, commands and messages.

A whole number and one unit, nothing else: `10m`, `4h`, `1MiB`, `60/1m`. No fractions, no sums, no spaces and no
bare numbers, because `1.5h`, `1h30m` and `90` are read differently by different people. Values are whole
milliseconds and whole bytes. Printing is the inverse of parsing. Instants are RFC 3339 and name their offset.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from gatepass.errors import Malformed

__all__ = [
    "DURATION_EXPECTED",
    "RATE_EXPECTED",
    "SIZE_EXPECTED",
    "duration_text",
    "instant_text",
    "parse_duration",
    "parse_instant",
    "parse_rate",
    "parse_size",
    "rate_text",
    "size_text",
]

DURATION_EXPECTED: Final = "a whole number and one unit, such as 30s, 10m, 4h or 7d"
SIZE_EXPECTED: Final = "a whole number and one unit, such as 512B, 64KiB, 1MiB or 2GiB"
RATE_EXPECTED: Final = "a whole number per span, such as 60/1m, 10/30s or 1000/1d"

_DURATION_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_SIZE_UNITS: Final = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}

_LONGEST_DURATION: Final = 3_650 * _DURATION_UNITS["d"]
_LARGEST_SIZE: Final = 1 << 40
_LARGEST_COUNT: Final = 1_000_000_000

_QUANTITY: Final = re.compile(r"(0|[1-9][0-9]{0,14})([A-Za-z]{1,3})", re.ASCII)
_RATE: Final = re.compile(r"([1-9][0-9]{0,9})/([0-9]+[a-z]{1,2})", re.ASCII)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> int:
    """`2026-11-22T14:00:00Z` as milliseconds. Raises `ValueError` for what is no instant, or names no offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant names its offset from UTC")
    return (at - _EPOCH) // timedelta(milliseconds=1)


def instant_text(at: int) -> str:
    """`2026-11-22T18:04:05.123Z`."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """`4h` as milliseconds, at most ten years. Zero is no span of time. Raises `Malformed`."""
    return _quantity(text, _DURATION_UNITS, _LONGEST_DURATION, "a span of time", DURATION_EXPECTED)


def duration_text(milliseconds: int) -> str:
    """The shortest text that `parse_duration` reads back as `milliseconds`."""
    return _text(milliseconds, _DURATION_UNITS)


def parse_size(text: str) -> int:
    """`1MiB` as bytes, at most 1024 GiB. Raises `Malformed`."""
    return _quantity(text, _SIZE_UNITS, _LARGEST_SIZE, "a size", SIZE_EXPECTED)


def size_text(size: int) -> str:
    """The shortest text that `parse_size` reads back as `size` bytes."""
    return _text(size, _SIZE_UNITS)


def parse_rate(text: str) -> tuple[int, int]:
    """`60/1m` as a count and a period in milliseconds. Raises `Malformed`."""
    found = _RATE.fullmatch(text)
    if found is None or int(found[1]) > _LARGEST_COUNT:
        raise _malformed(text, "a rate", RATE_EXPECTED)
    try:
        return int(found[1]), parse_duration(found[2])
    except Malformed:
        raise _malformed(text, "a rate", RATE_EXPECTED) from None


def rate_text(count: int, period: int) -> str:
    """The text that `parse_rate` reads back; `period` is in milliseconds."""
    return f"{count}/{duration_text(period)}"


def _quantity(text: str, units: dict[str, int], most: int, what: str, expected: str) -> int:
    found = _QUANTITY.fullmatch(text)
    unit = units.get(found[2]) if found is not None else None
    if found is None or unit is None or not 0 < int(found[1]) * unit <= most:
        raise _malformed(text, what, expected)
    return int(found[1]) * unit


def _text(value: int, units: dict[str, int]) -> str:
    name, unit = next((name, unit) for name, unit in units.items() if value % unit == 0)
    return f"{value // unit}{name}"


def _malformed(text: str, what: str, expected: str) -> Malformed:
    shown = text if len(text) <= 40 and text.isprintable() else "…"  # noqa: PLR2004 - a line, not a page
    return Malformed("malformed_request", f"`{shown}` is not {what}", hint=f"Write {expected}.")
