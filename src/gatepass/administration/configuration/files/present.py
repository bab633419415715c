"""What there is, in the shapes of files: the one reading of records that plans compare with and exports write.

A record becomes a shape and a shape becomes a record, and the two are inverse: that is why an export that is applied
changes nothing.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, cast

from gatepass import exact
from gatepass.access import ActionClass, Rate
from gatepass.administration.changes import Register
from gatepass.administration.configuration.files.shapes import (
    AgentFile,
    InjectionSaid,
    LimitsSaid,
    RoleFile,
    UpstreamFile,
)
from gatepass.administration.upstreams import UpstreamForm
from gatepass.registry import Agent, AgentLimits, Injection, InjectionKind, Role, Upstream, UpstreamKind
from gatepass.units import duration_text, instant_text, parse_duration, parse_rate, rate_text

__all__ = [
    "Value",
    "agent_file",
    "form_of",
    "limits_of",
    "members_of",
    "milliseconds",
    "role_file",
    "upstream_file",
]

Value: TypeAlias = "str | int | bool | tuple[str, ...] | None"

_IN_FILES: Final = ("read", "write", "delete")


def agent_file(agent: Agent, register: Register) -> AgentFile:
    """What the file of an agent would say."""
    limits, owner = agent.limits, register.people.get(agent.owner)
    said = LimitsSaid(
        attempts=None if limits.attempts is None else rate_text(limits.attempts.count, limits.attempts.period),
        calls=None if limits.calls is None else rate_text(limits.calls.count, limits.calls.period),
        writes_per_minute=limits.writes_per_minute,
        requests_per_day=limits.requests_per_day,
        classes=None if limits.classes is None else _classes(limits.classes),
    )
    return AgentFile(role=agent.role, owner=agent.owner if owner is None else owner.name, limits=said)


def role_file(role: Role) -> RoleFile:
    """What the file of a role would say."""
    longest = None if role.max_lifetime is None else duration_text(role.max_lifetime)
    return RoleFile(
        scopes=role.scopes,
        asks_person=role.asks_person,
        max_lifetime=longest,
        default_scopes=role.default_scopes,
        longest_token=None if role.longest_token is None else duration_text(role.longest_token),
        bearer_until=None if role.bearer_until is None else instant_text(role.bearer_until),
        bearer_because=role.bearer_because,
    )


def upstream_file(upstream: Upstream, register: Register) -> UpstreamFile:
    """What the file of an upstream would say, beside its operations."""
    stdio = upstream.kind is UpstreamKind.MCP_STDIO
    place = upstream.injection
    held = register.secrets.get(upstream.secret) if upstream.secret and place else None
    return UpstreamFile(
        kind=upstream.kind.value,
        target=None if stdio else upstream.target,
        command=cast("tuple[str, ...]", exact.read(upstream.target)) if stdio else None,
        secret=None if held is None else held.name,
        injection=None
        if place is None
        else InjectionSaid(
            kind=place.kind.value,
            name=place.name,
            prefix=place.prefix,
        ),
        allow_private=upstream.allow_private,
    )


def limits_of(said: LimitsSaid) -> AgentLimits:
    """What an agent's record says of the limits in its file."""
    return AgentLimits(
        attempts=None if said.attempts is None else Rate(*parse_rate(said.attempts)),
        calls=None if said.calls is None else Rate(*parse_rate(said.calls)),
        writes_per_minute=said.writes_per_minute,
        requests_per_day=said.requests_per_day,
        classes=None if said.classes is None else frozenset(map(ActionClass, said.classes)),
    )


def milliseconds(said: str | None) -> int | None:
    """A span of a file, as records have it."""
    return None if said is None else parse_duration(said)


def form_of(said: UpstreamFile, operations: str) -> UpstreamForm:
    """What an operator would have said of the upstream."""
    place = said.injection
    return UpstreamForm(
        kind=UpstreamKind(said.kind),
        target=json.dumps(said.command, ensure_ascii=False) if said.target is None else said.target,
        operations=operations,
        injection=None if place is None else Injection(InjectionKind(place.kind), place.name, place.prefix),
        allow_private=said.allow_private,
    )


def members_of(shape: AgentFile | RoleFile | UpstreamFile) -> Mapping[str, Value]:
    """The members of a file one by one, by their path in it. The order of a list that is a set does not count."""
    flat: dict[str, Value] = {}
    for name, value in shape.model_dump().items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
        flat |= inner
    for name in ("scopes", "asks_person", "default_scopes", "limits.classes"):
        listed = flat.get(name)
        if isinstance(listed, tuple):
            flat[name] = tuple(dict.fromkeys(sorted(listed)))
    return {name: value for name, value in flat.items() if name != "secret" and value not in (None, (), "", False)}


def _classes(classes: frozenset[ActionClass]) -> tuple[Literal["read", "write", "delete"], ...]:
    return tuple(name for name in _IN_FILES if ActionClass(name) in classes)
