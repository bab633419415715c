"""Who and what exists: agents, people, roles and upstreams, as plain records."""

from gatepass.registry.records import (
    Agent,
    Injection,
    InjectionKind,
    OperatorRole,
    Person,
    Role,
    Upstream,
    UpstreamKind,
)

__all__ = [
    "Agent",
    "Injection",
    "InjectionKind",
    "OperatorRole",
    "Person",
    "Role",
    "Upstream",
    "UpstreamKind",
]
