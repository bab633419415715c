"""Lists: what a server offers, all pages of it, and of that what the caller may use.

An item is shown when its operation is mapped and some call of it could be permitted: the question is asked
of the same policy that decides calls, and never of the server's own annotations. A list that the server
could not give is an error; it is never an empty list. Two definitions under one name are an error, too: no
client could tell which of them a call would reach.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gatepass import exact
from gatepass.access import UNKNOWN, Instant, Json, PartialAccess
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.callers import Caller
from gatepass.gateway.mcp.servers.peers import Outgoing, Peer
from gatepass.gateway.mcp.wire.messages import Answer
from gatepass.gateway.mcp.wire.mirrors import Mirror, mirrors
from gatepass.gateway.operations import McpOperation, McpOperations

__all__ = ["LISTS", "Definitions", "Kind", "Marked", "collect", "marks_of", "shown", "usable"]

MOST_PAGES: Final = 100
MOST_ITEMS: Final = 2_000
MOST_BYTES: Final = 16 << 20
KEPT: Final = 60_000
"""Milliseconds for which the marks of a server's tools are remembered."""
MOST_SERVERS: Final = 256

Items: TypeAlias = tuple[Mapping[str, Json], ...]
Marked: TypeAlias = Mapping[str, tuple[Mirror, ...] | None]
"""By tool: the arguments that it wants mirrored; None where its marks make it unusable."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What one method lists."""

    member: str
    key: str
    capability: str


LISTS: Final[Mapping[str, Kind]] = {
    "tools/list": Kind("tools", "name", "tools"),
    "prompts/list": Kind("prompts", "name", "prompts"),
    "resources/list": Kind("resources", "uri", "resources"),
    "resources/templates/list": Kind("resourceTemplates", "uriTemplate", "resources"),
}


async def collect(peer: Peer, method: str, capabilities: Mapping[str, Json]) -> Items:
    """Every item of every page, once. Raises `UpstreamFailed` when the server does not give them in full."""
    kind = LISTS[method]
    items: dict[str, Mapping[str, Json]] = {}
    cursors: set[str] = set()
    params: dict[str, Json] = {}
    size = 0
    for _ in range(MOST_PAGES):
        page = await _page(peer, Outgoing(method=method, params=params, capabilities=capabilities))
        listed, cursor = page.get(kind.member), page.get("nextCursor")
        if not isinstance(listed, tuple):
            raise _unlisted(kind, "it sent no list")
        size += len(exact.write(listed))
        for item in listed:
            name = item.get(kind.key) if isinstance(item, Mapping) else None
            if not isinstance(item, Mapping) or not isinstance(name, str):
                continue  # nobody could map it, so nobody may see it
            if items.setdefault(name, item) != item:
                # Not named: it may be one that the caller must not see.
                raise _unlisted(kind, "a name is defined twice, differently")
        if len(items) > MOST_ITEMS or size > MOST_BYTES:
            raise _unlisted(kind, "there are too many")
        if cursor is None:
            return tuple(items.values())
        if not isinstance(cursor, str) or cursor in cursors:
            raise _unlisted(kind, "its pages do not end")
        cursors.add(cursor)
        params = {"cursor": cursor}
    raise _unlisted(kind, "its pages do not end")


def shown(
    items: Items, method: str, operations: McpOperations, caller: Caller, may: Callable[[PartialAccess], bool]
) -> Items:
    """The items that the caller may use, in the server's order."""
    return tuple(item for item in items if _visible(str(item[LISTS[method].key]), method, operations, caller, may))


def marks_of(tools: Items) -> Marked:
    """Which arguments each tool wants mirrored."""
    marked: dict[str, tuple[Mirror, ...] | None] = {}
    for tool in tools:
        try:
            found: tuple[Mirror, ...] | None = mirrors(tool.get("inputSchema"))
        except Malformed:
            found = None
        if found is None or found:
            marked[str(tool["name"])] = found
    return marked


def usable(tools: Items) -> Items:
    """The tools whose marks have a meaning. The others cannot be called by anybody who mirrors arguments."""
    marked = marks_of(tools)
    return tuple(tool for tool in tools if marked.get(str(tool["name"]), ()) is not None)


@dataclass(slots=True)
class Definitions:
    """The marks of each server's tools, remembered for a while. Bounded; the oldest go."""

    _kept: OrderedDict[tuple[str, str], tuple[Instant, Marked]] = field(default_factory=OrderedDict)

    def get(self, server: tuple[str, str], now: Instant) -> Marked | None:
        """What was learnt of a server lately."""
        kept = self._kept.get(server)
        return kept[1] if kept is not None and 0 <= now - kept[0] < KEPT else None

    def put(self, server: tuple[str, str], marked: Marked, now: Instant) -> None:
        """Remember what a list said."""
        self._kept[server] = (now, marked)
        self._kept.move_to_end(server)
        if len(self._kept) > MOST_SERVERS:
            self._kept.popitem(last=False)


def _visible(
    name: str, method: str, operations: McpOperations, caller: Caller, may: Callable[[PartialAccess], bool]
) -> bool:
    operation = _operation(name, method, operations)
    if operation is None:
        return False
    type_, resource, names, free = operation.open_parts()
    partial = PartialAccess(
        subject=caller.subject,
        action=operation.action,
        resource_type=type_,
        resource=UNKNOWN if method == "resources/templates/list" else resource,
        context=caller.context,
        open_properties=names,
        free=free,
    )
    return may(partial)


def _operation(name: str, method: str, operations: McpOperations) -> McpOperation | None:
    if method == "tools/list":
        return operations.tool(name)
    if method == "prompts/list":
        return operations.prompt(name)
    if method == "resources/list":
        return operations.resource(name)
    # A template is shown when something that it could become is mapped.
    return operations.resource(_instance(name))


def _instance(template: str) -> str:
    """One URI of a template (RFC 6570): each expression becomes a plain segment, queries and fragments nothing."""
    parts = template.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        expression, _, literal = part.partition("}")
        filled.append({"?": "", "&": "", "#": "", "/": "/x", ".": ".x", ";": ""}.get(expression[:1], "x") + literal)
    return "".join(filled)


async def _page(peer: Peer, outgoing: Outgoing) -> Mapping[str, Json]:
    exchange = peer.ask(outgoing)
    try:
        async for happened in exchange:
            if isinstance(happened, Answer):
                if happened.result is None:
                    raise _unlisted(LISTS[outgoing.method], "it answered with an error")
                return happened.result
    finally:
        await exchange.close()
    raise _unlisted(LISTS[outgoing.method], "it did not answer")


def _unlisted(kind: Kind, why: str) -> UpstreamFailed:
    return UpstreamFailed("upstream_garbled", f"the upstream did not list its {kind.member}: {why}")
