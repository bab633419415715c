"""What there is to be permitted: types, their actions with class and properties, and shorthands.

The law: a catalogue only ever explains what is asked for. Classes, `*` and shorthands are turned into permissions on
named actions when a credential is issued, so that it never widens when an upstream grows, and what the catalogue does
not know is refused with the nearest that it does. Actions of class `admin` are always named. An upper bound has a
lower one, or the property is known not to be negative, and then the expansion says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, Self

from gatepass.access import ActionClass, Json
from gatepass.authority.scopes.limits import Bound, Choice, Domain, Kind, Numbers, Texts
from gatepass.authority.scopes.notation import NAME, Limit, Path, collect, path_of, path_text
from gatepass.authority.scopes.permissions import Permission, Scope
from gatepass.errors import Malformed

__all__ = ["ActionSpec", "Catalogue", "PropertySpec", "PropertyType", "TypeSpec"]

_CLASSES: Final = frozenset(ActionClass)
_NEAREST: Final = 3


class PropertyType(StrEnum):
    """What a property holds. `any` where the catalogue does not say."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """One declared argument of an action."""

    type: PropertyType = PropertyType.ANY
    free: bool = False
    """A permission with limits need not limit it."""
    non_negative: bool = False
    """A number that the upstream refuses below zero."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action of a type."""

    name: str
    kind: ActionClass
    properties: Mapping[Path, PropertySpec] = field(default_factory=dict)

    @property
    def free(self) -> frozenset[str]:
        """The names of the properties declared free, as `Access.free` wants them."""
        return frozenset(path_text(path) for path, spec in self.properties.items() if spec.free)


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """One type of resource."""

    name: str
    actions: Mapping[str, ActionSpec]
    minimum: int = 1
    """Fixed segments that a pattern needs in order not to be broad."""
    shorthands: Mapping[str, tuple[Scope, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The types, by name."""

    types: Mapping[str, TypeSpec] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, value: Json) -> Self:
        """Read `{type: {minimum, actions: {name: {class, properties}}, shorthands}}`.

        Raises `Malformed` (`malformed_catalogue`), the message beginning with the path of what is wrong.
        """
        types = _mapping(value, "types")
        catalogue = cls({name: _type(name, spec) for name, spec in types.items()})
        for spec in catalogue.types.values():
            for name, scopes in spec.shorthands.items():
                _check_shorthand(catalogue, spec, name, scopes)
        return catalogue

    @classmethod
    def merge(cls, *catalogues: "Catalogue") -> Self:
        """Put catalogues side by side. Raises `Malformed` for a type that two of them declare."""
        types: dict[str, TypeSpec] = {}
        for catalogue in catalogues:
            for name, spec in catalogue.types.items():
                if name in types:
                    raise _wrong(f"types.{name}", "the type is declared twice")
                types[name] = spec
        return cls(types)

    def action(self, kind: str, name: str) -> ActionSpec | None:
        """Give one action, None when it is not known."""
        spec = self.types.get(kind)
        return None if spec is None else spec.actions.get(name)

    def expand(self, scope: Scope) -> tuple[Permission, ...]:
        """Turn what is asked for into permissions on named actions, sorted.

        Raises `Malformed`: `unknown_scope` naming the nearest, or `malformed_scope` for limits that cannot be meant.
        """
        if (short := self._shorthand(scope)) is not None:
            return tuple(sorted({each for one in short for each in self.expand(one)}, key=str))
        spec = self.types.get(scope.type)
        actions = [] if spec is None else _meant(spec, scope)
        if not actions:
            raise self._unknown(scope)
        return tuple(
            Permission(scope.type, action.name, scope.pattern, _limits(scope, action))
            for action in sorted(actions, key=lambda action: action.name)
        )

    def broad(self, asked: Permission | Scope) -> str | None:
        """Say why this is broad, or None.

        Broad is, beyond `read`: a class or `*`, no pattern, or fewer fixed segments than the type's minimum.
        """
        if isinstance(asked, Scope) and (short := self._shorthand(asked)) is not None:
            return next((why for one in short if (why := self.broad(one)) is not None), None)
        spec = self.types.get(asked.type)
        actions = (
            [] if spec is None else _meant(spec, asked) if isinstance(asked, Scope) else _named(spec, asked.action)
        )
        if actions and all(action.kind == ActionClass.READ for action in actions):
            return None
        if isinstance(asked, Scope) and (asked.action == "*" or (spec is not None and _is_class(spec, asked.action))):
            return f"`{asked}` names every action of a class, not one"
        if asked.pattern is None:
            return f"`{asked}` names no pattern"
        minimum = 1 if spec is None else spec.minimum
        if asked.pattern.fixed < minimum:
            return f"the pattern of `{asked}` has {asked.pattern.fixed} fixed segments, fewer than {minimum}"
        return None

    def names(self) -> tuple[str, ...]:
        """Give every `type:action` and `type:shorthand`, sorted."""
        return tuple(
            sorted(f"{spec.name}:{name}" for spec in self.types.values() for name in (*spec.actions, *spec.shorthands))
        )

    def _shorthand(self, scope: Scope) -> tuple[Scope, ...] | None:
        """Find a shorthand: `orders:refunds-under-50`, or with its class for a type, `write:refunds-under-50`."""
        if scope.pattern is not None or scope.limits:
            return None
        if scope.type in self.types:
            return self.types[scope.type].shorthands.get(scope.action)
        if scope.type not in _CLASSES:
            return None
        found = [
            scopes
            for spec in self.types.values()
            if (scopes := spec.shorthands.get(scope.action)) is not None
            and {action.kind.value for one in scopes for action in _meant(spec, one)} == {scope.type}
        ]
        return found[0] if len(found) == 1 else None

    def _unknown(self, scope: Scope) -> Malformed:
        asked = f"{scope.type}:{scope.action}"
        spec = self.types.get(scope.type)
        if spec is not None and scope.action in spec.shorthands:
            return Malformed("unknown_scope", f"the shorthand `{asked}` stands alone, without a pattern or limits")
        near = (
            get_close_matches(asked, self.names())
            if spec is None
            else [f"{spec.name}:{name}" for name in _near_actions(spec, scope.action)]
        )
        tail = f"; the nearest: {', '.join(f'`{name}`' for name in near)}" if near else ""
        return Malformed("unknown_scope", f"the scope `{asked}` is not in the catalogue{tail}")


def _near_actions(spec: TypeSpec, asked: str) -> list[str]:
    """Give the names that come near, or, where none does, the first; for the class `admin`, its actions."""
    if asked == ActionClass.ADMIN:
        return sorted(action.name for action in spec.actions.values() if action.kind == ActionClass.ADMIN)[:_NEAREST]
    named = sorted([*spec.actions, *spec.shorthands])
    return get_close_matches(asked, named) or named[:_NEAREST]


def _is_class(spec: TypeSpec, name: str) -> bool:
    """Whether `name` is read as a class: it is a class word, and not merely the name of that class's only action."""
    return name in _CLASSES and [action.name for action in spec.actions.values() if action.kind == name] != [name]


def _named(spec: TypeSpec, name: str) -> list[ActionSpec]:
    return [spec.actions[name]] if name in spec.actions else []


def _meant(spec: TypeSpec, scope: Scope) -> list[ActionSpec]:
    if scope.action == "*":
        return [action for action in spec.actions.values() if action.kind != ActionClass.ADMIN]
    if not _is_class(spec, scope.action):
        return _named(spec, scope.action)
    if scope.action == ActionClass.ADMIN:
        return []
    return [action for action in spec.actions.values() if action.kind == scope.action]


def _limits(scope: Scope, action: ActionSpec) -> tuple[Limit, ...]:
    """Check the limits against what the action declares, and close those below that are known not to be negative."""
    stated: list[Limit] = []
    for limit in scope.limits:
        name = path_text(limit.path)
        declared = _declared(action, limit.path)
        if declared is None:
            near = get_close_matches(name, list(map(path_text, action.properties)))
            tail = f"; the nearest: `{near[0]}`" if near else ""
            raise Malformed("unknown_scope", f"`{scope.type}:{action.name}` has no property `{name}`{tail}")
        if not _of_type(limit.domain, declared.type):
            raise Malformed("malformed_scope", f"`{limit}` can never hold: `{name}` is of type {declared.type.value}")
        stated.append(limit)
        if isinstance(limit.domain, Numbers) and limit.domain.high is not None and limit.domain.low is None:
            if not declared.non_negative:
                raise Malformed("malformed_scope", f"`{limit}` has no lower bound; add `{name}>=0`")
            stated.append(Limit(limit.path, Numbers(low=Bound(Decimal(0), included=True))))
    return collect(stated)


def _declared(action: ActionSpec, path: Path) -> PropertySpec | None:
    """Give what is declared of the property at `path`: itself, or an object that it is in."""
    if path in action.properties:
        return action.properties[path]
    for length in reversed(range(1, len(path))):
        above = action.properties.get(path[:length])
        if above is not None:
            return PropertySpec() if above.type in {PropertyType.OBJECT, PropertyType.ANY} else None
    return None


def _of_type(domain: Domain, kind: PropertyType) -> bool:
    if kind == PropertyType.ANY:
        return True
    wanted = {PropertyType.STRING: Kind.TEXT, PropertyType.NUMBER: Kind.NUMBER, PropertyType.BOOLEAN: Kind.FLAG}.get(
        kind
    )
    if isinstance(domain, Choice):
        return all(value.kind in {wanted, Kind.NULL} for value in domain.values)
    return wanted == (Kind.TEXT if isinstance(domain, Texts) else Kind.NUMBER)


def _check_shorthand(catalogue: Catalogue, spec: TypeSpec, name: str, scopes: Iterable[Scope]) -> None:
    where = f"types.{spec.name}.shorthands.{name}"
    if name in spec.actions or name in _CLASSES:
        raise _wrong(where, "a shorthand is named like an action or a class")
    for scope in scopes:
        if scope.type != spec.name or scope.action in spec.shorthands:
            raise _wrong(where, f"expected scopes of the type `{spec.name}` that are no shorthands themselves")
        try:
            catalogue.expand(scope)
        except Malformed as error:
            raise _wrong(where, error.message) from None


def _type(name: str, value: Json) -> TypeSpec:
    where = f"types.{name}"
    if not NAME.fullmatch(name):
        raise _wrong(where, "expected a name in lower case")
    members = _mapping(value, where)
    _only(members, where, "minimum", "actions", "shorthands")
    minimum = members.get("minimum", Decimal(1))
    if isinstance(minimum, bool) or not isinstance(minimum, int | Decimal) or minimum not in range(65):
        raise _wrong(f"{where}.minimum", "expected a whole number from 0 to 64")
    actions = _mapping(members.get("actions"), f"{where}.actions")
    if not actions:
        raise _wrong(f"{where}.actions", "expected at least one action")
    return TypeSpec(
        name,
        {action: _action(f"{where}.actions.{action}", action, spec) for action, spec in actions.items()},
        int(minimum),
        {
            short: _scopes(f"{where}.shorthands.{short}", short, scopes)
            for short, scopes in _mapping(members.get("shorthands", {}), f"{where}.shorthands").items()
        },
    )


def _action(where: str, name: str, value: Json) -> ActionSpec:
    if not NAME.fullmatch(name):
        raise _wrong(where, "expected a name in lower case")
    members = _mapping(value, where)
    _only(members, where, "class", "properties")
    kind = members.get("class")
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise _wrong(f"{where}.class", "expected one of read, write, delete, admin")
    if name in _CLASSES and name != kind:
        raise _wrong(where, f"an action named `{name}` has to be of that class")
    properties: dict[Path, PropertySpec] = {}
    for text, spec in _mapping(members.get("properties", {}), f"{where}.properties").items():
        try:
            properties[path_of(text)] = _property(f"{where}.properties.{text}", spec)
        except Malformed as error:
            raise (
                error if error.code == "malformed_catalogue" else _wrong(f"{where}.properties", error.message)
            ) from None
    return ActionSpec(name, ActionClass(kind), properties)


def _property(where: str, value: Json) -> PropertySpec:
    members = {"type": value} if isinstance(value, str) else _mapping(value, where)
    _only(members, where, "type", "free", "non_negative")
    kind = members.get("type", "any")
    if not isinstance(kind, str) or kind not in frozenset(PropertyType):
        raise _wrong(where, f"expected a type: {', '.join(PropertyType)}")
    free, non_negative = members.get("free", False), members.get("non_negative", False)
    if not isinstance(free, bool) or not isinstance(non_negative, bool):
        raise _wrong(where, "expected true or false for free and non_negative")
    if non_negative and kind != PropertyType.NUMBER:
        raise _wrong(where, "only a number is non_negative")
    return PropertySpec(PropertyType(kind), free, non_negative)


def _scopes(where: str, name: str, value: Json) -> tuple[Scope, ...]:
    listed = value if isinstance(value, tuple | list) else (value,)
    texts = [text for text in listed if isinstance(text, str)]
    if not NAME.fullmatch(name) or not texts or len(texts) != len(listed):
        raise _wrong(where, "expected a name in lower case, and a scope or a list of scopes")
    try:
        return tuple(map(Scope.parse, texts))
    except Malformed as error:
        raise _wrong(where, error.message) from None


def _mapping(value: Json, where: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong(where, "expected a mapping")
    return value


def _only(members: Mapping[str, Json], where: str, *known: str) -> None:
    if unknown := sorted(set(members) - set(known)):
        raise _wrong(f"{where}.{unknown[0]}", f"expected one of {', '.join(known)}")


def _wrong(where: str, what: str) -> Malformed:
    return Malformed("malformed_catalogue", f"`{where}`: {what}")
