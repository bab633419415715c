"""Who asks the issuer for a credential, once that is known.

The law: a `Client` stands for an authentication that succeeded, and says how. It has no authority by itself: what it
may get is decided by policy, from its root credential or its agent's role, as they are at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepass.access import AgentId, CredentialId, Instant
from gatepass.authority import Authority

__all__ = ["Client", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """The one use of something that counts once: 32 bytes, to be remembered until then."""

    digest: bytes
    until: Instant
    client: bool = False
    """Whether it authenticated the client; otherwise it is what was granted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An agent that has authenticated at an endpoint of the issuer."""

    agent: AgentId
    how: str
    """`client_secret`, `bearer`, `private_key_jwt`, `tls_client_auth`, …: for the journal."""
    root: CredentialId | None = None
    """The API token that it authenticated with. Without one it has its agent's role, and its agent's limits."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """What proved it, by name: kept with every issuance. Never a secret."""
    proof_key: str | None = None
    """The thumbprint that the authentication itself has proven, as `Context.proof_key` names it."""
    trust: str | None = None
    """The id of the trust rule under which another issuer's token proved it."""
    uses: tuple[Use, ...] = ()
    """What is claimed before anything is issued: each counts once, here and in every other process."""
    held: Authority | None = None
    """All that it may get this time, where what it showed says so; None where it does not say."""
    ends: tuple[Instant, ...] = ()
    """Instants that what it gets may not outlive."""
    resources: tuple[str, ...] = ()
    """What a credential may be for, where what it showed says so."""
    asks: tuple[str, ...] = ()
    """The scopes that are meant where the request names none."""
    bound_to: str | None = None
    """The thumbprint of the key that has to be proven with the request."""
