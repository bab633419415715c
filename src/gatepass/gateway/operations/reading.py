"""The operations file of an upstream, read and compiled. Every complaint names the file and the line.

The file says three things: which types and actions exist (`types`, the catalogue), which REST requests are
which action (`rest`), and which MCP tools, resources and prompts are (`mcp`). What it does not map cannot
be called. `docs/operations.md` is its reference.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.authority import Catalogue
from gatepass.documents import Node, read_document, shown
from gatepass.errors import Malformed
from gatepass.gateway.operations.bindings import Places, read_rule
from gatepass.gateway.operations.mcp import McpOperations, UriTemplate
from gatepass.gateway.operations.rest import METHODS, BodyUse, PathTemplate, RestOperation, RestOperations
from gatepass.gateway.operations.rules import Rule

__all__ = ["Operations", "read_operations"]

MOST_OPERATIONS: Final = 2000
LONGEST_NAME: Final = 256
"""Characters of a tool's or prompt's name."""
DEFAULT_JSON: Final = 1 << 20
DEFAULT_STREAM: Final = 100 << 20
LARGEST_JSON: Final = 16 << 20
LARGEST_STREAM: Final = 16 << 30
"""Bytes of a request's body: what a file may ask for, and what it gets without asking."""

_MATCH: Final = re.compile(r"([A-Z]+) (\S+)")
_HEADER: Final = re.compile(r"[a-z0-9-]{1,64}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}")
_OURS: Final = re.compile(
    r"host|cookie2?|authorization|(?:proxy|sec|access-control|gatepass|x-forwarded|x-http|x-method)-.*"
    r"|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-(?:length|encoding|type)|expect|range|if-range"
    r"|accept-encoding|forwarded|via|dpop|x-original-.*|x-rewrite-.*|x-real-ip"
)
"""Headers that an operations file may not have passed on: they frame, route or authenticate."""


@dataclass(frozen=True, slots=True)
class Operations:
    """One compiled operations file."""

    catalogue: Catalogue
    rest: RestOperations = field(default_factory=RestOperations)
    mcp: McpOperations = field(default_factory=McpOperations)


def read_operations(text: str, name: str = "operations") -> Operations:
    """Read an operations file; `name` is what complaints call it.

    Raises `Malformed` (`malformed_catalogue`): "`name` line N: expected ...".
    """
    file = read_document(text, name).mapping(of="the file", required=("types",), optional=("rest", "mcp", "headers"))
    catalogue = _read_catalogue(file["types"])
    headers = _read_headers(file["headers"]) if "headers" in file else frozenset()
    rest = _read_rest(file["rest"], catalogue, headers) if "rest" in file else RestOperations((), headers)
    mcp = _read_mcp(file["mcp"], catalogue) if "mcp" in file else McpOperations()
    return Operations(catalogue, rest, mcp)


# -- types


def _read_catalogue(node: Node) -> Catalogue:
    for type_ in node.members(of="`types`").values():
        members = type_.mapping(of="a type", required=("actions",), optional=("minimum", "shorthands"))
        if "minimum" in members:
            members["minimum"].integer(of="`minimum`", least=0, most=64)
        for action in members["actions"].members(of="`actions`").values():
            _check_action(action)
        for shorthand in (members["shorthands"].members(of="`shorthands`") if "shorthands" in members else {}).values():
            for scope in shorthand.value if isinstance(shorthand.value, tuple) else (shorthand,):
                scope.text(of="a shorthand")
    try:
        return Catalogue.from_mapping(node.json())
    except Malformed as fault:
        raise _nearest(node, fault.message).fault(f"a catalogue, but {fault.message}") from None


def _check_action(node: Node) -> None:
    members = node.mapping(of="an action", required=("class",), optional=("properties",))
    kind = members["class"].text(of="`class`")
    if kind not in {"read", "write", "delete", "admin"}:
        raise members["class"].fault(f"`read`, `write`, `delete` or `admin`, not `{shown(kind)}`")
    for property_ in (members["properties"].members(of="`properties`") if "properties" in members else {}).values():
        if isinstance(property_.value, dict):
            stated = property_.mapping(of="a property", required=("type",), optional=("free", "non_negative"))
            stated["type"].text(of="`type`")
            for flag in ("free", "non_negative"):
                if flag in stated and not isinstance(stated[flag].value, bool):
                    raise stated[flag].fault(f"`true` or `false` for `{flag}`")
        else:
            property_.text(of="a property's type")


def _nearest(node: Node, message: str) -> Node:
    """The deepest value that a complaint of the catalogue names by its path: the words of the message lead there."""
    words = iter(re.findall(r"[A-Za-z0-9_-]+", message))
    for word in words:
        if isinstance(node.value, dict) and word in node.value:
            node = node.value[word]
    return node


# -- rest


def _read_headers(node: Node) -> frozenset[bytes]:
    names: set[bytes] = set()
    for item in node.items(of="`headers`"):
        name = item.text(of="a header's name")
        if not _HEADER.fullmatch(name):
            raise item.fault(f"a header's name in lower case, not `{shown(name)}`")
        if _OURS.fullmatch(name):
            raise item.fault(f"a header that may be passed on, and `{name}` frames, routes or authenticates")
        names.add(name.encode())
    return frozenset(names)


def _read_rest(node: Node, catalogue: Catalogue, headers: frozenset[bytes]) -> RestOperations:
    items = node.items(of="`rest`")
    if len(items) > MOST_OPERATIONS:
        raise node.fault(f"at most {MOST_OPERATIONS} operations")
    operations = [_read_rest_operation(item, catalogue) for item in items]
    try:
        return RestOperations(operations, headers)
    except ValueError as fault:
        second = items[fault.args[0]]
    raise second.fault("no two operations for the same method and paths")


