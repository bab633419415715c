"""How caveats are written: `[number, field, …]`, each number from one table.

The law: the table is append-only. A number is never given to another kind, fields are neither reordered nor dropped,
and a new field stands at the end with a default. What cannot be read, a number of the future included, becomes a
caveat that vetoes everything and is written back as it came, so that passing an authority on never loses a condition.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self

from gatepass import exact
from gatepass.access import Access, Json, PartialAccess, Veto
from gatepass.authority.caveats.circumstances import Audience, Expires, Networks, NotBefore
from gatepass.authority.caveats.evidence import Approved, Attested, Log, Purpose, Run, SubjectKey
from gatepass.authority.caveats.kinds import Caveat, malformed, vetoed, whole
from gatepass.authority.caveats.meters import Calls, Rate, SingleUse, Spending
from gatepass.authority.caveats.weekly import Weekly
from gatepass.authority.caveats.within import Within
from gatepass.errors import Malformed

__all__ = ["BY_NUMBER", "All", "Unreadable", "leaves", "parse_caveat", "read_caveat", "write_caveat"]

MAX_DEPTH: Final = 8
MAX_PARTS: Final = 64
"""Most caveats that one conjunction may come to, when it is laid out flat."""


@dataclass(frozen=True, slots=True)
class All:
    """Vetoes when one of `parts` does."""

    number: ClassVar[int] = 12
    parts: tuple[Caveat, ...]

    def __post_init__(self) -> None:
        """Raise `Malformed` when empty, too deep or too long."""
        if not self.parts or _depth(self) > MAX_DEPTH or sum(1 for _ in leaves(self)) > MAX_PARTS:
            raise malformed(f"a conjunction has 1 to {MAX_PARTS} parts, at most {MAX_DEPTH} deep")

    def veto(self, access: Access) -> Veto | None:
        """Give the first veto."""
        return next((veto for part in self.parts if (veto := part.veto(access)) is not None), None)

    def may_hold(self, partial: PartialAccess) -> bool:
        """Each part may."""
        return all(part.may_hold(partial) for part in self.parts)

    def implies(self, other: Caveat) -> bool:
        """Each leaf of the other is implied by one of ours."""
        return all(any(mine.implies(its) for mine in leaves(self)) for its in leaves(other))

    def fields(self) -> tuple[Json, ...]:
        """`[[caveat, ...]]`."""
        return (tuple(map(write_caveat, self.parts)),)

    @classmethod
    def read(cls, parts: Json) -> Self:
        """Undo `fields`."""
        if not isinstance(parts, tuple) or len(parts) > MAX_PARTS:
            raise malformed("a conjunction is a list of caveats")
        return cls(tuple(map(parse_caveat, parts)))


@dataclass(frozen=True, slots=True, eq=False)
class Unreadable:
    """What could not be read: vetoes everything."""

    number: ClassVar[int] = 0
    raw: Json
    """As it came."""

    def veto(self, _access: Access) -> Veto | None:
        """Always."""
        return vetoed("a caveat cannot be read", "caveat_unreadable")

    def may_hold(self, _partial: PartialAccess) -> bool:
        """Never."""
        return False

    def implies(self, other: Caveat) -> bool:
        """Only what is written the same: what a newer reader makes of it is not known."""
        return self == other

    def __eq__(self, other: object) -> bool:
        """By the bytes written: Python takes 1 for `True`."""
        return isinstance(other, Unreadable) and _spelling(self.raw) == _spelling(other.raw)

    def __hash__(self) -> int:
        """One for all: JSON objects have none."""
        return hash(Unreadable)

    def fields(self) -> tuple[Json, ...]:
        """None of ours: `write_caveat` writes `raw`."""
        return ()


BY_NUMBER: Final[Mapping[int, Callable[..., Caveat]]] = {
    1: Expires.read,
    2: NotBefore.read,
    3: Weekly.read,
    4: Networks.read,
    5: Audience.read,
    6: Run.read,
    7: SubjectKey.read,
    8: Attested.read,
    9: Approved.read,
    10: Purpose.read,
    11: Log.read,
    12: All.read,
    13: Calls.read,
    14: SingleUse.read,
    15: Spending.read,
    16: Rate.read,
    17: Within.read,
}
"""The readers of each kind's fields. Append-only."""


def leaves(caveat: Caveat) -> Iterator[Caveat]:
    """Lay a conjunction out flat."""
    if isinstance(caveat, All):
        for part in caveat.parts:
            yield from leaves(part)
    else:
        yield caveat


def write_caveat(caveat: Caveat) -> Json:
    """Write a caveat as a JSON array; what could not be read, as it came."""
    return caveat.raw if isinstance(caveat, Unreadable) else (Decimal(caveat.number), *caveat.fields())


def parse_caveat(value: Json) -> Caveat:
    """Read a caveat, strictly. Raises `Malformed` (`malformed_caveat`)."""
    if not isinstance(value, tuple) or not value:
        raise malformed("a caveat is written as an array that begins with its number")
    number = whole(value[0], "a caveat's number")
    read = BY_NUMBER.get(number)
    if read is None:
        raise malformed(f"no caveat has the number {number}")
    try:
        caveat = read(*value[1:])
    except TypeError:
        raise malformed(f"the caveat {number} does not have {len(value) - 1} fields") from None
    if write_caveat(caveat) != value:
        raise malformed(f"the caveat {number} is not in canonical form")
    return caveat


def read_caveat(value: Json) -> Caveat:
    """Read a caveat, totally: what cannot be read becomes `Unreadable`."""
    try:
        return parse_caveat(value)
    except (Malformed, RecursionError):
        return Unreadable(value)


def _spelling(raw: Json) -> bytes | int:
    try:
        return exact.write(raw)
    except (TypeError, ValueError, RecursionError):
        # Never read from a text, so equal to itself alone.
        return id(raw)


def _depth(caveat: Caveat) -> int:
    return 1 + max(map(_depth, caveat.parts)) if isinstance(caveat, All) else 0
