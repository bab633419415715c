"""What a holder does with a chain, offline: narrow it for the next key, seal it, hand it on with its key.

The law: whoever holds the last key can add a link, and only one that verifies: nothing is signed here that a verifier
would refuse, and the refusal says which grant went too far and the widest that would have been allowed. Narrowing
needs no network and no issuer; it takes the chain's own word for what the chain says, and the verifier does not.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gatepass import access
from gatepass.access import CredentialId, Instant
from gatepass.authority import Authority, Caveat, Log, Permission, Rate, excess, meter_key
from gatepass.authority import narrow as narrowed
from gatepass.credentials.capability.links import MOST_GRANTS, MOST_LINK, NONCE_BYTES, Link, Root, Seal, link_id
from gatepass.credentials.capability.text import (
    HANDOVER_PREFIX,
    LINK_HEADER,
    MOST_BYTES,
    MOST_LINKS,
    SEAL_HEADER,
    UnverifiedCapability,
)
from gatepass.credentials.capability.verifying import fresh_meters
from gatepass.errors import Denied, Malformed
from gatepass.keys.guarded import Guarded
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.fixed import FixedJws
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.signing import HolderKey, sign
from gatepass.keys.keyring import Entropy, draw

__all__ = ["Handover", "Next", "add_duties", "extend", "last_link", "narrow", "seal", "take_over"]

_SECOND: Final = 1000
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """Whose key the next link names, and its life: from now, as long as its parent's unless it is to end sooner."""

    to: PublicKey
    at: Instant
    entropy: Entropy
    expires: Instant | None = None


def last_link(chain: UnverifiedCapability) -> Link:
    """What the last link of a chain says of itself; nothing is verified. Raises `Malformed`."""
    payload = FixedJws(chain.links[-1], MOST_LINK).unverified_payload
    return Root.read(payload) if len(chain.links) == 1 else Link.read(payload)


def extend(
    chain: UnverifiedCapability, key: HolderKey, then: Next, authority: Callable[[CredentialId, Authority], Authority]
) -> UnverifiedCapability:
    """Add a link. `authority` is given the new link's id, for meters that it introduces, and the parent's authority.

    Raises `Denied` (`capability_exceeded`), and `Malformed` for a chain that cannot be added to by this key.
    """
    parent = last_link(chain)
    if chain.seal is not None:
        raise _malformed("a sealed capability can be used and not be added to")
    if parent.holder.thumbprint != key.public.thumbprint:
        raise _malformed("the capability was given to another key")
    if len(chain.links) >= MOST_LINKS:
        raise _malformed(f"a capability has at most {MOST_LINKS} links")
    nonce = draw(then.entropy, NONCE_BYTES)
    id_ = link_id(chain.digest, nonce)
    wanted = authority(id_, parent.authority)
    _check_covered(parent.authority, wanted, id_)
    issued, expires = _life(parent, then.at, then.expires)
    link = Link(
        id=id_,
        issued=issued,
        expires=expires,
        authority=wanted,
        holder=then.to,
        parent=chain.digest,
        nonce=nonce,
    )
    payload = link.write()
    Link.read(payload)
    return _bounded((*chain.links, sign(LINK_HEADER, payload, key)), None)


def narrow(
    chain: UnverifiedCapability,
    key: HolderKey,
    then: Next,
    *,
    to: Iterable[Permission] | None = None,
    caveats: Iterable[Caveat] = (),
) -> UnverifiedCapability:
    """Add a link that drops to the part within the permissions `to`, under more caveats. Raises as `extend` does."""
    part, more = None if to is None else tuple(to), tuple(caveats)
    return extend(chain, key, then, lambda _id, parent: narrowed(parent, to=part, caveats=more))


def add_duties(
    chain: UnverifiedCapability,
    key: HolderKey,
    then: Next,
    *,
    rate: access.Rate | None = None,
    log: str | None = None,
) -> UnverifiedCapability:
    """Add the link of a service that passes a chain on: a rate of its own, a duty to log, or both."""

    def added(id_: CredentialId, parent: Authority) -> Authority:
        caveats: list[Caveat] = []
        if rate is not None:
            caveats.append(Rate(meter_key(id_, "service"), rate.count, rate.period))
        if log is not None:
            caveats.append(Log(log))
        return narrowed(parent, caveats=caveats)

    return extend(chain, key, then, added)