def _read_rest_operation(node: Node, catalogue: Catalogue) -> RestOperation:
    members = node.mapping(
        of="an operation",
        required=("match", "action", "resource"),
        optional=("properties", "body", "max_body", "content_types"),
    )
    method, template = _read_match(members["match"])
    body = _read_body_use(members.get("body"))
    rule = _read_rest_rule(members, catalogue, template, body)
    reads_body = _reads_body(rule)
    if body is None:
        body = BodyUse.JSON if reads_body else BodyUse.NONE
    elif reads_body and body is not BodyUse.JSON:
        raise members["body"].fault("`json`, because a source of this operation stands in the body")
    largest = LARGEST_STREAM if body is BodyUse.STREAM else LARGEST_JSON
    max_body = DEFAULT_STREAM if body is BodyUse.STREAM else DEFAULT_JSON
    if "max_body" in members:
        max_body = members["max_body"].integer(of="`max_body`", least=1, most=largest)
    content_types = frozenset[str]()
    if "content_types" in members:
        if body is not BodyUse.STREAM:
            raise node.fault("`content_types` only beside `body: stream`", key="content_types")
        content_types = frozenset(map(_read_media_type, members["content_types"].items(of="`content_types`")))
    return RestOperation(method, template, rule, body, max_body, content_types)


def _read_match(node: Node) -> tuple[str, PathTemplate]:
    match = _MATCH.fullmatch(node.text(of="`match`"))
    if match is None or match[1] not in METHODS:
        raise node.fault(f"a method ({', '.join(METHODS)}) and a path for `match`, not {node.kind()}")
    try:
        return match[1], PathTemplate.parse(match[2])
    except ValueError as fault:
        raise node.fault(str(fault)) from None


def _read_rest_rule(
    members: Mapping[str, Node], catalogue: Catalogue, template: PathTemplate, body: BodyUse | None
) -> Rule:
    roots = ("path", "query", "body")
    declares_body = body is BodyUse.JSON or (body is None and _names_body(members))
    places = Places(
        roots,
        template.names,
        loose=("query", "body") if declares_body else ("query",),
        complete=True,
    )
    return read_rule(
        places,
        catalogue,
        action=members["action"],
        resource=members["resource"],
        properties=members.get("properties"),
    )


def _names_body(members: Mapping[str, Node]) -> bool:
    named = [
        members["resource"],
        *(members["properties"].members(of="`properties`").values() if "properties" in members else ()),
    ]
    texts: list[object] = []
    for node in named:
        texts.extend(inner.value for inner in node.value.values()) if isinstance(node.value, dict) else texts.append(
            node.value
        )
    return any(isinstance(text, str) and re.search(r"(?:^|\{)body(?:\[\])?\.|^body\[\]$", text) for text in texts)


def _reads_body(rule: Rule) -> bool:
    return any(source.root == "body" for source in (*rule.naming.sources, *(p.source for p in rule.properties)))


def _read_body_use(node: Node | None) -> BodyUse | None:
    if node is None:
        return None
    text = node.text(of="`body`")
    if text not in set(BodyUse):
        raise node.fault(f"`none`, `json` or `stream` for `body`, not `{shown(text)}`")
    return BodyUse(text)


def _read_media_type(node: Node) -> str:
    text = node.text(of="a media type")
    if not _MEDIA_TYPE.fullmatch(text):
        raise node.fault(f"a media type in lower case without parameters, not `{shown(text)}`")
    return text


# -- mcp


def _read_mcp(node: Node, catalogue: Catalogue) -> McpOperations:
    members = node.mapping(of="`mcp`", optional=("tools", "resources", "prompts"))
    tools = _read_named(members.get("tools"), catalogue, "tools", Places(("arguments",), loose=("arguments",)))
    prompt = Places(("path", "arguments"), ("name",), bare=True, loose=("arguments",))
    prompts = _read_named(members.get("prompts"), catalogue, "prompts", prompt)
    resources = tuple(
        _read_mcp_resource(item, catalogue)
        for item in (members["resources"].items(of="`resources`") if "resources" in members else ())
    )
    return McpOperations(tools, resources, prompts)


def _read_named(node: Node | None, catalogue: Catalogue, of: str, places: Places) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for name, inner in (node.members(of=f"`{of}`") if node else {}).items():
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise inner.fault(f"a printable name of at most {LONGEST_NAME} characters")
        members = inner.mapping(of="an operation", required=("action", "resource"), optional=("properties", "root"))
        rules[name] = read_rule(
            places,
            catalogue,
            action=members["action"],
            resource=members["resource"],
            properties=members.get("properties"),
            root=members.get("root"),
        )
    return rules


def _read_mcp_resource(node: Node, catalogue: Catalogue) -> tuple[UriTemplate, Rule]:
    members = node.mapping(of="a resource", required=("match", "action", "resource"), optional=("properties", "root"))
    try:
        template = UriTemplate.parse(members["match"].text(of="`match`"))
    except ValueError as fault:
        raise members["match"].fault(str(fault)) from None
    places = Places(("path",), (*template.names, "uri"), bare=True)
    rule = read_rule(
        places,
        catalogue,
        action=members["action"],
        resource=members["resource"],
        properties=members.get("properties"),
        root=members.get("root"),
    )
    return template, rule
