"""What admission needs to know of a credential, whatever its shape.

The law: an API token, an access token and a chain of links come down to one value before anything is decided, and no
step asks which of them it was. It is made by the snapshot alone, of what was verified or loaded; a change of what it
was made of makes another one, so whoever holds the same object holds what still stands.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from gatepass.access import AgentId, CredentialId, Instant, PersonId, Veto
from gatepass.authority import Credential
from gatepass.credentials import IssuedRecord, TokenLimits, TokenRecord, refusal
from gatepass.registry import Agent

__all__ = ["Holding", "limits_of", "of_issued", "of_link", "of_token"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holding:
    """One verified credential: its authority, whose limits and meters it draws on, and for whom it acts."""

    credential: Credential
    agent: AgentId | None
    person: PersonId
    """For whom it acts."""
    limits: TokenLimits
    meters: CredentialId
    refusal: Callable[[Instant], Veto | None]
    """Why it is not honoured at an instant, as far as it tells by itself."""


def of_token(record: TokenRecord) -> Holding:
    """What a verified API token amounts to."""
    credential = Credential(
        id=record.id,
        subject=record.agent or record.owner,
        owner=record.owner,
        authority=record.authority,
        parent=record.parent,
        ancestors=record.ancestors,
        run=record.run,
        binding=None,
        purpose=record.purpose,
        issued=record.issued,
        expires=record.expires,
    )

    def refused(now: Instant) -> Veto | None:
        return refusal(record, now)

    return Holding(
        credential=credential,
        agent=record.agent,
        person=record.owner,
        limits=record.limits,
        meters=record.meters,
        refusal=refused,
    )


def of_issued(record: IssuedRecord, limits: TokenLimits) -> Holding:
    """What a verified access token amounts to, under the limits of what it descends from."""

    def refused(now: Instant) -> Veto | None:
        if record.revoked is not None:
            return Veto("credential_invalid", "the token was revoked")
        return Veto("credential_invalid", "the token has expired") if now >= record.expires else None

    return Holding(
        credential=record.credential,
        agent=record.agent,
        person=record.person,
        limits=limits,
        meters=record.meters,
        refusal=refused,
    )


def of_link(credential: Credential, root: Holding) -> Holding:
    """What the last link of a verified chain amounts to: it acts for whom its root acts, on the root's meters."""

    def refused(now: Instant) -> Veto | None:
        if now >= credential.expires:
            return Veto("credential_invalid", "the capability has expired")
        return root.refusal(now)

    return Holding(
        credential=credential,
        agent=root.agent,
        person=root.person,
        limits=root.limits,
        meters=root.meters,
        refusal=refused,
    )


def limits_of(agent: Agent, defaults: TokenLimits) -> TokenLimits:
    """The limits of what descends from no token: the agent's own, and the deployment's for the rest."""
    said = {each.name: getattr(agent.limits, each.name) for each in fields(agent.limits)}
    return replace(defaults, **{name: value for name, value in said.items() if value is not None})
