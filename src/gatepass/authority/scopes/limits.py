"""Limits on one property: which exact JSON values it may take.

The law: nothing is coerced. A number is compared with numbers, a string with strings; what is absent, of another
type, not finite or not canonical text is refused by every limit. Limits on one property are kept as the one `Domain`
that they come to, so that what means the same is written the same, `covers` and `meet` are exact, and a domain that
no value can satisfy does not exist.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from gatepass import exact
from gatepass.access import Json
from gatepass.authority.scopes.patterns import MAX_ID, Pattern, is_clean
from gatepass.errors import Malformed

__all__ = [
    "MAX_TEXT",
    "MAX_VALUES",
    "Bound",
    "Choice",
    "Domain",
    "Kind",
    "Numbers",
    "Scalar",
    "Texts",
    "domain_of",
    "is_normal",
    "scalar",
]

MAX_VALUES: Final = 64
"""Most values that one property's limits may name."""


MAX_TEXT: Final = 65_536
"""Longest text, in code points, that a limit looks at."""


class Kind(IntEnum):
    """The types of scalars, in the order in which a choice is written."""

    TEXT = 0
    NUMBER = 1
    FLAG = 2
    NULL = 3


class Scalar(NamedTuple):
    """A string, number, boolean or null. Carries its type, because Python takes `True` for 1, and sorts by it first."""

    kind: Kind
    value: str | Decimal | bool | None


def scalar(value: Json) -> Scalar | None:
    """Give `value` its type. None for objects, arrays, infinities, and texts that are too long or not canonical."""
    if isinstance(value, str):
        return Scalar(Kind.TEXT, value) if len(value) <= MAX_ID and is_clean(value) else None
    if isinstance(value, Decimal):
        return Scalar(Kind.NUMBER, value) if value.is_finite() else None
    if isinstance(value, bool):
        return Scalar(Kind.FLAG, value)
    return Scalar(Kind.NULL, None) if value is None else None


