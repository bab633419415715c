"""What a request stands on: who will act, by which authority, and what it descends from.

The law of exchange (RFC 8693): a token is exchanged by whoever it was issued to, who proves its key where it has one,
or by an authenticated agent that its `may_act` names. Whoever merely holds it gets nothing, whether it is bound or not.
What comes of it descends from it: the same meters, the same run, the same purpose, no longer life, no wider authority
than the subject's and the role of each agent behind it. Who acts stands first in `act`; nobody is left out of it.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Authority, meet
from gatepass.credentials import IssuedRecord, TokenRecord
from gatepass.credentials.access_tokens import AccessToken, AccessTokens, Actor
from gatepass.credentials.access_tokens.claims import MOST_ACTORS, MOST_ANCESTORS
from gatepass.credentials.access_tokens.verifying import MOST_BYTES
from gatepass.errors import Denied, Error, Malformed, Unauthenticated
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.authenticating import token_of
from gatepass.issuer.granting.requests import TokenRequest
from gatepass.issuer.granting.signing import CAPABILITY
from gatepass.issuer.places import Places
from gatepass.issuer.world import World
from gatepass.keys.jose.fixed import FixedJws
from gatepass.policy import RolePolicy
from gatepass.registry import Agent

__all__ = ["ACCESS_TOKEN", "Basis", "Subject", "exchanged", "of_client", "subject_of"]

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a type
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Everything that the new credential takes over."""

    client: Client
    agent: Agent
    """Who will act."""
    person: PersonId
    held: Authority | None
    """None: the agent has what its role has."""
    roles: tuple[RolePolicy, ...]
    root: CredentialId | None
    meters: CredentialId
    ancestors: tuple[CredentialId, ...] = ()
    subject: AgentId | PersonId
    actor: Actor | None = None
    run: RunId | None = None
    purpose: str | None = None
    ends: tuple[Instant, ...] = ()
    trust: str | None = None
    """The id of the trust rule that it goes back to."""
    hands_on: bool = False
    """Whether it is an access token that is exchanged."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The token that is to be exchanged: one of ours, alive. Who presents it is not known yet."""

    record: IssuedRecord | TokenRecord
    said: AccessToken | None
    """What it says, if it is an access token."""

    @property
    def binding(self) -> str | None:
        """The key that its holder has to prove."""
        return self.record.binding if isinstance(self.record, IssuedRecord) else None

    @property
    def agent(self) -> AgentId:
        """Whom it was issued to."""
        if self.record.agent is None:
            raise _refused("the subject token is no agent's")
        return self.record.agent


def of_client(client: Client, world: World) -> Basis:
    """What an authenticated client has by itself: its API token's authority, or its role's."""
    agent, roles = _standing(client.agent, world)
    if client.root is None:
        return Basis(
            client=client,
            agent=agent,
            person=agent.owner,
            held=client.held,
            roles=roles,
            root=None,
            meters=CredentialId(agent.id),
            subject=agent.id,
            ends=client.ends,
            trust=client.trust,
        )
    root = world.tokens[client.root]
    return Basis(
        client=client,
        agent=agent,
        person=root.owner,
        held=root.authority if client.held is None else meet(root.authority, client.held),
        roles=roles,
        root=root.id,
        meters=root.meters,
        ancestors=(root.id, *root.ancestors),
        subject=agent.id,
        run=root.run,
        purpose=root.purpose,
        trust=client.trust,
        ends=(root.expires if root.retires is None else min(root.expires, root.retires), *client.ends),
    )


def subject_of(request: TokenRequest, world: World, places: Places, at: Instant) -> Subject:
    """The token that a request wants to exchange. Raises `Malformed`, `Unauthenticated` (`grant_invalid`)."""
    if request.subject_token is None or request.subject_token_type is None:
        raise Malformed("malformed_request", "an exchange needs `subject_token` and `subject_token_type`")
    if request.subject_token_type not in {ACCESS_TOKEN, JWT}:
        raise Malformed("malformed_request", f"`subject_token_type` is not `{ACCESS_TOKEN}`")
    if request.requested_token_type not in {None, ACCESS_TOKEN, JWT, CAPABILITY}:
        raise Malformed("malformed_request", f"`requested_token_type` is not `{ACCESS_TOKEN}`")
    if request.actor_token is not None:
        hint = "Leave `actor_token` out: who acts is the client that authenticates."
        raise Malformed("malformed_request", "`actor_token` is not taken", hint=hint)
    text = request.subject_token
    if text.startswith("gp_"):
        return Subject(_api_token(text, world, at), None)
    return _access_token(text, world, places, at)


