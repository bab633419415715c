"""The REST operations of an upstream: which method and path is which operation.

A request is matched on its method and its decoded segments. Where several templates fit, the one that is
literal earliest wins (`/orders/search` before `/orders/{order}` before `/{rest+}`), so the order of the
file does not matter; two templates that fit exactly the same paths are refused when the file is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from gatepass.access import Json
from gatepass.gateway.operations.rules import Rule
from gatepass.gateway.operations.segments import read_template

__all__ = ["METHODS", "BodyUse", "Match", "PathTemplate", "RestOperation", "RestOperations"]

METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class BodyUse(StrEnum):
    """What an operation does with a request's body."""

    NONE = "none"
    """There is none; one that comes is refused."""
    JSON = "json"
    """It is read whole, decided on, and forwarded byte for byte."""
    STREAM = "stream"
    """Nothing in it is decided on: it is passed on as it arrives."""


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """`/orders/{order}/refunds`. `segments` holds literals, decoded; a variable is None and has its name in `names`."""

    segments: tuple[str | None, ...]
    names: tuple[str, ...]
    rest: bool = False
    """Whether the last variable takes all remaining segments, one at least."""
    slash: bool = False
    """Whether the path ends in a slash."""

    @classmethod
    def parse(cls, text: str) -> "PathTemplate":
        """Read a template, its literals written as they stand in a path. Raises ValueError with what was expected."""
        if not text.startswith("/"):
            raise ValueError("a path that begins with `/`")
        slash = text.endswith("/") and text != "/"
        parts = text[1:-1].split("/") if slash else text[1:].split("/")
        if parts == [""]:
            return cls((), ())
        segments, names, rest = read_template(parts)
        if rest and slash:
            raise ValueError("no slash after a variable that takes the rest of the path")
        return cls(segments, names, rest, slash)


@dataclass(frozen=True, slots=True)
class RestOperation:
    """One mapped operation."""

    method: str
    template: PathTemplate
    rule: Rule
    body: BodyUse
    max_body: int
    """Bytes."""
    content_types: frozenset[str] = frozenset()
    """Of a streamed body; empty means any that is not a form."""


class Match(msgspec.Struct, frozen=True):
    """An operation, and what the path's variables took."""

    operation: RestOperation
    variables: dict[str, Json]


@dataclass(slots=True)
class _Fork:
    """The templates that agree so far."""

    literals: dict[str, "_Fork"] = field(default_factory=dict)
    variable: "_Fork | None" = None
    ends: dict[tuple[str, bool], RestOperation] = field(default_factory=dict)
    """By method and whether the path ends in a slash."""
    rests: dict[str, RestOperation] = field(default_factory=dict)


class RestOperations:
    """All operations of one upstream. Immutable once made."""

    __slots__ = ("_operations", "_root", "headers")

    def __init__(self, operations: Sequence[RestOperation] = (), headers: frozenset[bytes] = frozenset()) -> None:
        """Raises ValueError, with the place of the second one, when two operations fit the same requests."""
        self.headers = headers
        """Request headers that are passed on beyond the usual ones."""
        self._operations = tuple(operations)
        self._root = _Fork()
        for place, operation in enumerate(operations):
            if not _plant(self._root, operation):
                raise ValueError(place)

    def __iter__(self) -> Iterator[RestOperation]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def match(self, method: str, segments: Sequence[str], *, slash: bool = False) -> Match | None:
        """The operation that a request is, with its variables; None for one that nobody mapped."""
        found = _walk(self._root, method, segments, 0, slash=slash)
        if found is None:
            return None
        template = found.template
        taken = [value for literal, value in zip(template.segments, segments, strict=False) if literal is None]
        if template.rest:
            taken[-1] = "/".join(segments[len(template.segments) - 1 :])
        return Match(found, dict(zip(template.names, taken, strict=True)))


def _plant(root: _Fork, operation: RestOperation) -> bool:
    template = operation.template
    here = root
    for place, literal in enumerate(template.segments):
        if template.rest and place == len(template.segments) - 1:
            return here.rests.setdefault(operation.method, operation) is operation
        if literal is None:
            here.variable = here.variable or _Fork()
            here = here.variable
        else:
            here = here.literals.setdefault(literal, _Fork())
    return here.ends.setdefault((operation.method, template.slash), operation) is operation


def _walk(here: _Fork, method: str, segments: Sequence[str], place: int, *, slash: bool) -> RestOperation | None:
    """Literal before variable before rest; each fork is visited once at most, whatever the request."""
    if place == len(segments):
        return here.ends.get((method, slash))
    literal = here.literals.get(segments[place])
    for fork in (literal, here.variable):
        if fork is not None and (found := _walk(fork, method, segments, place + 1, slash=slash)) is not None:
            return found
    return None if slash else here.rests.get(method)
