"""What an access token says, and how it is written and read.

    iss aud iat nbf exp jti client_id    RFC 9068; `aud` is one text, instants are whole seconds
    sub, act                             whom it is about, and who acts for them (RFC 8693), at most four deep
    may_act                              the one agent that may exchange it besides its holder: its `sub`
    authorization_details, scope         the authority (`notation`)
    cnf                                  `jkt` (RFC 9449) or `x5t#S256` (RFC 8705), one of them
    run_id, agent_claims                 the run; `agent_version`, `host_id`, `attestation`
    status                               its place in a status list (draft 21): `status_list`, of `idx` and `uri`
    owner, purpose, ancestors            who answers for it, what for, what it descends from

The law: the payload is one JSON object with exactly these members, none of them twice, bounded, those that are absent
left out; it is written canonically, and nothing is written that would not be read. Who acts is the outermost actor;
nested ones are history and decide nothing (RFC 8693, section 4.1). A confirmation that cannot be read is refused with
the token: it is never taken for none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant, Json, PersonId, RunId
from gatepass.authority import Credential
from gatepass.credentials.access_tokens.notation import read_authority, scope_of, write_authority
from gatepass.errors import Malformed

__all__ = ["LONGEST", "MOST_ACTORS", "AccessToken", "Actor", "AgentClaims", "Confirmation", "StatusPlace"]

LONGEST: Final = 900_000
"""Milliseconds that a token lives at most."""
MOST_ACTORS: Final = 4
MOST_ANCESTORS: Final = 16
MOST_PAYLOAD: Final = 8192
MOST_INDEX: Final = (1 << 24) - 1
"""The last place of the longest status list that anybody reads here."""
_SECOND: Final = 1000
_LAST_SECOND: Final = 253_402_300_799
_ID: Final = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_-]{1,64}", re.ASCII)
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,512}")
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CERTIFICATE: Final = "x5t#S256"

_MEMBERS: Final = frozenset(
    {"iss", "aud", "iat", "nbf", "exp", "jti", "client_id", "sub", "owner", "authorization_details"}
)
_OPTIONAL: Final = frozenset(
    {"act", "scope", "cnf", "run_id", "agent_claims", "purpose", "ancestors", "status", "may_act"}
)
_AGENT_CLAIMS: Final = frozenset({"agent_version", "host_id", "attestation"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the subject, and for whom that one acted in turn."""

    subject: AgentId | PersonId
    before: "Actor | None" = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the holder has to prove: a key, or the certificate of its connection. One of the two."""

    thumbprint: str
    certificate: bool = False

    @property
    def binding(self) -> str:
        """As a credential names it. A certificate's can never be taken for a key's."""
        return f"{_CERTIFICATE}:{self.thumbprint}" if self.certificate else self.thumbprint


@dataclass(frozen=True, slots=True)
class AgentClaims:
    """What was known of the agent when the token was issued."""

    agent_version: str | None = None
    host_id: str | None = None
    attestation: tuple[str, ...] = ()
    """The names of the evidence that was verified then."""


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """Where somebody who is not connected reads whether the token was withdrawn."""

    index: int
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """Everything that a token says. `credential.subject` is who acts, `credential.binding` the confirmation's."""

    credential: Credential
    issuer: str
    audience: str
    client: AgentId
    subject: AgentId | PersonId
    """Whom it is about: the person, where an agent acts for one."""
    actor: Actor | None = None
    confirmation: Confirmation | None = None
    agent: AgentClaims = field(default_factory=AgentClaims)
    status: StatusPlace | None = None
    may_act: AgentId | None = None
    """Who may exchange it besides whoever holds its key (RFC 8693, section 4.4)."""

    def write(self) -> bytes:
        """The payload. Raises `Malformed` for what a token cannot say."""
        self._check()
        held = self.credential
        said: dict[str, Json] = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": Decimal(held.issued // _SECOND),
            "nbf": Decimal(held.issued // _SECOND),
            "exp": Decimal(held.expires // _SECOND),
            "jti": held.id,
            "client_id": self.client,
            "sub": self.subject,
            "owner": held.owner,
            "authorization_details": write_authority(held.authority),
        }
        optional: dict[str, Json] = {
            "act": _written_actor(self.actor),
            "scope": scope_of(held.authority),
            "cnf": _written_confirmation(self.confirmation),
            "run_id": held.run,
            "agent_claims": _written_agent(self.agent),
            "purpose": held.purpose,
            "ancestors": held.ancestors,
            "status": _written_status(self.status),
            "may_act": None if self.may_act is None else {"sub": _id(self.may_act)},
        }
        return exact.write({**said, **{name: value for name, value in optional.items() if value}})

    def _check(self) -> None:
        """Refuse what `read` would refuse, and a credential that says something else than the token around it."""
        held = self.credential
        for id_ in (held.id, held.owner, self.client, self.subject, *held.ancestors):
            _id(id_)
        for text in (self.issuer, self.audience, held.purpose, *_said_of(self.agent)):
            if text is not None:
                _text(text)
        if held.run is not None:
            _id(held.run)
        acts = self.subject if self.actor is None else self.actor.subject
        bound = None if self.confirmation is None else self.confirmation.binding
        parent = held.ancestors[0] if held.ancestors else None
        if (held.subject, held.binding, held.parent) != (acts, bound, parent):
            raise _malformed("its credential has another subject, binding or parent")
        if len(held.ancestors) > MOST_ANCESTORS or len(set(held.ancestors)) != len(held.ancestors):
            raise _malformed(f"it has more than {MOST_ANCESTORS} ancestors, or one twice")
        if not 0 < held.expires - held.issued <= LONGEST or held.issued % _SECOND or held.expires % _SECOND:
            raise _malformed("its life is none, longer than a token's, or not of whole seconds")
        if self.confirmation is not None and not _THUMBPRINT.fullmatch(self.confirmation.thumbprint):
            raise _malformed("its confirmation is not a thumbprint")

    @classmethod
    def read(cls, payload: bytes) -> "AccessToken":
        """Read a payload that was verified. Raises `Malformed`."""
        claims = _claims(payload)
        authority = read_authority(claims["authorization_details"])
        if claims.get("scope", "") != scope_of(authority) or claims.get("scope") == "":
            raise _malformed("`scope` and `authorization_details` do not say the same")
        issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
        if _instant(claims, "nbf") != issued or not issued < expires <= issued + LONGEST:
            raise _malformed("its life is none, or longer than a token's")
        subject = _who(claims["sub"])
        actor = _actor(claims["act"], 1) if "act" in claims else None
        confirmation = _confirmation(claims["cnf"]) if "cnf" in claims else None
        ancestors = _ids(claims["ancestors"]) if "ancestors" in claims else ()
        credential = Credential(
            id=CredentialId(_id(claims["jti"])),
            subject=subject if actor is None else actor.subject,
            owner=PersonId(_id(claims["owner"])),
            authority=authority,
            issued=issued,
            expires=expires,
            parent=ancestors[0] if ancestors else None,
            ancestors=ancestors,
            run=RunId(_id(claims["run_id"])) if "run_id" in claims else None,
            binding=None if confirmation is None else confirmation.binding,
            purpose=_text(claims["purpose"]) if "purpose" in claims else None,
        )
        return cls(
            credential=credential,
            issuer=_text(claims["iss"]),
            audience=_text(claims["aud"]),
            client=AgentId(_id(claims["client_id"])),
            subject=subject,
            actor=actor,
            confirmation=confirmation,
            agent=_agent(claims["agent_claims"]) if "agent_claims" in claims else AgentClaims(),
            status=_status(claims["status"]) if "status" in claims else None,
            may_act=_may_act(claims["may_act"]) if "may_act" in claims else None,
        )


def _claims(payload: bytes) -> Mapping[str, Json]:
    claims = exact.read(payload, max_bytes=MOST_PAYLOAD, max_depth=32)
    if not isinstance(claims, Mapping) or not _MEMBERS <= claims.keys() <= _MEMBERS | _OPTIONAL:
        raise _malformed("its payload does not have exactly the members of a token")
    return claims


def _text(value: Json) -> str:
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise _malformed("a claim is not a short text")
    return value


def _id(value: Json) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _malformed("a claim is not an id")
    return value


def _ids(value: Json) -> tuple[CredentialId, ...]:
    if not isinstance(value, tuple) or not 1 <= len(value) <= MOST_ANCESTORS or len(set(map(_id, value))) != len(value):
        raise _malformed(f"`ancestors` is not a list of 1 to {MOST_ANCESTORS} different ids")
    return tuple(CredentialId(_id(each)) for each in value)


def _who(value: Json) -> AgentId | PersonId:
    who = _id(value)
    return AgentId(who) if who.startswith("agt_") else PersonId(who)


def _instant(claims: Mapping[str, Json], name: str) -> Instant:
    value = claims[name]
    if not isinstance(value, Decimal) or not 0 <= value <= _LAST_SECOND or value != int(value):
        raise _malformed("an instant is not a whole number of seconds")
    return Instant(int(value) * _SECOND)


def _actor(value: Json, depth: int) -> Actor:
    if not isinstance(value, Mapping) or not {"sub"} <= value.keys() <= {"sub", "act"} or depth > MOST_ACTORS:
        raise _malformed(f"`act` is not a chain of at most {MOST_ACTORS} actors")
    return Actor(_who(value["sub"]), _actor(value["act"], depth + 1) if "act" in value else None)


def _written_actor(actor: Actor | None, depth: int = 1) -> Json:
    if actor is None:
        return None
    if depth > MOST_ACTORS:
        raise _malformed(f"`act` is not a chain of at most {MOST_ACTORS} actors")
    _id(actor.subject)
    before = _written_actor(actor.before, depth + 1)
    return {"sub": actor.subject} if before is None else {"act": before, "sub": actor.subject}


def _confirmation(value: Json) -> Confirmation:
    name, thumbprint = next(iter(value.items())) if isinstance(value, Mapping) and len(value) == 1 else ("", None)
    if name not in {"jkt", _CERTIFICATE} or not isinstance(thumbprint, str) or not _THUMBPRINT.fullmatch(thumbprint):
        raise _malformed("`cnf` is not the thumbprint of one key or of one certificate")
    return Confirmation(thumbprint, certificate=name == _CERTIFICATE)


def _written_confirmation(confirmation: Confirmation | None) -> Json:
    if confirmation is None:
        return None
    return {_CERTIFICATE if confirmation.certificate else "jkt": confirmation.thumbprint}


def _agent(value: Json) -> AgentClaims:
    if not isinstance(value, Mapping) or not value or not value.keys() <= _AGENT_CLAIMS:
        raise _malformed("`agent_claims` is not an object of what is known of agents")
    evidence = value.get("attestation", ("",))
    if not isinstance(evidence, tuple) or not 1 <= len(evidence) <= MOST_ANCESTORS:
        raise _malformed("`attestation` is not a short list")
    return AgentClaims(
        _text(value["agent_version"]) if "agent_version" in value else None,
        _text(value["host_id"]) if "host_id" in value else None,
        tuple(map(_text, evidence)) if "attestation" in value else (),
    )


def _said_of(agent: AgentClaims) -> tuple[str | None, ...]:
    if len(agent.attestation) > MOST_ANCESTORS:
        raise _malformed("`attestation` is not a short list")
    return (agent.agent_version, agent.host_id, *agent.attestation)


def _written_agent(agent: AgentClaims) -> Json:
    said: dict[str, Json] = {
        "agent_version": agent.agent_version,
        "host_id": agent.host_id,
        "attestation": agent.attestation,
    }
    return {name: value for name, value in said.items() if value}


def _may_act(value: Json) -> AgentId:
    if not isinstance(value, Mapping) or value.keys() != {"sub"}:
        raise _malformed("`may_act` does not name one agent")
    return AgentId(_id(value["sub"]))


def _status(value: Json) -> StatusPlace:
    place = value.get("status_list") if isinstance(value, Mapping) and value.keys() == {"status_list"} else None
    if not isinstance(place, Mapping) or place.keys() != {"idx", "uri"}:
        raise _malformed("`status` is not one place in a status list")
    index = place["idx"]
    if not isinstance(index, Decimal) or not 0 <= index <= MOST_INDEX or index != int(index):
        raise _malformed("`status` has no place in a list")
    return StatusPlace(int(index), _text(place["uri"]))


def _written_status(status: StatusPlace | None) -> Json:
    if status is None:
        return None
    if not 0 <= status.index <= MOST_INDEX:
        raise _malformed("`status` has no place in a list")
    return {"status_list": {"idx": Decimal(status.index), "uri": _text(status.uri)}}


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_access_token", f"the access token is malformed: {why}")
