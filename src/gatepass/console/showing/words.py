"""Text as people can trust it: whatever an agent or an upstream wrote is shown, bounded, and cannot pose as ours.

Templates escape markup; what is left is what no escaping touches. Control characters, marks that turn the
direction of text round and characters without a width are spelt out, so that a name cannot be made to read as
another, and a line break cannot begin a line of ours. Instants are UTC, as the journal has them.
"""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup, escape

__all__ = ["FILTERS", "instant_words", "milliseconds", "shorten", "since", "span_words", "visible"]

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_MOST_MARKS: Final = 2
"""Combining marks that may follow one another: beyond that they are drawn over other lines."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_UNITS: Final = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))


def visible(text: object) -> str:
    """The text with everything that hides or misleads spelt as `⟨U+202E⟩`, runs as `⟨U+202E x9⟩`."""
    shown: list[str] = []
    marks = 0
    for character, run in groupby(str(text)):
        count = sum(1 for _ in run)
        category = unicodedata.category(character)
        marks = marks + count if category in {"Mn", "Me"} else 0
        if character == "\n":
            shown.append("↵\n" * count)
        elif character == "\t":
            shown.append(character * count)
        elif category in _HIDDEN or character in _BLANK or marks > _MOST_MARKS:
            times = f" x{count}" if count > 1 else ""
            shown.append(f"⟨U+{ord(character):04X}{times}⟩")
        else:
            shown.append(character * count)
    return "".join(shown)


def shorten(text: object, most: int = 160) -> str:
    """At most `most` characters, and an ellipsis where something is left out; the first six lines at most."""
    whole = str(text)
    short = whole[:most]
    lines = short.split("\n", 6) if most <= _SEVERAL_LINES else [short]
    if len(lines) > 6:  # noqa: PLR2004  what split was asked for
        short = "\n".join(lines[:6])
    return short if short == whole else short.rstrip() + "…"


_SEVERAL_LINES: Final = 1000


def _read(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


def instant_words(text: str) -> str:
    """`22 Nov 2026, 18:04:05` for `2026-11-22T18:04:05.123Z`; what is no instant is returned as it is."""
    at = _read(text)
    if at is None:
        return visible(shorten(text, 40))
    there = at.astimezone(UTC)
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}, {there:%H:%M:%S}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def milliseconds(text: str) -> int:
    """The instant as a number, for the plot; 0 for what is no instant."""
    at = _read(text)
    return 0 if at is None else round(at.timestamp() * 1000)


def since(text: str, now: str) -> str:
    """How long ago, or in how long: `3 minutes ago`, `in 2 hours`."""
    at, then = _read(text), _read(now)
    if at is None or then is None:
        return instant_words(text)
    seconds = round((then - at).total_seconds())
    if abs(seconds) < _SOON:
        return "just now" if seconds >= 0 else "in a moment"
    words = _largest(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


_SOON: Final = 5


def _largest(seconds: int) -> str:
    size, unit = next(each for each in _UNITS if seconds >= each[0])
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"


def span_words(seconds: object) -> str:
    """`8 hours`, `90 minutes`, `30 seconds`: in the largest unit that is exact."""
    try:
        whole = int(str(seconds))
    except ValueError:
        return visible(shorten(seconds, 40))
    if whole <= 0:
        return "0 seconds"
    size, unit = next(each for each in _UNITS if whole % each[0] == 0)
    count = whole // size
    return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"


def typed(value: object) -> Markup:
    """A value that goes back into a form to the letter: escaped, and otherwise as it was typed."""
    return escape("" if value is None else str(value))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "instant_words": instant_words,
    "milliseconds": milliseconds,
    "shorten": shorten,
    "since": since,
    "span_words": span_words,
    "typed": typed,
    "visible": visible,
}
"""What templates/parts use; the shell adds them to its environment."""
