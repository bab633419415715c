"""Requests that a scope is for, worked out from the upstream's file: something to begin with, ready to be run.

The file says which method and path an action has and where the resource and the properties stand; the scope says which
of them. What is put together here is a proposal and no more: the page asks the gateway about it (`explain`) before it
shows it, and shows nothing that would be refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from shlex import quote as quoted
from typing import Any, Final
from urllib.parse import quote, urlencode

from gatepass import exact
from gatepass.access import Json
from gatepass.authority import Pattern, Permission, PropertyType
from gatepass.errors import Error
from gatepass.gateway.operations import BodyUse, RestOperation, read_operations

__all__ = ["Proposed", "proposals"]

_SEGMENT: Final = "-._~!$&'()*,=:@"
"""What stands in a segment of a path as it is."""
_SAMPLES: Final[Mapping[PropertyType, Json]] = {
    PropertyType.STRING: "text",
    PropertyType.NUMBER: Decimal(1),
    PropertyType.BOOLEAN: True,
    PropertyType.OBJECT: {},
    PropertyType.ARRAY: (),
    PropertyType.ANY: "text",
}
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One request."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    """JSON."""
    streams: str | None = None
    """The content type of a body that goes through as it comes."""

    def attempt(self, upstream: str) -> dict[str, Json]:
        """The same as `explain` takes it."""
        said: dict[str, Json] = {"upstream": upstream, "method": self.method, "path": self.path}
        if self.query:
            said["query"] = self.query
        if self.body:
            said["body"] = exact.read(self.body)
        return said

    def curl(self, address: str, token: str) -> str:
        """The command, for a shell."""
        parts = ["curl"] + ([] if self.method == "GET" else ["-X", self.method])
        parts += ["-H", f"Authorization: Bearer {token}"]
        if self.body:
            parts += ["-H", "Content-Type: application/json", "-d", self.body]
        elif self.streams:
            parts += ["-H", f"Content-Type: {self.streams}", "--data-binary", "@FILE"]
        return " ".join(map(quoted, [*parts, address + self.path + (f"?{self.query}" if self.query else "")]))


def proposals(operations: str, scopes: list[str]) -> list[Proposed]:
    """Requests for these scopes, those that look before those that change; none where the file cannot be read."""
    try:
        mapped = list(read_operations(operations).rest)
        permissions = [Permission.parse(scope) for scope in scopes]
    except Error:
        return []
    found = [
        proposed
        for permission in permissions
        for operation in mapped
        if (operation.rule.type, operation.rule.action.name) == (permission.type, permission.action)
        for proposed in _of(operation, permission)
    ]
    return sorted(dict.fromkeys(found), key=lambda each: (_METHODS.index(each.method), len(each.path)))


@dataclass(slots=True)
class _Arguments:
    """What goes where."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    def put(self, steps: tuple[str, ...], value: Json) -> None:
        """Let `value` stand at a source."""
        if steps[0] in {"path", "query"}:
            place = self.path if steps[0] == "path" else self.query
            place[steps[1]] = value if isinstance(value, str) else exact.write(value).decode()
            return
        here: Any = self.body
        for step, following in zip(steps[1:], (*steps[2:], None), strict=True):
            if step == _EACH:
                continue
            if following == _EACH:
                here[step] = [{}] if steps[-1] != _EACH else [value]
                here = here[step][0]
            elif following is None:
                here[step] = value
            else:
                here = here.setdefault(step, {})


_EACH: Final = "[]"


def _of(operation: RestOperation, permission: Permission) -> Iterator[Proposed]:
    """With the properties that the scope limits alone; then with all that there are."""
    for every in (False, True):
        arguments = _Arguments()
        if not _named(operation, permission, arguments):
            return
        for declared in operation.rule.properties:
            domain = permission.domain(declared.path)
            if domain is not None or every:
                value = _SAMPLES[declared.kind] if domain is None else _within(domain)
                arguments.put(declared.source.steps, (value,) if declared.source.many else value)
        path = _path(operation, arguments)
        if path is None:
            return
        streams = operation.body is BodyUse.STREAM
        yield Proposed(
            method=operation.method,
            path=path,
            query=urlencode(arguments.query),
            body=exact.write(_exact(arguments.body)).decode() if operation.body is BodyUse.JSON else "",
            streams=next(iter(sorted(operation.content_types)), "application/octet-stream") if streams else None,
        )


def _exact(value: Any) -> Json:  # noqa: ANN401  what was put together above
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return tuple(map(_exact, value))
    told: Json = value
    return told


def _named(operation: RestOperation, permission: Permission, arguments: _Arguments) -> bool:
    """Put the resource where the request carries it. Whether that can be done."""
    naming = operation.rule.naming
    if not naming.sources:
        return True
    template = getattr(naming, "template", None)
    if template is None or any(source.steps[1] == _EACH for source in naming.sources):
        return False
    places = [part for part in template.parts if not isinstance(part, str)]
    samples = {str(place): _sample(place.steps) for place in places}
    pattern = permission.pattern
    if pattern is None:
        values = samples
    else:
        ranged = not hasattr(naming, "root")
        text = str(pattern) if ranged else _id(pattern, next(iter(samples.values())))
        form = "".join(re.escape(part) if isinstance(part, str) else "(.+)" for part in template.parts)
        met = re.fullmatch(form, text)
        if met is None:
            return False
        values = dict(zip(samples, met.groups(), strict=True))
    root = getattr(naming, "root", None)
    for place in places:
        value = values[str(place)]
        arguments.put(place.steps, value if root is None else f"{root.rstrip('/')}/{value}")
    return True


def _sample(steps: tuple[str, ...]) -> str:
    """`order-1` for `path.order`."""
    name = [step for step in steps if step != _EACH][-1]
    return re.sub(r"[^a-z0-9]+", "-", name.removesuffix("s").lower()).strip("-") + "-1"


def _id(pattern: Pattern, otherwise: str) -> str:
    """An id that the pattern covers."""
    told = "".join(separator + (otherwise if segment is None else segment) for separator, segment in pattern.parts)
    return told if pattern.tail is None else f"{told}{pattern.tail}{otherwise}"


def _within(domain: Any) -> Json:  # noqa: ANN401  the three shapes of a domain are told apart by what they have
    """A value that the limits on a property admit; the gateway is asked whether it is one."""
    if hasattr(domain, "values"):
        chosen: Json = min(domain.values).value
        return chosen
    if hasattr(domain, "high"):
        ends = [end.value for end in (domain.high, domain.low) if end is not None and end.included]
        return next((end for end in ends if domain.admits(end)), Decimal(1))
    return "text" if domain.pattern is None else _id(domain.pattern, "text")


def _path(operation: RestOperation, arguments: _Arguments) -> str | None:
    """The path with its variables filled in; None where one is still open."""
    names = iter(operation.template.names)
    parts: list[str] = []
    for literal in operation.template.segments:
        if literal is not None:
            parts.append(quote(literal, safe=_SEGMENT))
            continue
        value = arguments.path.get(next(names))
        if value is None:
            return None
        parts += [quote(each, safe=_SEGMENT) for each in value.split("/")]
    return "/" + "/".join(parts) + ("/" if operation.template.slash else "")
