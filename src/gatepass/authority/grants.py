"""Grants and authorities: what a credential may do, as one value.

The law: an authority is a set of grants, a grant one permission under its caveats; the empty authority permits
nothing. An authority is indexed by type, action and pattern when it is first asked, so that deciding does not slow
down with its size. Its JSON form is read totally: a grant that cannot be read permits nothing and is written back as
it came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self, TypeAlias

from gatepass.access import Json
from gatepass.authority.caveats import (
    Calls,
    Caveat,
    Log,
    Meter,
    Rate,
    SingleUse,
    Spending,
    Within,
    leaves,
    read_caveat,
    write_caveat,
)
from gatepass.authority.scopes.patterns import Pattern
from gatepass.authority.scopes.permissions import Permission, Target
from gatepass.errors import Malformed

__all__ = ["MAX_GRANTS", "Authority", "Grant", "authority_from_json", "authority_to_json"]

MAX_GRANTS: Final = 10_000
"""Most grants that are read from JSON."""
MAX_CAVEATS: Final = 64
"""Most caveats of one grant, when conjunctions are laid out flat."""


@dataclass(frozen=True)
class Grant:
    """A permission and the conditions of its use."""

    permission: Permission
    caveats: tuple[Caveat, ...] = ()

    @cached_property
    def text(self) -> str:
        """The permission in its text form, as explanations name the grant."""
        return str(self.permission)

    @cached_property
    def conditions(self) -> tuple[Caveat, ...]:
        """The caveats, with conjunctions laid out flat."""
        return tuple(leaf for caveat in self.caveats for leaf in leaves(caveat))

    @cached_property
    def burdens(self) -> tuple[Meter | Log, ...]:
        """The caveats that ask for something when the grant permits: meters and obligations."""
        return tuple(leaf for leaf in self.conditions if isinstance(leaf, Calls | SingleUse | Spending | Rate | Log))

    @cached_property
    def permissions(self) -> tuple[Permission, ...]:
        """The permission, and those that a caveat demands to be within: an attempt has to be covered by all of them."""
        return (self.permission, *(leaf.permission for leaf in self.conditions if isinstance(leaf, Within)))


Places: TypeAlias = tuple[tuple[str, str | None], ...]
"""The segments of a pattern, or of an id."""


class _Node:
    """One place in the tree of patterns."""

    __slots__ = ("any_one", "ends", "following", "tails")

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.tails: dict[str, list[int]] = {}
        self.following: dict[tuple[str, str | None], _Node] = {}
        self.any_one: dict[str, _Node] = {}

    def add(self, pattern: Pattern, place: int) -> None:
        node = self
        for separator, segment in pattern.parts:
            if segment is None:
                node = node.any_one.setdefault(separator, _Node())
            else:
                node = node.following.setdefault((separator, segment), _Node())
        if pattern.tail is None:
            node.ends.append(place)
        else:
            node.tails.setdefault(pattern.tail, []).append(place)

    def find(self, parts: Places, tail: str | None, at: int, found: list[int]) -> None:
        """Add the places of the patterns that cover an id (`tail` None) or a pattern."""
        node: _Node | None = self
        while node is not None:
            if at == len(parts):
                found += node.ends if tail is None else node.tails.get(tail, ())
                return
            part = parts[at]
            at += 1
            if node.tails and (tails := node.tails.get(part[0])) is not None:
                found += tails
            if node.any_one and (any_one := node.any_one.get(part[0])) is not None:
                any_one.find(parts, tail, at, found)
            node = node.following.get(part)


class _Index:
    """The grants of one type and action, in their order."""

    __slots__ = ("everywhere", "grants", "tree")

    def __init__(self) -> None:
        self.grants: list[Grant] = []
        self.everywhere: list[int] = []
        self.tree = _Node()

    def add(self, grant: Grant) -> None:
        place = len(self.grants)
        self.grants.append(grant)
        if grant.permission.pattern is None:
            self.everywhere.append(place)
        else:
            self.tree.add(grant.permission.pattern, place)

    def reaching(self, parts: Places, tail: str | None) -> list[Grant]:
        found = self.everywhere.copy()
        self.tree.find(parts, tail, 0, found)
        found.sort()
        return [self.grants[place] for place in found]


@dataclass(frozen=True)
class Authority:
    """A set of grants. `unread` are those that could not be read: they permit nothing and are only kept."""

    grants: tuple[Grant, ...] = ()
    unread: tuple[Json, ...] = ()

    @classmethod
    def of(cls, *permissions: Permission | Grant) -> Self:
        """Make an authority of permissions without caveats, or of grants."""
        return cls(tuple(each if isinstance(each, Grant) else Grant(each) for each in permissions))

    @cached_property
    def _by_action(self) -> Mapping[tuple[str, str], _Index]:
        found: dict[tuple[str, str], _Index] = {}
        for grant in self.grants:
            found.setdefault((grant.permission.type, grant.permission.action), _Index()).add(grant)
        return found

    def of_action(self, kind: str, action: str) -> Sequence[Grant]:
        """Give the grants of one type and action, in their order."""
        index = self._by_action.get((kind, action))
        return () if index is None else index.grants

    def reaching(self, kind: str, action: str, target: Target) -> Sequence[Grant]:
        """Give the grants of one type and action whose pattern covers the target's pattern or first id, in order."""
        index = self._by_action.get((kind, action))
        if index is None:
            return ()
        if target.pattern is not None:
            return index.reaching(target.pattern.parts, target.pattern.tail)
        if target.ids:
            return index.reaching(target.ids[0], None)
        return [index.grants[place] for place in index.everywhere]

    def covering(self, permission: Permission) -> Sequence[Grant]:
        """Give the grants whose pattern covers that of `permission`, in their order."""
        return self.reaching(permission.type, permission.action, Target(pattern=permission.pattern))


def authority_to_json(authority: Authority) -> Json:
    """Write an authority: `{"grants": [{"scope": …, "caveats": [[number, …], …]}, …]}`."""
    return {"grants": (*map(_grant_to_json, authority.grants), *authority.unread)}


def authority_from_json(value: Json) -> Authority:
    """Read an authority, totally: what cannot be read permits nothing."""
    grants = value.get("grants") if isinstance(value, Mapping) and len(value) == 1 else None
    if not isinstance(grants, tuple) or len(grants) > MAX_GRANTS:
        return Authority(unread=(value,))
    read = [(_grant_from_json(grant), grant) for grant in grants]
    return Authority(
        tuple(grant for grant, _ in read if grant is not None), tuple(raw for grant, raw in read if grant is None)
    )


def _grant_to_json(grant: Grant) -> Json:
    written: dict[str, Json] = {"scope": str(grant.permission)}
    if grant.caveats:
        written["caveats"] = tuple(map(write_caveat, grant.caveats))
    return written


def _grant_from_json(value: Json) -> Grant | None:
    if not isinstance(value, Mapping) or not {"scope"} <= set(value) <= {"scope", "caveats"}:
        return None
    scope, caveats = value["scope"], value.get("caveats", ())
    if not isinstance(scope, str) or not isinstance(caveats, tuple) or len(caveats) > MAX_CAVEATS:
        return None
    try:
        return Grant(Permission.parse(scope), tuple(map(read_caveat, caveats)))
    except Malformed:
        return None
