"""What every caveat is, and how its fields are read from JSON.

The law: a caveat can only veto. It is made of plain checked values, so that making one of wrong parts raises
`Malformed` (`malformed_caveat`), and it never raises afterwards, whatever it judges.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar, Final, Protocol, TypeAlias

from gatepass.access import Access, Instant, Json, PartialAccess, Veto
from gatepass.authority.scopes.patterns import is_clean
from gatepass.errors import Malformed

__all__ = [
    "MAX_INSTANT",
    "MAX_LIST",
    "Attempt",
    "Caveat",
    "check_instant",
    "check_texts",
    "instant",
    "listed",
    "malformed",
    "text",
    "texts",
    "vetoed",
    "whole",
]

MAX_LIST: Final = 64
"""Most members of a list in a caveat."""
MAX_INSTANT: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_TEXT: Final = re.compile(r".{1,256}", re.DOTALL)


Attempt: TypeAlias = Access | PartialAccess
"""What has a subject and a context."""


class Caveat(Protocol):
    """A condition of use. `number` is its place in the append-only table of the wire form."""

    number: ClassVar[int]

    def veto(self, access: Access, /) -> Veto | None:
        """Say why the attempt is out of bounds, or None."""
        ...

    def may_hold(self, partial: PartialAccess, /) -> bool:
        """Whether some completion of `partial` is not vetoed. What is unknown counts as maybe."""
        ...

    def implies(self, other: "Caveat", /) -> bool:
        """Whether this vetoes whatever `other` vetoes. False where that cannot be seen."""
        ...

    def fields(self) -> tuple[Json, ...]:
        """Give the fields of the wire form, in their order."""
        ...


def vetoed(detail: str, code: str = "caveat_veto") -> Veto:
    """Make a veto."""
    return Veto(code, detail)


def malformed(why: str) -> Malformed:
    """Make the error of every caveat that cannot be."""
    return Malformed("malformed_caveat", why)


def instant(value: Json) -> Instant:
    """Read an instant: whole milliseconds since the epoch."""
    return Instant(whole(value, "an instant"))


def whole(value: Json, what: str) -> int:
    """Read a whole number that is not negative."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= MAX_INSTANT or value != int(value):
        raise malformed(f"{what}: expected a whole number")
    return int(value)


def texts(value: Json, what: str) -> frozenset[str]:
    """Read a list of different texts."""
    if not isinstance(value, tuple):
        raise malformed(f"{what}: expected a list")
    found = frozenset(text for text in value if isinstance(text, str))
    if len(found) != len(value):
        raise malformed(f"{what}: expected a list of different texts")
    return found


def text(value: Json, what: str) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise malformed(f"{what}: expected a text")
    return value


def listed(values: frozenset[str]) -> tuple[Json, ...]:
    """Undo `texts`."""
    return tuple(sorted(values))


def check_instant(value: object) -> None:
    """Refuse an instant that no clock shows."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INSTANT:
        raise malformed("an instant has to be whole milliseconds between 1970 and 9999")


def check_texts(values: Iterable[object], what: str) -> None:
    """Refuse an empty or overlong list, and members that are not canonical texts."""
    listed = tuple(values)
    if not 1 <= len(listed) <= MAX_LIST:
        raise malformed(f"{what}: expected one to {MAX_LIST}")
    if not all(isinstance(text, str) and _TEXT.fullmatch(text) and is_clean(text) for text in listed):
        raise malformed(f"{what}: expected 1 to 256 characters of canonical text")
