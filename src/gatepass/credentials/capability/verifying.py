"""Verifying a chain with public keys alone.

The law: a chain is worth what its weakest step allows, and every step is checked, in this order. (1) The issuer's link
has exactly the header of one of the issuer's keys, and that key signed it. (2) It is of this issuer, for this audience.
(3) Each next link was signed by the key that the one before it names, (4) for exactly that parent, (5) under the id
that follows from it. (6) Its life is inside its parent's. (7) Its authority is covered by its parent's, which the
algebra decides and nobody is believed about. (8) It introduces meters in no name but its own. (9) Every life has begun
and none has ended. (10) A seal was made by the last key over all of the links, for this audience, and has not ended.

What comes out has no power yet: it still has to be proven by its last key, unless it is sealed, and none of its ids
may have been withdrawn.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gatepass.access import CredentialId, Instant
from gatepass.authority import Authority, Calls, Credential, Rate, SingleUse, Spending, covers, introduced_by
from gatepass.credentials.capability.faults import Fault, refused
from gatepass.credentials.capability.links import MOST_LINK, Link, Root, Seal, link_id
from gatepass.credentials.capability.text import LINK_HEADER, ROOT_TYPE, SEAL_HEADER, UnverifiedCapability
from gatepass.errors import Malformed
from gatepass.keys.jose.fixed import FixedJws, header_segment
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["Capabilities", "UnprovenCapability", "fresh_meters"]

SKEW: Final = 5_000
"""Milliseconds that another holder's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprovenCapability:
    """A chain whose every step was checked. Who presents it is not known yet."""

    root: Root
    links: tuple[Link, ...]
    """All of them, the issuer's first."""
    seal: Seal | None

    @property
    def holder(self) -> str:
        """The RFC 7638 thumbprint of the last key: who has to prove possession."""
        return self.links[-1].holder.thumbprint

    def check_live(self, withdrawn: Callable[[CredentialId], bool]) -> None:
        """Raise `Unauthenticated`, naming the link, if any link or anything the first descends from is withdrawn."""
        for number, link in enumerate(self.links):
            if withdrawn(link.id):
                raise refused(Fault.WITHDRAWN, number, "it was withdrawn", link.id)
        if any(map(withdrawn, self.root.ancestors)):
            raise refused(Fault.WITHDRAWN, 0, "what it was issued from was withdrawn", self.root.id)

    def proven_by(self, thumbprint: str | None) -> Credential:
        """The credential, for a caller that has just proven the key of this thumbprint, or None.

        None is enough for a sealed chain only, whose credential is bound to no key. Raises `Unauthenticated`.
        """
        last = self.links[-1]
        proven = thumbprint is not None and hmac.compare_digest(thumbprint.encode(), self.holder.encode())
        if not proven and (self.seal is None or thumbprint is not None):
            raise refused(Fault.UNPROVEN, len(self.links) - 1, "its key was not proven", last.id)
        before = tuple(link.id for link in reversed(self.links[:-1]))
        return Credential(
            id=last.id,
            subject=self.root.subject,
            owner=self.root.owner,
            authority=last.authority,
            issued=last.issued,
            expires=last.expires if self.seal is None else self.seal.expires,
            parent=(before + self.root.ancestors or (None,))[0],
            ancestors=before + self.root.ancestors,
            run=self.root.run,
            binding=self.holder if proven else None,
            purpose=self.root.purpose,
        )


