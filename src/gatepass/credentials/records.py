"""What is stored of an opaque token: everything but its secret."""

from dataclasses import dataclass, field
from enum import StrEnum

from gatepass.access import ActionClass, AgentId, CredentialId, Instant, PersonId, Rate, RunId
from gatepass.authority import Authority

__all__ = ["Rate", "TokenKind", "TokenLimits", "TokenRecord"]


class TokenKind(StrEnum):
    """The kind in `gp_<kind>_…`."""

    MACHINE = "sk"
    PERSON = "pat"
    SESSION = "ses"
    """A signed-in person at a terminal or in a browser; never stored by the person's side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """A token's own limits. They live in its record, so they change without re-issuing it."""

    attempts: Rate
    """Every presentation that verifies counts, permitted or denied."""
    calls: Rate
    """Permitted calls."""
    writes_per_minute: int | None = None
    """Permitted calls of any class but `read`, in each UTC minute."""
    requests_per_day: int | None = None
    """Permitted calls, in each UTC day."""
    classes: frozenset[ActionClass] = frozenset(ActionClass)
    """The classes of operation that the token may do at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """One opaque token as it is kept. The secret is not recoverable from it."""

    id: CredentialId
    kind: TokenKind
    name: str
    hash: bytes = field(repr=False)
    """SHA-256 of the whole token text."""
    owner: PersonId
    """The person who answers for it; for a person's token, the person itself."""
    agent: AgentId | None
    authority: Authority
    limits: TokenLimits
    issued: Instant
    expires: Instant
    issuer: str
    """Who created it: `per_…`."""
    purpose: str | None = None
    parent: CredentialId | None = None
    """Withdrawing the parent withdraws this one."""
    meters: CredentialId
    """Whose meters this token draws on: its own id, or that of the first of its line after rotations."""
    run: RunId | None = None
    authenticated: Instant | None = None
    """For a session: when the person last authenticated."""
    revoked: Instant | None = None
    revoked_because: str | None = None
    replaces: CredentialId | None = None
    """The token that this one took over from by rotation. Revoking this one revokes that one too."""
    replaced_by: CredentialId | None = None
    retires: Instant | None = None
    """Set by a rotation with an overlap: the instant from which this one is refused."""
    latest: Instant | None = None
    """The instant that no renewal goes beyond, because the token is broad; None for a narrow one. Kept by rotation."""
    ancestors: tuple[CredentialId, ...] = field(default=())
    """Every credential that this one descends from, nearest first."""
