"""Who and what exists: agents, people, roles, upstreams and runs, as plain records."""

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
from gatepass.registry.runs import LONGEST_RUN, Budget, Run, RunLimits
from gatepass.registry.trust import AgentKey, AgentKeyId, TrustKind, TrustRule, TrustRuleId

__all__ = [
    "LONGEST_RUN",
    "Agent",
    "AgentKey",
    "AgentKeyId",
    "AgentLimits",
    "Budget",
    "Injection",
    "InjectionKind",
    "OperatorRole",
    "Person",
    "Role",
    "Run",
    "RunLimits",
    "TrustKind",
    "TrustRule",
    "TrustRuleId",
    "Upstream",
    "UpstreamKind",
]