def seal(
    chain: UnverifiedCapability, key: HolderKey, *, audience: str, at: Instant, expires: Instant
) -> UnverifiedCapability:
    """The chain as this audience takes it until `expires` without a further proof. Raises `Malformed`, `Denied`."""
    last = last_link(chain)
    if chain.seal is not None or last.holder.thumbprint != key.public.thumbprint:
        raise _malformed("the capability is sealed already, or was given to another key")
    issued, ends = _life(last, at, expires)
    made = Seal(
        chain=hashlib.sha256(chain.chain.encode()).digest(),
        audience=audience,
        issued=issued,
        expires=ends,
    )
    return _bounded(chain.links, sign(SEAL_HEADER, made.write(), key))


class Handover(Guarded):
    """A chain with the private key of its last link, on its way from one holder to the next."""

    __slots__ = ("chain", "key")

    def __init__(self, chain: UnverifiedCapability, key: HolderKey) -> None:
        """Put the two together. Raises `Malformed` where the chain was given to another key, or is sealed."""
        if chain.seal is not None or last_link(chain).holder.thumbprint != key.public.thumbprint:
            raise _malformed("the capability is sealed, or was given to another key")
        self.chain = chain
        self.key = key

    def reveal(self) -> str:
        """The text, for the one holder that it is handed on to."""
        return f"{HANDOVER_PREFIX}{self.chain.chain}~{encode(self.key.reveal())}"

    def __repr__(self) -> str:
        return f"<capability for handing on to {self.key.public.thumbprint}>"


def take_over(text: str) -> Handover:
    """Read what `Handover.reveal` gave. Raises `Malformed`, which repeats nothing of it."""
    joined, _, scalar = text.removeprefix(HANDOVER_PREFIX).rpartition("~")
    if not text.startswith(HANDOVER_PREFIX) or len(text) > MOST_BYTES + 64:
        raise _malformed("this is not the form of a capability that is for handing on")
    try:
        key = HolderKey(decode(scalar))
    except ValueError:
        raise _malformed("it carries no private key") from None
    return Handover(UnverifiedCapability.of_parts(joined), key)


def _check_covered(parent: Authority, wanted: Authority, id_: CredentialId) -> None:
    if wanted.unread:
        raise _malformed("a grant cannot be read, so it cannot be passed on")
    if len(wanted.grants) > MOST_GRANTS:
        raise _malformed(f"a link has at most {MOST_GRANTS} grants")
    if beyond := excess(parent, wanted):
        grant, allowed = beyond[0]
        widest = ", ".join(f"`{each.text}`" for each in allowed.grants[:_SHOWN]) or "nothing of it"
        raise Denied(
            "capability_exceeded",
            f"`{grant.text}` goes beyond what the capability carries; the widest that it allows: {widest}",
        )
    if foreign := fresh_meters(parent, wanted) - {id_}:
        raise Denied("capability_exceeded", f"a link introduces no meter in the name of `{min(foreign)}`")


def _life(parent: Link, at: Instant, expires: Instant | None) -> tuple[Instant, Instant]:
    """From now, but not before the parent; to the end asked for, cut to whole seconds."""
    issued = max(at // _SECOND * _SECOND, parent.issued)
    ends = parent.expires if expires is None else expires // _SECOND * _SECOND
    if not issued < ends <= parent.expires:
        raise Denied("capability_exceeded", "the life asked for is not inside that of the capability")
    return Instant(issued), Instant(ends)


def _bounded(links: tuple[str, ...], sealed: str | None) -> UnverifiedCapability:
    made = UnverifiedCapability(links, sealed)
    if len(made.text) > MOST_BYTES:
        raise Malformed("too_large", f"a capability has at most {MOST_BYTES} characters")
    return made


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_capability", why)
