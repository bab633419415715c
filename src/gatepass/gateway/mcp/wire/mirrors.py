"""Tool arguments that a server wants mirrored into `Mcp-Param-…` headers.

A tool's `inputSchema` may mark a property with `x-mcp-header`. The client then repeats the argument in a
header, and whoever reads the body has to refuse a request in which the two differ. We check what clients
send, and write the headers for the server behind us ourselves, from the arguments that were decided on:
no header of a client is ever passed on.

Source: MCP 2026-07-28, Streamable HTTP, custom headers from tool parameters.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.documents import shown
from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.eras import decoded, encoded, single
from gatepass.gateway.requests import Headers

__all__ = ["Mirror", "check", "mirrors", "write"]

ANNOTATION: Final = "x-mcp-header"
PREFIX: Final = "mcp-param-"
MOST_POSITIONS: Final = 20_000
"""Schema positions looked at in one tool before its definition is given up as hostile."""

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?")
_KINDS: Final = frozenset({"string", "integer", "boolean"})
_DATA: Final = frozenset({"const", "default", "enum", "examples"})
_NAMED: Final = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties"})


@dataclass(frozen=True, slots=True)
class Mirror:
    """One argument, by the names that lead to it, and the header that repeats it."""

    path: tuple[str, ...]
    header: str


def mirrors(schema: Json) -> tuple[Mirror, ...]:
    """The mirrored arguments of a tool. Raises `Malformed` where a mark is not allowed: the tool is unusable."""
    found: dict[str, Mirror] = {}
    for seen, (path, position) in enumerate(_positions(schema)):
        if seen >= MOST_POSITIONS:
            raise _unusable("its schema is too large")
        if ANNOTATION not in position:
            continue
        name = position[ANNOTATION]
        if not path:
            raise _unusable(f"`{ANNOTATION}` stands where no argument can be read")
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise _unusable(f"`{ANNOTATION}` is not the name of a header")
        if position.get("type") not in _KINDS:
            raise _unusable(f"`{ANNOTATION}` marks something other than a string, integer or boolean")
        header = PREFIX + name.lower()
        if header in found:
            raise _unusable(f"two arguments share the header `{header}`")
        found[header] = Mirror(path, header)
    return tuple(found.values())


def check(marked: tuple[Mirror, ...], arguments: Mapping[str, Json], headers: Headers) -> None:
    """Each marked argument and its header are both there and equal, or both absent. Raises `Malformed`."""
    for mirror in marked:
        said = single(headers, mirror.header.encode())
        value = _read(arguments, mirror.path)
        text = _text(value)
        where = shown(".".join(mirror.path))
        if said is None and text is None:
            continue
        if said is None or text is None:
            missing = "header is missing" if said is None else "argument is absent"
            raise Malformed("header_mismatch", f"headers and body disagree: `{where}`: the {missing}")
        meant = decoded(said)
        if meant is None or not _equal(meant, text, value):
            raise Malformed("header_mismatch", f"headers and body disagree: `{where}`: the values differ")


def write(marked: tuple[Mirror, ...], arguments: Mapping[str, Json]) -> Headers:
    """The headers for the server behind us."""
    written = ((mirror.header, _text(_read(arguments, mirror.path))) for mirror in marked)
    return tuple((name.encode(), encoded(text).encode("ascii")) for name, text in written if text is not None)


def _positions(schema: Json) -> Iterator[tuple[tuple[str, ...] | None, Mapping[str, Json]]]:
    """Every place in a schema that is a schema itself, with the chain of property names that leads there, or None."""
    waiting: list[tuple[tuple[str, ...] | None, Json]] = [((), schema)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend((None, item) for item in node)
        if not isinstance(node, Mapping):
            continue
        yield path, node
        for keyword, value in node.items():
            if keyword == "properties" and isinstance(value, Mapping):
                waiting.extend((None if path is None else (*path, name), sub) for name, sub in value.items())
            elif keyword in _NAMED and isinstance(value, Mapping):
                waiting.extend((None, sub) for sub in value.values())
            elif keyword not in _DATA:
                waiting.append((None, value))


def _read(arguments: Json, path: tuple[str, ...]) -> Json:
    node = arguments
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return value
    return exact.write(value).decode() if isinstance(value, bool | Decimal) else None


def _equal(meant: str, text: str, value: Json) -> bool:
    if isinstance(value, Decimal) and _NUMBER.fullmatch(meant):
        return Decimal(meant) == value
    return meant == text


def _unusable(why: str) -> Malformed:
    return Malformed("malformed_message", f"the tool's definition cannot be used: {why}")
