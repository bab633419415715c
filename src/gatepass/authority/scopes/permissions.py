"""Permissions: a resource type, one action by name, a pattern of ids, and limits on properties.

The law: a permission covers an attempt only if it names its type and action, covers every id (or the whole pattern)
that is touched, and every limit holds. Where it has limits, every property of the attempt is limited or declared
free. An attempt that names no id is covered only by a permission without a pattern. A `Scope` is the request form,
whose action may also be a class or `*`; only a catalogue can say what that means.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from gatepass.access import Access, Json, PartialAccess, Resource, Unknown
from gatepass.authority.scopes import notation
from gatepass.authority.scopes.limits import MAX_VALUES, Choice, Domain, is_normal
from gatepass.authority.scopes.notation import MAX_SCOPE, NAME, Limit, Path, path_text
from gatepass.authority.scopes.patterns import Parts, Pattern, id_fault, shown, split_id
from gatepass.errors import Malformed

__all__ = [
    "ABSENT",
    "MAX_IDS",
    "MAX_LIMITS",
    "Absent",
    "Fault",
    "Missed",
    "Permission",
    "Scope",
    "Target",
    "is_free",
    "is_open",
    "look_up",
    "malformed_resource",
]

MAX_LIMITS: Final = 32
"""Most properties that one permission may limit."""
MAX_IDS: Final = 1000
"""Most ids that one attempt may touch."""

_NAME_OR_ALL: Final = re.compile(rf"{NAME.pattern}|\*", re.ASCII)


class Absent:
    """The type of `ABSENT`: no such property."""

    __slots__ = ()


ABSENT: Final = Absent()


class Target(NamedTuple):
    """A resource, cut up once for all the permissions that judge it."""

    ids: tuple[Parts, ...] = ()
    pattern: Pattern | None = None

    @classmethod
    def of(cls, resource: Resource) -> "Target | None":
        """Cut up `resource`. None when it is malformed, and so covered by nothing."""
        if len(resource.ids) == 1:
            parts = split_id(resource.ids[0])
            return None if parts is None else cls((parts,))
        if len(resource.ids) > MAX_IDS:
            return None
        cut = tuple(parts for text in resource.ids if (parts := split_id(text)) is not None)
        if len(cut) != len(resource.ids):
            return None
        try:
            return cls(cut, None if resource.pattern is None else Pattern.parse(resource.pattern))
        except Malformed:
            return None


class Missed(IntEnum):
    """How near a permission came to covering an attempt."""

    ACTION = 0
    RESOURCE = 1
    LIMITS = 2


class Fault(NamedTuple):
    """Why a permission does not cover an attempt."""

    missed: Missed
    detail: str


@dataclass(frozen=True, slots=True, repr=False)
class Permission:
    """`orders:refund:order-12345?amount<=50&amount>=0&currency=USD`. Cannot be wrong: making one checks it."""

    type: str
    action: str
    pattern: Pattern | None = None
    limits: tuple[Limit, ...] = ()
    _flat: bool = field(init=False, compare=False, default=True)
    """Whether no limit walks into an object."""

    def __post_init__(self) -> None:
        """Raise `Malformed` (`malformed_scope`) unless the parts have a text form."""
        _check(self, NAME)
        object.__setattr__(self, "_flat", all(len(limit.path) == 1 for limit in self.limits))

    @classmethod
    def parse(cls, text: str) -> "Permission":
        """Read the canonical text form. Raises `Malformed` (`malformed_scope`)."""
        return cls(*notation.parse(text, actions=NAME))

    def __repr__(self) -> str:
        return f"Permission({str(self)!r})"

    def __str__(self) -> str:
        """Print the canonical text form."""
        return notation.spell(self.type, self.action, self.pattern, self.limits)

    def fault(self, access: Access, target: Target | None) -> Fault | None:
        """Say why the attempt is not covered, or None when it is. `target` is `Target.of(access.resource)`."""
        if self.type != access.resource.type or self.action != access.action.name:
            return Fault(Missed.ACTION, f"it is for `{self.type}:{self.action}`")
        if target is None:
            return Fault(Missed.RESOURCE, malformed_resource(access.resource))
        if not self.covers_target(target):
            return Fault(Missed.RESOURCE, f"`{shown(str(self))}` does not reach the resource")
        if not self.allows(access.properties, access.free):
            return Fault(Missed.LIMITS, self._limits_fault(access.properties, access.free))
        return None

    def covers_target(self, target: Target) -> bool:
        """Whether every id, or the whole pattern, is covered."""
        if self.pattern is None:
            return True
        if target.pattern is not None:
            return self.pattern.covers(target.pattern)
        return bool(target.ids) and all(self.pattern.covers_parts(parts) for parts in target.ids)

    def domain(self, path: Path) -> Domain | None:
        """Give the limits on the property at `path`, None when it has none."""
        return next((limit.domain for limit in self.limits if limit.path == path), None)

    def covers(self, other: "Permission") -> bool:
        """Whether every attempt that `other` covers is covered.

        A permission with limits demands that every property be limited or free, so it covers only permissions that
        limit the same properties: what one of them leaves to the catalogue the other would not.
        """
        if self.type != other.type or self.action != other.action:
            return False
        if self.pattern is not None and (other.pattern is None or not self.pattern.covers(other.pattern)):
            return False
        if not self.limits:
            return True
        return len(self.limits) == len(other.limits) and all(
            mine.path == its.path and mine.domain.covers(its.domain)
            for mine, its in zip(self.limits, other.limits, strict=True)
        )

    def meet(self, other: "Permission") -> "tuple[Permission, ...]":
        """Give permissions that, all together, cover exactly what both cover; none when that is nothing.

        One, where one can say it. Where both have limits, on different properties, no single permission can, because
        each demands that what it does not limit be free: then both, each with the pattern that they share.
        """
        if self.type != other.type or self.action != other.action:
            return ()
        pattern = self.pattern or other.pattern
        if self.pattern is not None and other.pattern is not None:
            pattern = self.pattern.meet(other.pattern)
            if pattern is None:
                return ()
        try:
            limits = notation.collect([*self.limits, *other.limits])
        except Malformed:
            return ()
        try:
            if not self.limits or not other.limits or len(limits) == len(self.limits) == len(other.limits):
                return (Permission(self.type, self.action, pattern, limits),)
            return tuple(Permission(self.type, self.action, pattern, each.limits) for each in (self, other))
        except Malformed:
            # What both say is too long to be said at once.
            return (self, other)

    def allows(self, properties: Mapping[str, Json], free: frozenset[str]) -> bool:
        """Whether every limit holds and, if there are any, every property is limited or free."""
        for path, domain in self.limits:
            value = look_up(properties, path)
            if isinstance(value, Absent) or not domain.admits(value):
                return False
        # Where as many properties are there as are limited, and each limited one was found, none is left over.
        if not self.limits or (self._flat and len(properties) == len(self.limits)):
            return True
        return self._accounts_for(properties, free)

    def _limits_fault(self, properties: Mapping[str, Json], free: frozenset[str]) -> str:
        for limit in self.limits:
            value = look_up(properties, limit.path)
            if isinstance(value, Absent):
                return f"`{path_text(limit.path)}` is missing and has to be within `{shown(str(limit))}`"
            if not limit.domain.admits(value):
                return f"`{path_text(limit.path)}` has to be within `{shown(str(limit))}`"
        unlimited = next(self._unlimited(properties, free), ())
        return f"`{shown(path_text(unlimited))}` is neither limited nor declared free"

    def may_allow(self, partial: PartialAccess) -> bool:
        """Whether the limits hold for what is known of the attempt, and could for the rest."""
        if not self.limits:
            return True
        for limit in self.limits:
            if limit.path[0] in partial.properties:
                value = look_up(partial.properties, limit.path)
                if isinstance(value, Absent) or not limit.domain.admits(value):
                    return False
            elif not is_open(partial, limit.path[0]):
                return False
        return next(self._unlimited(partial.properties, partial.free), None) is None

    def _accounts_for(self, properties: Mapping[str, Json], free: frozenset[str]) -> bool:
        """Whether every property is limited or free."""
        if not self._flat:
            return next(self._unlimited(properties, free), None) is None
        # The same, where names are compared and nothing is walked into: a property holds both to one answer.
        limited = [limit.path[0] for limit in self.limits]
        return all(name in limited or is_free((name,), free) for name in properties)

    def _unlimited(self, properties: Mapping[str, Json], free: frozenset[str], above: Path = ()) -> Iterator[Path]:
        for name, value in properties.items():
            path = (*above, name)
            beneath = [limit.path for limit in self.limits if limit.path[: len(path)] == path]
            if path in beneath or is_free(path, free):
                continue
            if beneath and isinstance(value, Mapping):
                yield from self._unlimited(value, free, path)
            else:
                yield path


@dataclass(frozen=True, slots=True, repr=False)
class Scope:
    """What is asked for: like a permission, but the action may be a class, `*` or a shorthand of the catalogue."""

    type: str
    action: str
    pattern: Pattern | None = None
    limits: tuple[Limit, ...] = ()

    def __post_init__(self) -> None:
        """Raise `Malformed` (`malformed_scope`) unless the parts have a text form."""
        _check(self, _NAME_OR_ALL)

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """Read the canonical text form. Raises `Malformed` (`malformed_scope`)."""
        return cls(*notation.parse(text, actions=_NAME_OR_ALL))

    def __repr__(self) -> str:
        return f"Scope({str(self)!r})"

    def __str__(self) -> str:
        """Print the canonical text form."""
        return notation.spell(self.type, self.action, self.pattern, self.limits)


def look_up(properties: Mapping[str, Json], path: Path) -> "Json | Absent":
    """Give the value at `path`, walking into objects only."""
    if len(path) == 1:
        return properties.get(path[0], ABSENT)
    found: Json | Absent = properties
    for name in path:
        if type(found) is not dict and not isinstance(found, Mapping):
            return ABSENT
        found = found.get(name, ABSENT)
    return found


def is_open(partial: PartialAccess, name: str) -> bool:
    """Whether the property `name` is not known yet and may still take any value."""
    return name not in partial.properties and (
        isinstance(partial.open_properties, Unknown) or name in partial.open_properties
    )


def is_free(path: Path, free: frozenset[str]) -> bool:
    """Whether the property at `path`, or an object that it is in, is among the names in `free`."""
    if not free:
        return False
    if len(path) == 1:
        return path_text(path) in free
    return any(path_text(path[: place + 1]) in free for place in range(len(path)))


def malformed_resource(resource: Resource) -> str:
    """Say what is wrong with a resource that no permission can cover."""
    if len(resource.ids) > MAX_IDS:
        return f"more than {MAX_IDS} ids at once"
    for text in resource.ids:
        if (fault := id_fault(text)) is not None:
            return f"an id is covered by no permission: {fault}"
    return "the resource's pattern is malformed"


def _check(scope: Permission | Scope, actions: re.Pattern[str]) -> None:
    if not NAME.fullmatch(scope.type) or not actions.fullmatch(scope.action):
        raise Malformed("malformed_scope", "a type and an action are names in lower case")
    if scope.limits:
        _check_limits(scope.limits)
    if len(str(scope)) > MAX_SCOPE:
        raise Malformed("malformed_scope", f"the text form is longer than {MAX_SCOPE} characters")


@lru_cache(maxsize=4096)
def _check_limits(limits: tuple[Limit, ...]) -> None:
    if len(limits) > MAX_LIMITS:
        raise Malformed("malformed_scope", f"more than {MAX_LIMITS} properties are limited")
    if notation.collect(limits) != limits or not all(is_normal(limit.domain) for limit in limits):
        raise Malformed("malformed_scope", "the limits are not in canonical form")
    if any(_named(limit.domain) > MAX_VALUES for limit in limits):
        raise Malformed("malformed_scope", f"limits on one property name more than {MAX_VALUES} values")


def _named(domain: Domain) -> int:
    return len(domain.values if isinstance(domain, Choice) else domain.but)