class Capabilities:
    """Verifies chains of one issuer, by its public keys under the ids that it gave them."""

    __slots__ = ("_audience", "_issuer", "_keys")

    def __init__(self, issuer: str, keys: Mapping[str, PublicKey], *, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = {header_segment(ROOT_TYPE, id_): key for id_, key in keys.items()}

    def verify(self, presented: UnverifiedCapability, *, at: Instant) -> UnprovenCapability:
        """Check every step. Raises `Unauthenticated` (`capability_invalid`), which names the link and the fault."""
        root = self._root(presented.links[0])
        links: list[Link] = [root]
        for number, text in enumerate(presented.links[1:], start=1):
            links.append(_next(number, text, links[-1], presented.links[number - 1]))
        for number, link in enumerate(links):
            _check_now(number, link, at)
        seal = None if presented.seal is None else self._seal(presented, links, at)
        return UnprovenCapability(root=root, links=tuple(links), seal=seal)

    def _root(self, text: str) -> Root:
        jws = _taken_apart(0, text)
        key = self._keys.get(jws.header)
        if key is None:
            raise refused(Fault.UNKNOWN_KEY, 0, "it names no key of the issuer")
        payload = _verified(0, jws, key)
        try:
            root = Root.read(payload)
        except Malformed as error:
            raise refused(Fault.MALFORMED, 0, error.message) from None
        if root.issuer != self._issuer:
            raise refused(Fault.WRONG_ISSUER, 0, "it is another issuer's", root.id)
        if self._audience not in root.audiences:
            raise refused(Fault.WRONG_AUDIENCE, 0, "it is for another audience", root.id)
        if root.expires <= root.issued:
            raise refused(Fault.OUTLIVES, 0, "its life ends before it begins", root.id)
        if root.authority.unread:
            raise refused(Fault.UNREADABLE, 0, "it has a grant that cannot be read", root.id)
        return root

    def _seal(self, presented: UnverifiedCapability, links: list[Link], at: Instant) -> Seal:
        number, last = len(links) - 1, links[-1]
        jws = _taken_apart(number, presented.seal or "")
        if jws.header != SEAL_HEADER:
            raise refused(Fault.MALFORMED, number, "its seal does not have the header of seals", last.id)
        payload = jws.verified_by(last.holder)
        if payload is None:
            raise refused(Fault.BAD_SIGNATURE, number, "its seal was not made by its key", last.id)
        try:
            seal = Seal.read(payload)
        except Malformed as error:
            raise refused(Fault.MALFORMED, number, error.message, last.id) from None
        if seal.chain != hashlib.sha256(presented.chain.encode()).digest():
            raise refused(Fault.BROKEN_CHAIN, number, "its seal is over another chain", last.id)
        if seal.audience != self._audience:
            raise refused(Fault.WRONG_AUDIENCE, number, "its seal is for another audience", last.id)
        _check_inside(number, (seal.issued, seal.expires), last, last.id)
        if at + SKEW < seal.issued:
            raise refused(Fault.NOT_YET, number, "its seal is not valid yet", last.id)
        if at >= seal.expires:
            raise refused(Fault.EXPIRED, number, "its seal has expired", last.id)
        return seal


def fresh_meters(parent: Authority, authority: Authority) -> frozenset[CredentialId]:
    """In whose names `authority` has meters that `parent` does not have."""
    known = _counters(parent)
    return frozenset(introduced_by(counter[1]) for counter in _counters(authority) - known)


def _next(number: int, text: str, parent: Link, parent_text: str) -> Link:
    """Check one link against the one before it."""
    jws = _taken_apart(number, text)
    if jws.header != LINK_HEADER:
        raise refused(Fault.MALFORMED, number, "it does not have the header of links")
    payload = _verified(number, jws, parent.holder)
    try:
        link = Link.read(payload)
    except Malformed as error:
        raise refused(Fault.MALFORMED, number, error.message) from None
    if link.parent != hashlib.sha256(parent_text.encode()).digest():
        raise refused(Fault.BROKEN_CHAIN, number, "it was signed for another parent")
    if link.id != link_id(link.parent, link.nonce):
        raise refused(Fault.WRONG_ID, number, "its id does not follow from its parent and nonce")
    _check_inside(number, (link.issued, link.expires), parent, link.id)
    if link.authority.unread:
        raise refused(Fault.UNREADABLE, number, "it has a grant that cannot be read", link.id)
    if not covers(parent.authority, link.authority):
        raise refused(Fault.WIDENED, number, "its authority goes beyond that of the link before it", link.id)
    if fresh_meters(parent.authority, link.authority) - {link.id}:
        raise refused(Fault.FOREIGN_METER, number, "it introduces a meter in another name", link.id)
    return link


def _check_inside(number: int, life: tuple[Instant, Instant], parent: Link, id_: CredentialId) -> None:
    issued, expires = life
    if not parent.issued <= issued < expires <= parent.expires:
        raise refused(Fault.OUTLIVES, number, "its life is not inside that of what it comes from", id_)


def _check_now(number: int, link: Link, at: Instant) -> None:
    if at + SKEW < link.issued:
        raise refused(Fault.NOT_YET, number, "it is not valid yet", link.id)
    if at >= link.expires:
        raise refused(Fault.EXPIRED, number, "it has expired", link.id)


def _taken_apart(number: int, text: str) -> FixedJws:
    try:
        return FixedJws(text, MOST_LINK)
    except Malformed as error:
        raise refused(Fault.MALFORMED, number, error.message) from None


def _verified(number: int, jws: FixedJws, key: PublicKey) -> bytes:
    payload = jws.verified_by(key)
    if payload is None:
        raise refused(Fault.BAD_SIGNATURE, number, _unsigned(number))
    return payload


def _unsigned(number: int) -> str:
    return "the issuer did not sign it" if number == 0 else "the key that the link before it names did not sign it"


def _counters(authority: Authority) -> frozenset[tuple[type[object], str, str]]:
    """What is counted under an authority: the kind, the key, and what else tells counters of one key apart."""
    found: set[tuple[type[object], str, str]] = set()
    for grant in authority.grants:
        for leaf in grant.conditions:
            match leaf:
                case Calls() | SingleUse():
                    found.add((type(leaf), leaf.meter, ""))
                case Rate():
                    found.add((Rate, leaf.meter, str(leaf.period)))
                case Spending():
                    found.add((Spending, leaf.meter, f"{leaf.currency}/{leaf.amount}/{leaf.unit}"))
                case _:
                    pass
    return frozenset(found)
