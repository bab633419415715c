"""A credential, once verified: who acts, for whom, under which authority, until when.

The law: every shape that carries an authority comes down to this one. Only a verifier makes it; its id is public and
the secret is not in it.
"""

from dataclasses import dataclass

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority.grants import Authority

__all__ = ["Credential"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What was verified."""

    id: CredentialId
    subject: AgentId | PersonId
    """Who acts."""
    owner: PersonId
    """The person who answers for it."""
    authority: Authority
    issued: Instant
    expires: Instant
    parent: CredentialId | None = None
    ancestors: tuple[CredentialId, ...] = ()
    """Every credential that this one descends from, nearest first."""
    run: RunId | None = None
    binding: str | None = None
    """RFC 7638 thumbprint of the key that its holder has to prove, if any."""
    purpose: str | None = None
    """As fixed at issuance."""
