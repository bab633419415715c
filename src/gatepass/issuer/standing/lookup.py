"""What a token's text stands for at this instant: exactly what a gateway would say of it, or nothing.

The law: a token stands if its issuer signed it or its whole secret was shown, it is within its life, its run is open,
and the live list that every call looks at honours it at the upstream that it is for. There is no second list, nothing
is remembered, and why something does not stand is not said: unknown, garbled, expired, withdrawn and another's are
alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gatepass import exact
from gatepass.access import CredentialId, Instant, RunId
from gatepass.authority import Credential
from gatepass.credentials import IssuedRecord, TokenKind, TokenRecord, UnverifiedToken, refusal
from gatepass.credentials.access_tokens import AccessToken, AccessTokens
from gatepass.credentials.access_tokens.verifying import MOST_BYTES
from gatepass.credentials.capability import Capabilities, UnverifiedCapability
from gatepass.credentials.capability.text import PREFIX
from gatepass.errors import Error, Malformed
from gatepass.issuer.places import Places
from gatepass.keys.jose import KeySet
from gatepass.keys.jose.fixed import FixedJws
from gatepass.registry import Run
from gatepass.revocation import Live

__all__ = ["LONGEST", "Known", "Standing", "find"]

LONGEST: Final = 20 * 1024
"""Characters of a token that is looked at at all: the longest, a capability, has 16 Ki."""
_UNHEARD: Final = "credential_unheard"
_NOBODY: Final = bytes(32)


class Known(Protocol):
    """What it takes to say so. The gateway's snapshot is one."""

    @property
    def live(self) -> Live:
        """What is alive."""
        ...

    @property
    def tokens(self) -> Mapping[CredentialId, TokenRecord]:
        """API tokens."""
        ...

    @property
    def issued(self) -> Mapping[CredentialId, IssuedRecord]:
        """Access tokens, and the first links of capabilities."""
        ...

    @property
    def runs(self) -> Mapping[RunId, Run]:
        """Those that are open."""
        ...

    @property
    def issuer_keys(self) -> KeySet:
        """The public halves of the keys that verify now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A token that stands."""

    credential: Credential
    holders: frozenset[str]
    """The agents that it was issued to, or that act by it."""
    said: AccessToken | None = None
    """Of an access token: what it says."""
    audiences: tuple[str, ...] = ()
    chain: bool = False
    """Whether it is a link of a capability, made offline or not."""
    bound: str | None = None
    """What its holder has to prove."""


def find(text: str, world: Known, places: Places, at: Instant) -> Standing | None:
    """What `text` stands for; None where it does not."""
    if len(text) > LONGEST:
        return None
    try:
        if text.startswith(PREFIX):
            return _capability(text, world, places, at)
        return _access_token(text, world, places, at) if "." in text else _api_token(text, world, at)
    except Error:
        return None


def _api_token(text: str, world: Known, at: Instant) -> Standing | None:
    token = UnverifiedToken.parse(text)
    record = world.tokens.get(token.credential_id)
    ours = token.matches(record.hash if record else _NOBODY)
    if record is None or not ours or record.kind is not TokenKind.MACHINE or record.agent is None:
        return None
    if refusal(record, at) is not None or world.live.check(record.id, "") is not None:
        return None
    if record.run is not None and record.run not in world.runs:
        return None
    held = Credential(
        id=record.id,
        subject=record.agent,
        owner=record.owner,
        authority=record.authority,
        issued=record.issued,
        expires=record.expires if record.retires is None else min(record.expires, record.retires),
        parent=record.parent,
        ancestors=record.ancestors,
        run=record.run,
        purpose=record.purpose,
    )
    return Standing(credential=held, holders=frozenset({record.agent}))


def _access_token(text: str, world: Known, places: Places, at: Instant) -> Standing | None:
    audience = _claim(text, "aud")
    place = places.find(audience)
    if place is None:
        return None
    verifier = AccessTokens(places.issuer, world.issuer_keys.named, audience=audience)
    said = verifier.verify(text, at=at).said
    record = world.issued.get(said.credential.id)
    if record is None or record.revoked is not None or at >= record.expires or record.audience != audience:
        return None
    if world.live.check(record.id, place.upstream) is not None:
        return None
    if record.run is not None and record.run not in world.runs:
        return None
    holders = frozenset({record.client, record.agent})
    return Standing(
        credential=said.credential,
        holders=holders,
        said=said,
        audiences=(audience,),
        bound=said.credential.binding,
    )


def _capability(text: str, world: Known, places: Places, at: Instant) -> Standing | None:
    presented = UnverifiedCapability.parse(text)
    audience = _claim(presented.seal or presented.links[0], "aud")
    if places.find(audience) is None:
        return None
    found = Capabilities(places.issuer, world.issuer_keys.named, audience=audience).verify(presented, at=at)
    found.check_live(lambda id_: _fallen(world.live, id_))
    root, last = found.root, found.links[-1]
    record = world.issued.get(root.id)
    upstreams = [place.upstream for each in root.audiences if (place := places.find(each)) is not None]
    if record is None or all(world.live.check(root.id, upstream) is not None for upstream in upstreams):
        return None
    if root.run is not None and root.run not in world.runs:
        return None
    above = tuple(link.id for link in reversed(found.links[:-1])) + root.ancestors
    held = Credential(
        id=last.id,
        subject=root.subject,
        owner=root.owner,
        authority=last.authority,
        issued=last.issued,
        expires=last.expires if found.seal is None else found.seal.expires,
        parent=above[0] if above else None,
        ancestors=above,
        run=root.run,
        binding=found.holder,
        purpose=root.purpose,
    )
    return Standing(
        credential=held,
        holders=frozenset({str(root.subject), record.client, record.agent}),
        audiences=root.audiences,
        chain=True,
        bound=found.holder if found.seal is None else None,
    )


def _fallen(live: Live, id_: CredentialId) -> bool:
    """Whether it was withdrawn: a link that nobody here has heard of yet was not."""
    veto = live.check(id_, "")
    return veto is not None and veto.code != _UNHEARD


def _claim(text: str, name: str) -> str:
    """What a text says of itself before it is verified: it only chooses what it is then verified against."""
    claims = exact.read(FixedJws(text, MOST_BYTES).unverified_payload, max_bytes=MOST_BYTES, max_depth=32)
    value = claims.get(name) if isinstance(claims, Mapping) else None
    value = value[0] if isinstance(value, tuple) and value else value
    if not isinstance(value, str):
        raise Malformed("malformed_access_token", "the token has no audience")
    return value
