"""What is stored of a credential that was given out: of an opaque token, everything but its secret."""

from dataclasses import dataclass, field
from enum import StrEnum

from gatepass.access import ActionClass, AgentId, CredentialId, Instant, PersonId, Rate, RunId
from gatepass.authority import Authority, Credential

__all__ = ["IssuedRecord", "Rate", "TokenKind", "TokenLimits", "TokenRecord", "WithdrawnLink"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedRecord:
    """One access token that was issued. Without this record on the live list it is not honoured, whoever signed it."""

    id: CredentialId
    """`jti`"""
    agent: AgentId
    """Who acts."""
    client: AgentId
    """Who authenticated at the issuer."""
    owner: PersonId
    person: PersonId
    """For whom it acts."""
    authority: Authority
    audience: str
    key: str
    """`kid` of the issuer's key that signed it: withdrawing the key withdraws it."""
    root: CredentialId | None
    """The API token that it descends from, whose limits it has; None where it has its agent's."""
    meters: CredentialId
    """Whose meters it draws on: its root's, or those that are named after its agent."""
    issued: Instant
    expires: Instant
    status: int
    """Its place in the status list, which nobody can guess."""
    run: RunId | None = None
    binding: str | None = None
    """The thumbprint of the key, or `x5t#S256:` and that of the certificate, that its holder has to prove."""
    purpose: str | None = None
    parent: CredentialId | None = None
    ancestors: tuple[CredentialId, ...] = ()
    """Every credential that it descends from, nearest first."""
    trust: str | None = None
    """The id of the trust rule by which another issuer's token proved its agent, or that of what it came from."""
    revoked: Instant | None = None
    revoked_because: str | None = None

    @property
    def name(self) -> str:
        """What an error calls it."""
        return self.id

    @property
    def credential(self) -> Credential:
        """What it amounts to, once it was verified."""
        return Credential(
            id=self.id,
            subject=self.agent,
            owner=self.owner,
            authority=self.authority,
            issued=self.issued,
            expires=self.expires,
            parent=self.parent,
            ancestors=self.ancestors,
            run=self.run,
            binding=self.binding,
            purpose=self.purpose,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnLink:
    """A link of a capability that was withdrawn. Links are made offline: this is all that is ever stored of one."""

    id: CredentialId
    agent: AgentId
    """Whose capability it descends from."""
    created: Instant
    """When it was withdrawn."""
    expires: Instant
    """When it would have ended by itself, and nobody has to remember it any more."""
    because: str = ""

    @property
    def name(self) -> str:
        """What an error calls it."""
        return self.id
