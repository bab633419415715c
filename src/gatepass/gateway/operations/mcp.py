"""The MCP operations of an upstream: which tool, resource and prompt is which operation.

What is not mapped is neither listed nor callable. A resource's URI is matched scheme, authority and
segments apart, its segments decoded once by the same rules as a REST path's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Action, Json
from gatepass.errors import Malformed
from gatepass.gateway.operations.rules import OpenParts, Parts, Rule
from gatepass.gateway.operations.segments import read_segments, read_template

__all__ = ["McpOperation", "McpOperations", "UriTemplate", "split_uri"]

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


@dataclass(frozen=True, slots=True)
class McpOperation:
    """One mapped tool, resource or prompt. For a resource, one URI of it; for a prompt, that prompt."""

    rule: Rule
    bound: Mapping[str, Json] = field(default_factory=dict)
    """What the URI's variables took; for a prompt, its `name`."""

    @property
    def type(self) -> str:
        """The resource type: `git`."""
        return self.rule.type

    @property
    def action(self) -> Action:
        """The action and its class: `log`, `read`."""
        return self.rule.action

    def parts(self, arguments: Mapping[str, Json]) -> Parts:
        """What a call with these arguments touches and says. Raises `Malformed` for anything not declared."""
        return self.rule.parts({"path": self.bound, "arguments": arguments})

    def open_parts(self) -> OpenParts:
        """What is known before the arguments are: type, resource or UNKNOWN, possible properties, free ones."""
        type_, resource, names, free = self.rule.open_parts()
        sources = self.rule.naming.sources
        if sources and all(source.root == "path" for source in sources):
            resource = self.rule.naming.resource(self.rule.type, {"path": self.bound})
        return type_, resource, names, free


@dataclass(frozen=True, slots=True)
class UriTemplate:
    """`file:///{path+}`: scheme, then authority and segments as literals, a variable None."""

    scheme: str
    segments: tuple[str | None, ...]
    names: tuple[str, ...]
    rest: bool = False

    @classmethod
    def parse(cls, text: str) -> "UriTemplate":
        """Read a template. Raises ValueError with what was expected."""
        scheme, colon, tail = text.partition(":")
        if not colon or not _SCHEME.fullmatch(scheme) or not tail:
            raise ValueError("a URI with a scheme, for example `file:///{path+}`")
        if not tail.startswith("//"):
            return cls(scheme, *read_template([tail]))
        authority, slash, path = tail[2:].partition("/")
        parts = path.split("/") if slash else []
        if authority:
            return cls(scheme, *read_template([authority, *parts]))
        segments, names, rest = read_template(parts)
        return cls(scheme, ("", *segments), names, rest)

    def match(self, scheme: str, segments: tuple[str, ...]) -> dict[str, Json] | None:
        """What the variables take of a URI, or None when it is another one."""
        long_enough = len(segments) >= len(self.segments) if self.rest else len(segments) == len(self.segments)
        if scheme != self.scheme or not long_enough:
            return None
        taken: list[str] = []
        for literal, segment in zip(self.segments, segments, strict=False):
            if literal is None:
                taken.append(segment)
            elif literal != segment:
                return None
        if self.rest:
            taken[-1] = "/".join(segments[len(self.segments) - 1 :])
        return dict(zip(self.names, taken, strict=True)) if all(taken) else None


@dataclass(frozen=True, slots=True)
class McpOperations:
    """All of one upstream."""

    tools: Mapping[str, Rule] = field(default_factory=dict)
    resources: tuple[tuple[UriTemplate, Rule], ...] = ()
    """In the order of the file: the first that fits counts."""
    prompts: Mapping[str, Rule] = field(default_factory=dict)

    def tool(self, name: str) -> McpOperation | None:
        """The operation that a tool is, or None."""
        rule = self.tools.get(name)
        return None if rule is None else McpOperation(rule)

    def prompt(self, name: str) -> McpOperation | None:
        """The operation that a prompt is, or None."""
        rule = self.prompts.get(name)
        return None if rule is None else McpOperation(rule, {"name": name})

    def resource(self, uri: str) -> McpOperation | None:
        """The operation that reading a URI is; None for one that nobody mapped or that can be read in two ways."""
        try:
            scheme, segments = split_uri(uri)
        except Malformed:
            return None
        for template, rule in self.resources:
            bound = template.match(scheme, segments)
            if bound is not None:
                return McpOperation(rule, {**bound, "uri": uri})
        return None


def split_uri(uri: str) -> tuple[str, tuple[str, ...]]:
    """Scheme, and authority with decoded segments: `file:///a/b` is `file` and `("", "a", "b")`.

    A URI without `//` has one segment: all that follows the scheme. Raises `Malformed`.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise Malformed("malformed_request", "a resource's URI has to begin with a scheme in lower case")
    raw = rest.encode("utf-8", "surrogatepass")
    if not rest.startswith("//"):
        return scheme, read_segments(raw)
    authority, slash, path = raw[2:].partition(b"/")
    segments = read_segments(authority) if authority else ("",)
    return scheme, (*segments, *(read_segments(path) if slash else ()))