def exchanged(subject: Subject, client: Client | None, proven: str | None, world: World) -> Basis:
    """What an exchange gives, if whoever asks may have it. `proven` is the binding that was proven with the request."""
    holder, bound = subject.agent, subject.binding
    held_by_key = bound is not None and proven is not None and hmac.compare_digest(bound, proven)
    if client is None:
        whole = isinstance(subject.record, TokenRecord)  # the whole of an API token authenticates its agent
        if not held_by_key and not whole:
            raise Unauthenticated(
                "client_invalid", "nobody has authenticated, and the subject token's key was not proven"
            )
        root = subject.record.id if whole else None
        client = Client(agent=holder, how="subject_token", root=root, proof_key=proven)
    named = subject.said is not None and subject.said.may_act == client.agent
    if not named and (client.agent != holder or (bound is not None and not held_by_key)):
        raise _refused("the subject token is neither proven by its key nor meant for this client to exchange")
    if isinstance(subject.record, TokenRecord):
        return of_client(replace(client, agent=holder, root=subject.record.id), world)
    return _descended(subject.record, subject.said, client, world)


# -- steps


def _descended(record: IssuedRecord, said: AccessToken | None, client: Client, world: World) -> Basis:
    agent, roles = _standing(client.agent, world)
    if said is None:
        raise _refused("the subject token cannot be read")
    subject, actor = said.subject, said.actor
    if client.agent != record.agent:
        _, behind = _standing(record.agent, world)
        roles = (*roles, *behind)
        # Who acted until now acts for the subject no more by itself: the new actor does, on its behalf.
        actor = Actor(client.agent, actor)
    if _depth(actor) > MOST_ACTORS or len(record.ancestors) >= MOST_ANCESTORS:
        raise _refused("the subject token has been handed on too often")
    return Basis(
        client=client,
        agent=agent,
        person=record.person,
        held=record.authority,
        roles=roles,
        root=record.root,
        meters=record.meters,
        ancestors=(record.id, *record.ancestors),
        subject=subject,
        actor=actor,
        run=record.run,
        purpose=record.purpose,
        ends=(record.expires, *client.ends),
        hands_on=True,
        trust=record.trust or client.trust,
    )


def _standing(agent: AgentId, world: World) -> tuple[Agent, tuple[RolePolicy, ...]]:
    """The agent and its role as they are now. Raises `Unauthenticated` for one that may not act."""
    found = world.agents.get(agent)
    owner = None if found is None else world.people.get(found.owner)
    if found is None or found.disabled is not None or owner is None or owner.disabled is not None:
        raise Unauthenticated("client_invalid", "the agent is disabled, or nobody answers for it")
    role = world.roles.get(found.role)
    return found, () if role is None else (role,)


def _api_token(text: str, world: World, at: Instant) -> TokenRecord:
    try:
        return token_of(text, world, at)
    except Unauthenticated:
        raise _refused("the subject token is unknown, expired or withdrawn") from None


def _access_token(text: str, world: World, places: Places, at: Instant) -> Subject:
    """Verified as the surface that it is for would."""
    try:
        claims = exact.read(FixedJws(text, MOST_BYTES).unverified_payload, max_bytes=MOST_BYTES, max_depth=32)
        audience = claims.get("aud") if isinstance(claims, Mapping) else None
        place = places.find(audience) if isinstance(audience, str) else None
        if place is None:
            raise _refused("the subject token is for no surface of ours")
        keys = {id_: key.public for id_, key in world.signing.items()}
        said = AccessTokens(places.issuer, keys, audience=places.audience(place)).verify(text, at=at).said
    except (Malformed, Unauthenticated):
        raise _refused("the subject token is unknown, expired or withdrawn") from None
    record = world.issued.get(said.credential.id)
    if record is None or world.live.check(record.id, "") is not None or at >= record.expires:
        raise _refused("the subject token is unknown, expired or withdrawn")
    return Subject(record, said)


def _depth(actor: Actor | None) -> int:
    return 0 if actor is None else 1 + _depth(actor.before)


def _refused(why: str) -> Error:
    return Denied("grant_invalid", why)
