"""What an upstream's file maps, as rows of a table: which request is which action, and which class it has.

The file was accepted by the gateway's strict reader before it was stored; this is for looking, and decides
nothing. What it cannot read is not shown, and the file itself stands beside the table.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

__all__ = ["MOST_ROWS", "Mapped", "line_of", "mapped_by"]

MOST_ROWS: Final = 2_000
_LARGEST: Final = 512 * 1024
_LINE: Final = re.compile(r"\bline (\d{1,6})\b")


class _WithoutAliases(yaml.SafeLoader):
    """What the strict reader refuses is not unfolded here either."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Mapped:
    """One operation."""

    surface: str
    match: str
    action: str
    resource: str
    kind: str | None
    """The action's class."""
    limits: tuple[str, ...] = ()
    """The properties that a scope may limit."""


def mapped_by(text: str) -> list[Mapped]:
    """The rows of a file; empty where there is nothing to read."""
    if len(text) > _LARGEST:
        return []
    try:
        file = yaml.load(text, _WithoutAliases)  # noqa: S506  it is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    if not isinstance(file, Mapping):
        return []
    return list(_rows(file, _classes(file)))[:MOST_ROWS]


def line_of(complaint: str) -> int | None:
    """The line that a complaint names."""
    found = _LINE.search(complaint)
    return int(found[1]) if found else None


def _rows(file: Mapping[Any, Any], classes: Mapping[str, str]) -> Iterator[Mapped]:
    for each in _items(file.get("rest")):
        yield _row("REST", each.get("match"), each, classes)
    mcp = file.get("mcp")
    if not isinstance(mcp, Mapping):
        return
    for name, each in _named(mcp.get("tools")):
        yield _row("MCP tool", name, each, classes)
    for each in _items(mcp.get("resources")):
        yield _row("MCP resource", each.get("match"), each, classes)
    for name, each in _named(mcp.get("prompts")):
        yield _row("MCP prompt", name, each, classes)


def _row(surface: str, match: object, each: Mapping[Any, Any], classes: Mapping[str, str]) -> Mapped:
    action, resource, properties = str(each.get("action", "")), each.get("resource"), each.get("properties")
    shown = resource.get("pattern", resource.get("id", "")) if isinstance(resource, Mapping) else resource
    limits = tuple(str(name) for name in properties) if isinstance(properties, Mapping) else ()
    return Mapped(surface, str(match), action, "none" if shown is None else str(shown), classes.get(action), limits)


def _classes(file: Mapping[Any, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for type_, spec in _named(file.get("types")):
        for action, declared in _named(spec.get("actions")):
            found[f"{type_}:{action}"] = str(declared.get("class", ""))
    return found


def _items(value: object) -> Iterator[Mapping[Any, Any]]:
    return (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else iter(())


def _named(value: object) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, Mapping):
                yield str(name), each