class Bound(NamedTuple):
    """One end of an interval."""

    value: Decimal
    included: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some scalars."""

    values: frozenset[Scalar]

    def admits(self, value: Json) -> bool:
        """Whether the property may be `value`."""
        return scalar(value) in self.values

    def covers(self, other: "Domain") -> bool:
        """Whether whatever `other` admits is admitted."""
        return isinstance(other, Choice) and self.values >= other.values

    def meet(self, other: "Domain") -> "Domain | None":
        """Give what both admit, None when that is nothing."""
        both = frozenset(value for value in self.values if other.admits(value.value))
        return Choice(both) if both else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """Any number between two bounds, less some."""

    low: Bound | None = None
    high: Bound | None = None
    but: frozenset[Decimal] = frozenset()

    def admits(self, value: Json) -> bool:
        """Whether the property may be `value`."""
        return (
            isinstance(value, Decimal)
            and value.is_finite()
            and _above(value, self.low)
            and _below(value, self.high)
            and value not in self.but
        )

    def covers(self, other: "Domain") -> bool:
        """Whether whatever `other` admits is admitted."""
        if isinstance(other, Choice):
            return all(self.admits(value.value) for value in other.values)
        return (
            isinstance(other, Numbers)
            and _no_lower(other.low, self.low)
            and _no_higher(other.high, self.high)
            and not any(other.admits(value) for value in self.but)
        )

    def meet(self, other: "Domain") -> "Domain | None":
        """Give what both admit, None when that is nothing."""
        if isinstance(other, Choice):
            return other.meet(self)
        if not isinstance(other, Numbers):
            return None
        low = self.low if _no_lower(self.low, other.low) else other.low
        high = self.high if _no_higher(self.high, other.high) else other.high
        return _numbers(low, high, self.but | other.but)


@dataclass(frozen=True, slots=True)
class Texts:
    """Any canonical string, or any id that a pattern covers, less some."""

    pattern: Pattern | None = None
    but: frozenset[str] = frozenset()

    def admits(self, value: Json) -> bool:
        """Whether the property may be `value`."""
        if not isinstance(value, str) or value in self.but:
            return False
        if self.pattern is None:
            return len(value) <= MAX_TEXT and is_clean(value)
        return self.pattern.covers_id(value)

    def covers(self, other: "Domain") -> bool:
        """Whether whatever `other` admits is admitted."""
        if isinstance(other, Choice):
            return all(self.admits(value.value) for value in other.values)
        if not isinstance(other, Texts) or any(other.admits(value) for value in self.but):
            return False
        return self.pattern is None or (other.pattern is not None and self.pattern.covers(other.pattern))

    def meet(self, other: "Domain") -> "Domain | None":
        """Give what both admit, None when that is nothing."""
        if isinstance(other, Choice):
            return other.meet(self)
        if not isinstance(other, Texts):
            return None
        pattern = self.pattern or other.pattern
        if self.pattern is not None and other.pattern is not None:
            pattern = self.pattern.meet(other.pattern)
            if pattern is None:
                return None
        return _texts(pattern, self.but | other.but)


Domain: TypeAlias = Choice | Numbers | Texts


def domain_of(operator: str, values: Iterable[Json]) -> Domain:
    """Read one operator with its values: any of them for `=`, all of them for every other.

    Raises `Malformed` (`malformed_scope`) with the reason alone, to which the caller adds the property's name.
    """
    listed = tuple(values)
    if not 1 <= len(listed) <= MAX_VALUES:
        raise Malformed("malformed_scope", f"it needs one to {MAX_VALUES} values")
    if operator == "=":
        return Choice(frozenset(_scalar_value(value) for value in listed))
    domain = _single(operator, listed[0])
    for value in listed[1:]:
        met = domain.meet(_single(operator, value))
        if met is None:
            raise Malformed("malformed_scope", "no value can satisfy it")
        domain = met
    return domain


def _single(operator: str, value: Json) -> Domain:
    match operator:
        case "<" | "<=":
            return Numbers(high=Bound(_number_value(value), operator == "<="))
        case ">" | ">=":
            return Numbers(low=Bound(_number_value(value), operator == ">="))
        case "~":
            if not isinstance(value, str):
                raise Malformed("malformed_scope", "`~` needs a pattern")
            return _texts_or_choice(Pattern.parse(value))
        case "!=":
            return _other_than(_scalar_value(value))
        case _:
            raise Malformed("malformed_scope", "an operator is one of = != < <= > >= ~")


def _other_than(value: Scalar) -> Domain:
    if isinstance(value.value, str):
        return Texts(but=frozenset({value.value}))
    if isinstance(value.value, Decimal):
        return Numbers(but=frozenset({value.value}))
    if isinstance(value.value, bool):
        return Choice(frozenset({Scalar(Kind.FLAG, not value.value)}))
    raise Malformed("malformed_scope", "no value can satisfy it: null is the only one of its type")


def _texts_or_choice(pattern: Pattern) -> Domain:
    return Choice(frozenset({Scalar(Kind.TEXT, _literal(pattern))})) if pattern.is_literal else Texts(pattern)


def _literal(pattern: Pattern) -> str:
    return "".join(f"{separator}{segment}" for separator, segment in pattern.parts)


def _scalar_value(value: Json) -> Scalar:
    found = scalar(value)
    if found is None:
        raise Malformed(
            "malformed_scope",
            f"a value is canonical text of at most {MAX_ID} characters, a number, true, false or null",
        )
    if isinstance(found.value, Decimal):
        return Scalar(Kind.NUMBER, _number_value(found.value))
    return found


def _number_value(value: Json) -> Decimal:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Malformed("malformed_scope", "it needs a number")
    try:
        # Through its spelling: equal numbers become identical ones, and one that `exact.read` would refuse is refused.
        return exact.number(exact.spell(value))
    except Malformed as error:
        raise Malformed("malformed_scope", error.message) from None


def is_normal(domain: Domain) -> bool:
    """Whether `domain` is in its one form, admits something and excludes something."""
    try:
        if isinstance(domain, Choice):
            return bool(domain.values) and all(_scalar_value(value.value) == value for value in domain.values)
        if isinstance(domain, Numbers):
            for bound in (domain.low, domain.high):
                _number_value(Decimal(0) if bound is None else bound.value)
            normal = _numbers(domain.low, domain.high, frozenset(map(_number_value, domain.but)))
            return domain != Numbers() and normal == domain
        for value in domain.but:
            _scalar_value(value)
        return domain != Texts() and _texts(domain.pattern, domain.but) == domain
    except Malformed:
        return False


def _above(value: Decimal, low: Bound | None) -> bool:
    return low is None or value > low.value or (low.included and value == low.value)


def _below(value: Decimal, high: Bound | None) -> bool:
    return high is None or value < high.value or (high.included and value == high.value)


def _no_lower(inner: Bound | None, outer: Bound | None) -> bool:
    """Whether nothing above `inner` lies below `outer`."""
    if outer is None or inner is None:
        return outer is None
    return inner.value > outer.value or (inner.value == outer.value and (outer.included or not inner.included))


def _no_higher(inner: Bound | None, outer: Bound | None) -> bool:
    """Whether nothing below `inner` lies above `outer`."""
    if outer is None or inner is None:
        return outer is None
    return inner.value < outer.value or (inner.value == outer.value and (outer.included or not inner.included))


def _numbers(low: Bound | None, high: Bound | None, but: frozenset[Decimal]) -> Domain | None:
    """Normal form: an excluded end is open, a single number is a choice, what lies outside is not excluded again."""
    if low is not None and low.value in but:
        low = Bound(low.value, included=False)
    if high is not None and high.value in but:
        high = Bound(high.value, included=False)
    if low is not None and high is not None:
        if low.value > high.value or (low.value == high.value and not (low.included and high.included)):
            return None
        if low.value == high.value:
            return Choice(frozenset({Scalar(Kind.NUMBER, low.value)}))
    bare = Numbers(low, high)
    return Numbers(low, high, frozenset(value for value in but if bare.admits(value)))


def _texts(pattern: Pattern | None, but: frozenset[str]) -> Domain | None:
    """Normal form: a pattern of one id is a choice, what it does not cover is not excluded again."""
    if pattern is None:
        return Texts(None, but)
    if pattern.is_literal:
        return None if _literal(pattern) in but else _texts_or_choice(pattern)
    return Texts(pattern, frozenset(value for value in but if pattern.covers_id(value)))
