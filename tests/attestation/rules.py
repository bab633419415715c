"""Rules and claims to try the room with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from gatepass.access import AgentId, Instant, Json
from gatepass.attestation import Rule

OURS = frozenset({"https://gatepass.example", "https://gatepass.example/oauth2/token"})
AGENT = AgentId("agt_1")
NOW = Instant(1_800_000_000_000)


@dataclass(frozen=True, kw_only=True)
class Terms:
    name: str = "deploy"
    kind: str = "oidc"
    issuer: str = "https://issuer.example"
    audience: str | None = None
    conditions: tuple[str, ...] = ()
    agent: AgentId | None = AGENT
    agent_claim: str | None = None
    agents: Mapping[str, AgentId] = field(default_factory=dict)
    single_use: bool = True
    reproof: bool = False
    expires: Instant | None = None


def rule(*conditions: str, kind: str = "oidc", issuer: str = "https://issuer.example", **more: object) -> Rule:
    return Rule.of(Terms(kind=kind, issuer=issuer, conditions=conditions, **more), OURS)  # type: ignore[arg-type]


def claims(**more: Json) -> dict[str, Json]:
    return {
        "iss": "https://issuer.example",
        "sub": "svc-1",
        "aud": "https://gatepass.example",
        "exp": Decimal(NOW // 1000 + 300),
        "iat": Decimal(NOW // 1000),
        "jti": "1",
        **more,
    }
