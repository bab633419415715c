"""Who asks the issuer for a credential, once that is known.

The law: a `Client` stands for an authentication that succeeded, and says how. It has no authority by itself: what it
may get is decided by policy, from its root credential or its agent's role, as they are at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepass.access import AgentId, CredentialId

__all__ = ["Client"]


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
