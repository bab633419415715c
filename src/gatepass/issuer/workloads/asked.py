"""What is asked with an assertion, and what an assertion comes to.

The law: a `Proven` is what a verified assertion says and nothing more: who it proves somebody to be, what is kept of
it, and what it bounds. It is not an authentication of its own until whoever asked for it says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from gatepass.access import AgentId, Json
from gatepass.attestation import Evidence, UnverifiedAssertion
from gatepass.issuer.clients import Use
from gatepass.registry import TrustRule

__all__ = ["JWT_BEARER", "Assertion", "Names", "Proven"]

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""RFC 7523, section 2.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An assertion that a rule accepted."""

    rule: TrustRule
    agent: AgentId
    evidence: Evidence
    claims: Mapping[str, Json] = field(repr=False)
    use: Use
    """What it counts once by."""

    @property
    def counts_once(self) -> bool:
        """Whether a second use of it is refused."""
        return self.rule.single_use or self.rule.reproof


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One assertion, well formed, and what it was sent as."""

    said: UnverifiedAssertion
    audiences: frozenset[str]
    """Where a rule pins none: what its sole audience has to be. A client's authentication is for the issuer alone."""
    agent: AgentId | None = None
    """Whom it has to prove, where the request says."""


class Names(Protocol):
    """Agents by what clients call them."""

    def __call__(self, ref: str, /) -> AgentId | None:
        """The agent of this id or name."""
        ...
