"""Whom we believe about agents: trust rules for other issuers, and the public keys that agents sign with themselves.

Plain records, as those in `records`. What a condition means is attestation's matter; where keys are fetched from is
said here, fetching them is the outside's. A public key is no secret, and a rule holds none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from gatepass.access import AgentId, Instant
from gatepass.registry.records import UNDATED

__all__ = ["AgentKey", "AgentKeyId", "TrustKind", "TrustRule", "TrustRuleId"]

TrustRuleId = NewType("TrustRuleId", str)
"""`tru_…`"""
AgentKeyId = NewType("AgentKeyId", str)
"""`key_…`"""


class TrustKind(StrEnum):
    """What kind of issuer it is. The words are those of `attestation.RuleKind`."""

    OIDC = "oidc"
    KUBERNETES = "kubernetes"
    GITHUB_ACTIONS = "github-actions"
    SPIFFE = "spiffe"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRule:
    """Which tokens of which issuer prove to be which agent."""

    id: TrustRuleId
    name: str
    """Unique; what people type: `deploys`."""
    kind: TrustKind
    issuer: str
    """What `iss` is, byte for byte; of SPIFFE, `spiffe://` and the trust domain."""
    keys_url: str | None = None
    """Where the issuer's keys are. None, and none pinned: where its discovery document says."""
    keys: str | None = None
    """The issuer's keys themselves, as a JWK set: nothing is fetched."""
    allow_private: bool = False
    """Whether the address of the keys may be a private one."""
    audience: str | None = None
    """What the token's sole audience has to be; our issuer identifier or token endpoint where nothing is said."""
    conditions: tuple[str, ...] = ()
    """In the notation of conditions; all of them have to hold."""
    agent: AgentId | None = None
    """Whom it proves."""
    agent_claim: str | None = None
    """Or the claim whose values name agents, by `agents`."""
    agents: Mapping[str, AgentId] = field(default_factory=dict)
    longest_life: int | None = None
    """Milliseconds; the longest life of a credential issued for such a token."""
    single_use: bool = True
    """Whether each token counts once."""
    reproof: bool = False
    """Whether every new credential needs a new token: what was issued for one cannot be exchanged."""
    expires: Instant | None = None
    created: Instant = UNDATED
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """A public key of an agent, which it authenticates with at the issuer (`private_key_jwt`)."""

    id: AgentKeyId
    agent: AgentId
    label: str
    """For people: where the key is."""
    jwk: str
    """As JSON in its one spelling."""
    thumbprint: str
    """RFC 7638, SHA-256. No two agents have the same key."""
    created: Instant
    expires: Instant | None = None

    @property
    def name(self) -> str:
        """Unique."""
        return self.thumbprint
