"""The first link: the issuer signs an authority over to a key.

The law: what is signed is what is later read: the link is read back before it leaves. A capability lives an hour at
most, whatever its authority, because what was narrowed offline cannot be listed by anybody.
"""

from collections.abc import Sequence
from typing import Final

from gatepass.access import Instant
from gatepass.authority import Credential
from gatepass.credentials.capability.links import Root
from gatepass.credentials.capability.text import MOST_BYTES, ROOT_TYPE, UnverifiedCapability
from gatepass.errors import Denied, Malformed
from gatepass.keys.jose.fixed import header_segment
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.signing import Signs, sign

__all__ = ["LONGEST", "mint"]

LONGEST: Final = 3_600_000
"""Milliseconds."""
_SECOND: Final = 1000


def mint(
    credential: Credential, holder: PublicKey, *, issuer: str, audiences: Sequence[str], key: Signs, key_id: str
) -> UnverifiedCapability:
    """A chain of one link, which `holder` may use and narrow. Lives are cut to whole seconds.

    Raises `Denied` (`too_long`), `Malformed` (`malformed_capability`, `too_large`).
    """
    if credential.expires - credential.issued > LONGEST:
        raise Denied("too_long", f"a capability lives for at most {LONGEST // 60_000} minutes")
    if credential.authority.unread:
        raise Malformed("malformed_capability", "a grant cannot be read, so it cannot be signed over")
    root = Root(
        id=credential.id,
        issued=_cut(credential.issued),
        expires=_cut(credential.expires),
        authority=credential.authority,
        holder=holder,
        issuer=issuer,
        audiences=tuple(audiences),
        subject=credential.subject,
        owner=credential.owner,
        run=credential.run,
        purpose=credential.purpose,
        ancestors=credential.ancestors,
    )
    payload = root.write()
    Root.read(payload)
    if root.expires <= root.issued:
        raise Malformed("malformed_capability", "a capability lives for a second at least")
    text = sign(header_segment(ROOT_TYPE, key_id), payload, key)
    if len(text) > MOST_BYTES:
        raise Malformed("too_large", f"a capability has at most {MOST_BYTES} characters")
    return UnverifiedCapability((text,))


def _cut(at: Instant) -> Instant:
    return Instant(at // _SECOND * _SECOND)
