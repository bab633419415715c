"""Where in a request a value stands, and which parts of a request are accounted for.

A request's arguments are one JSON object with a member for each root: `path`, `query`, `body` for REST,
`path` and `arguments` for MCP. A source is a walk into it: `body.customer.id`, or `body.orders[].id` for
each member of a list. A shape is all the sources of one operation together: whatever a caller sends that
is not part of the shape has been looked at by nobody, and is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

from gatepass.access import Json
from gatepass.documents import shown
from gatepass.errors import Malformed

__all__ = [
    "ABSENT",
    "EACH",
    "Absent",
    "Shape",
    "Source",
    "check_shape",
    "identifier",
    "plain_text",
    "reads_alike",
    "shape_of",
]


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Nobody sent it: not the same as null."""

EACH: Final = "[]"
"""The step into every member of a list."""

MOST_IDS: Final = 1000
"""Ids in one call; a batch beyond that is refused."""
LONGEST_ID: Final = 1024

_STEP: Final = re.compile(r"([A-Za-z0-9_$@-]+)(\[\])?")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]*")

Shape: TypeAlias = "Mapping[str, Shape] | None"
"""What is accounted for below one place: named members, or (None) everything."""


@dataclass(frozen=True, slots=True)
class Source:
    """`body.orders[].id` is `Source(("body", "orders", EACH, "id"))`."""

    steps: tuple[str, ...]
    many: bool = field(init=False, repr=False, compare=False)
    """Whether it stands for every member of a list."""

    def __post_init__(self) -> None:
        """Look for a list once: it is asked on every call."""
        object.__setattr__(self, "many", EACH in self.steps)

    @classmethod
    def parse(cls, text: str, roots: Iterable[str]) -> "Source | None":
        """Read a source below one of `roots`; None where the text is not one."""
        root, dot, rest = text.partition(".")
        is_list = root.endswith(EACH)
        if root.removesuffix(EACH) not in roots or (is_list and root != "body[]"):
            return None
        steps = [root.removesuffix(EACH), *([EACH] if is_list else [])]
        if root == "query":
            return cls(("query", rest)) if rest else None  # a parameter's name may hold dots and brackets
        for part in rest.split(".") if dot else ():
            match = _STEP.fullmatch(part)
            if match is None:
                return None
            steps.append(match[1])
            if match[2]:
                steps.append(EACH)
        if (len(steps) == 1) or steps.count(EACH) > 1 or (root == "path" and len(steps) != 2):  # noqa: PLR2004
            return None
        return cls(tuple(steps))

    @property
    def root(self) -> str:
        """`path`, `query`, `body` or `arguments`."""
        return self.steps[0]

    def __str__(self) -> str:
        return ".".join(self.steps).replace(f".{EACH}", EACH)

    def find(self, arguments: Mapping[str, Json]) -> tuple[Json, ...] | Absent:
        """The values at this place: one, or as many as the list has members. Raises `Malformed` off the walk."""
        if not self.many:
            return self._single(arguments)
        found: tuple[Json, ...] = (arguments,)
        for step in self.steps:
            if step is EACH or step == EACH:
                if not isinstance(found[0], tuple):
                    raise Malformed("malformed_request", f"`{self}` has to be a list")
                if not 0 < len(found[0]) <= MOST_IDS:
                    raise Malformed("malformed_request", f"`{self}` has to have 1 to {MOST_IDS} members")
                found = found[0]
                continue
            below: list[Json] = []
            for value in found:
                if not isinstance(value, Mapping):
                    raise Malformed("malformed_request", f"`{self}` has to be inside an object")
                if step not in value:
                    if len(found) > 1:
                        raise Malformed("malformed_request", f"`{self}` is missing in a member of the list")
                    return ABSENT
                below.append(value[step])
            found = tuple(below)
        return found

    def _single(self, arguments: Mapping[str, Json]) -> tuple[Json, ...] | Absent:
        """The walk of a source that stands for one value."""
        value: Json = arguments
        for step in self.steps:
            if type(value) is not dict and not isinstance(value, Mapping):
                raise Malformed("malformed_request", f"`{self}` has to be inside an object")
            if step not in value:
                return ABSENT
            value = value[step]
        return (value,)


def shape_of(sources: Iterable[Source]) -> dict[str, Shape]:
    """What the sources account for together. A source that ends inside another's object accounts for all of it."""
    shape: dict[str, Shape] = {}
    for source in sources:
        here = shape
        for step in source.steps[:-1]:
            below = here.setdefault(step, {})
            if below is None:
                break
            assert isinstance(below, dict)  # noqa: S101  made by this loop
            here = below
        else:
            here[source.steps[-1]] = None
    return shape


def check_shape(value: Json, shape: Shape, where: str = "") -> None:
    """Refuse whatever the shape does not account for. Raises `Malformed`, naming the member."""
    if shape is None:
        return
    if EACH in shape:
        if not isinstance(value, tuple):
            raise Malformed("malformed_request", f"`{where}` has to be a list")
        for member in value:
            check_shape(member, shape[EACH], where + EACH)
        return
    if type(value) is not dict and not isinstance(value, Mapping):
        raise Malformed("malformed_request", f"`{where}` has to be an object")
    for name, member in value.items():
        if name not in shape:
            place = f"{where}.{name}" if where else name
            raise Malformed("malformed_request", f"`{shown(place)}` is not declared for this operation")
        below = shape[name]
        if below is not None:  # else everything below it is accounted for
            check_shape(member, below, f"{where}.{name}" if where else name)


def identifier(value: Json, source: Source) -> str:
    """A value as an id: text as it is, a whole number as it is written. Nothing else is coerced."""
    if isinstance(value, Decimal):
        text = str(value)
        if _WHOLE_NUMBER.fullmatch(text) is None or not reads_alike(value):
            raise Malformed("malformed_request", f"`{source}` has to be text or a whole number")
    elif isinstance(value, str):
        text = value
    else:
        raise Malformed("malformed_request", f"`{source}` has to be text or a whole number")
    if not plain_text(text) or not 0 < len(text) <= LONGEST_ID:
        raise Malformed("malformed_request", f"`{source}` is no id: empty, too long, or with control characters")
    return text


def reads_alike(number: Decimal) -> bool:
    """Whether a reader that keeps numbers as binary64 has the same number as one that keeps them exactly.

    Most upstreams are of the first kind: 49.99999999999999999999 is below 50 here, and is 50 there.
    """
    return Decimal(repr(float(number))) == number


def plain_text(text: str) -> bool:
    """Whether the text holds no control character (C0, DEL, C1) and no line or paragraph separator."""
    return _CONTROL.search(text) is None
