"""Who and what exists: agents, people, roles and upstreams, as plain records."""

from gatepass.registry.records import (
    Agent,
    AgentLimits,
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
    "AgentLimits",
    "Injection",
    "InjectionKind",
    "OperatorRole",
    "Person",
    "Role",
    "Upstream",
    "UpstreamKind",
]
