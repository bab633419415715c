"""How the arguments of a call become the resource and the properties that are decided on.

A rule belongs to one operation. What it looks at is fixed when the file is read; a call either fits it or
is refused. Every argument is looked at (as the resource, as a property) or refused: there is no third kind.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol, TypeAlias

import msgspec

from gatepass.access import UNKNOWN, Action, Json, Resource, Unknown
from gatepass.authority import Pattern, PropertyType
from gatepass.errors import Malformed
from gatepass.gateway.operations.sources import ABSENT, Absent, Shape, Source, check_shape, identifier, reads_alike

__all__ = ["Ids", "Naming", "Nothing", "OpenParts", "Parts", "Property", "Ranged", "Rule", "Template"]

_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?")
"""A number in a path or query: plain digits. Exponents, signs `+` and leading zeros are read differently by readers."""
_SEPARATORS: Final = re.compile(r"[:/]")


class Parts(msgspec.Struct, frozen=True):
    """What one call touches and says, ready to be put into an `Access`."""

    resource: Resource
    properties: Mapping[str, Json]
    free: frozenset[str]


OpenParts: TypeAlias = tuple[str, Resource | Unknown, frozenset[str], frozenset[str]]
"""Type, resource, the properties that a call may have, and those of them that are free."""


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and sources in turn: `{path.owner}/{path.repo}`."""

    parts: tuple[str | Source, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources in it."""
        return tuple(part for part in self.parts if isinstance(part, Source))

    def fill(self, arguments: Mapping[str, Json], spelled: Callable[[str], str] = str) -> str:
        """The text, with each source's value as `spelled` writes it.

        Only the last source's value may hold separators: in an earlier one, two different calls could come
        to the same text. Between two sources the reader of the file insists on a separator.
        """
        filled: list[str] = []
        last = self.sources[-1] if self.sources else None
        for part in self.parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            text = identifier(_single(part, arguments), part)
            if _SEPARATORS.search(text) and (part is not last or _SEPARATORS.match(text)):
                raise Malformed("malformed_request", f"`{part}` may not hold `:` or `/` here")
            filled.append(spelled(text))
        return "".join(filled)


class Naming(Protocol):
    """How a rule finds what is touched."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that it reads."""
        ...

    def resource(self, type_: str, arguments: Mapping[str, Json]) -> Resource:
        """What the call touches. Raises `Malformed` when the arguments do not say so."""
        ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """The operation names no id: it touches the type as a whole."""

    sources: tuple[Source, ...] = ()

    def resource(self, type_: str, arguments: Mapping[str, Json]) -> Resource:
        """The type, and nothing of it by name."""
        del arguments
        return Resource(type_)


@dataclass(frozen=True, slots=True)
class Ids:
    """One id, or the ids in a list, perhaps as paths below a folder."""

    template: Template
    root: str | None = None
    """An absolute folder: ids are the paths below it, and every value has to be an absolute path inside."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources in the template."""
        return self.template.sources

    def resource(self, type_: str, arguments: Mapping[str, Json]) -> Resource:
        """The ids that the arguments name, each of which has to be covered."""
        parts = self.template.parts
        if len(parts) == 1 and isinstance(parts[0], Source):
            source = parts[0]
            found = source.find(arguments)
            if found is ABSENT:
                raise _missing(source)
            ids = tuple(identifier(value, source) for value in found)
            if self.root is not None:
                ids = tuple(_below(self.root, text, source) for text in ids)
            return Resource(type_, ids)
        return Resource(type_, (self.template.fill(arguments),))


@dataclass(frozen=True, slots=True)
class Ranged:
    """Everything that a pattern names: what a listing touches."""

    template: Template

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources in the template."""
        return self.template.sources

    def resource(self, type_: str, arguments: Mapping[str, Json]) -> Resource:
        """The pattern; a value in it stands for itself, never for a `*`."""
        return Resource(type_, pattern=self.template.fill(arguments, _literal))


@dataclass(frozen=True, slots=True)
class Property:
    """One declared property of an operation, and where a call carries it."""

    path: tuple[str, ...]
    """Its name, in steps: `labels.env` is `("labels", "env")`."""
    kind: PropertyType
    non_negative: bool
    source: Source
    textual: bool
    """Whether the source is text by nature (path, query), so that the declared type says how it is read."""

    def read(self, arguments: Mapping[str, Json]) -> "Json | Absent":
        """The property's value. Raises `Malformed` for a value of another type than the declared one."""
        found = self.source.find(arguments)
        if found is ABSENT:
            return ABSENT
        if self.source.many:
            # A list of values is an array, whatever its members are; limits on a scalar veto it.
            if self.kind not in {PropertyType.ARRAY, PropertyType.ANY}:
                raise Malformed("malformed_request", f"`{self.source}` has to be a {self.kind}")
            return found
        return self._typed(found[0])

    def _typed(self, value: Json) -> Json:
        if self.textual and isinstance(value, str):
            value = _from_text(value, self.kind)
        if value is not None and not _fits(value, self.kind):
            raise Malformed("malformed_request", f"`{self.source}` has to be a {self.kind}")
        if isinstance(value, Decimal) and not reads_alike(value):
            raise Malformed("malformed_request", f"`{self.source}` is a number that not every reader reads alike")
        if self.non_negative and isinstance(value, Decimal) and (value < 0 or value.is_signed()):
            raise Malformed("malformed_request", f"`{self.source}` may not be negative")
        return value


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation: what it is called, and how its calls are read."""

    type: str
    action: Action
    naming: Naming
    properties: tuple[Property, ...]
    shape: Shape
    free: frozenset[str] = field(default=frozenset())

    def parts(self, arguments: Mapping[str, Json]) -> Parts:
        """What a call with these arguments touches and says. Raises `Malformed` for anything not declared."""
        check_shape(arguments, self.shape)
        resource = self.naming.resource(self.type, arguments)
        properties: dict[str, Json] = {}
        for declared in self.properties:
            value = declared.read(arguments)
            if value is ABSENT:
                continue
            _place(properties, declared.path, value)
        return Parts(resource, properties, self.free)

    def open_parts(self) -> OpenParts:
        """What can be said of a call before its arguments are known."""
        resource: Resource | Unknown = UNKNOWN
        if not self.naming.sources:
            resource = self.naming.resource(self.type, {})
        return self.type, resource, frozenset(declared.path[0] for declared in self.properties), self.free


def _single(source: Source, arguments: Mapping[str, Json]) -> Json:
    found = source.find(arguments)
    if found is ABSENT:
        raise _missing(source)
    return found[0]


def _missing(source: Source) -> Malformed:
    return Malformed("malformed_request", f"`{source}` is missing")


def _literal(text: str) -> str:
    pattern = Pattern.of_id(text)
    if pattern is None:
        raise Malformed("malformed_request", "a part of the listed range is not a well-formed id")
    return str(pattern)


def _below(root: str, text: str, source: Source) -> str:
    """The path relative to `root`. Refused are other folders, relative paths, `..`, and the root itself."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text:
        raise Malformed("malformed_request", f"`{source}` has to be an absolute path with plain `/`")
    if ".." in text.split("/"):
        raise Malformed("malformed_request", f"`{source}` may not hold `..`")
    path = posixpath.normpath(text)
    inside = root.rstrip("/") + "/"
    if not path.startswith(inside) or path == inside:
        raise Malformed("malformed_request", f"`{source}` is not below the folder that this operation is for")
    return path[len(inside) :]


def _place(properties: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    here = properties
    for step in path[:-1]:
        below = here.setdefault(step, {})
        assert isinstance(below, dict)  # noqa: S101  no property is inside another: the file was refused
        here = below
    if path[-1] in here:
        raise Malformed("malformed_request", f"`{'.'.join(path)}` is sent in two places")
    here[path[-1]] = value


def _from_text(text: str, kind: PropertyType) -> Json:
    """A text of a path or query as the declared type reads it; the text itself where it does not fit."""
    match kind:
        case PropertyType.NUMBER:
            return Decimal(text) if _DECIMAL.fullmatch(text) else text
        case PropertyType.BOOLEAN:
            return {"true": True, "false": False}.get(text, text)
        case _:
            return text


def _fits(value: Json, kind: PropertyType) -> bool:
    match kind:
        case PropertyType.STRING:
            return isinstance(value, str)
        case PropertyType.NUMBER:
            return isinstance(value, Decimal)
        case PropertyType.BOOLEAN:
            return isinstance(value, bool)
        case PropertyType.OBJECT:
            return isinstance(value, Mapping)
        case PropertyType.ARRAY:
            return isinstance(value, tuple)
        case PropertyType.ANY:
            return True
