"""A capability that somebody found: which of its links was shown, if the issuer and its holders really signed it.

The law: whoever can show a whole chain could use it, or hand it to somebody who could; so its last link is withdrawn,
and what hangs below it. Nothing is withdrawn for a text that nobody signed. The form that carries a key is read up to
the key, which is not looked at: whoever holds the text has it.
"""

from collections.abc import Mapping
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant
from gatepass.credentials.capability import HANDOVER_PREFIX, PREFIX, Capabilities, UnverifiedCapability
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose.fixed import FixedJws
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["Shown", "is_capability", "shown_by"]

_MOST: Final = 8192

Shown = tuple[CredentialId, AgentId, Instant, bool]
"""The last link, whose capability it is, when it ends, and whether it is the issuer's own."""


def is_capability(text: str) -> bool:
    """Whether a text begins like a capability, in either form."""
    return text.startswith((PREFIX, HANDOVER_PREFIX))


def shown_by(text: str, keys: Mapping[str, PublicKey], at: Instant) -> Shown | None:
    """The link that a text shows; None where it shows none. Raises `Malformed` for what is no capability at all."""
    if text.startswith(HANDOVER_PREFIX):
        joined, _, _ = text.removeprefix(HANDOVER_PREFIX).rpartition("~")
        chain = UnverifiedCapability.of_parts(joined)
    else:
        chain = UnverifiedCapability.parse(text)
    try:
        issuer, audience = _said(chain)
        found = Capabilities(issuer, keys, audience=audience).verify(chain, at=at)
    except (Malformed, Unauthenticated):
        return None
    last = found.links[-1]
    return last.id, AgentId(str(found.root.subject)), last.expires, len(found.links) == 1


def _said(chain: UnverifiedCapability) -> tuple[str, str]:
    """Whose the chain says that it is, and for whom. It is believed only where a key of ours signed it."""
    root = exact.read(FixedJws(chain.links[0], _MOST).unverified_payload, max_bytes=_MOST, max_depth=32)
    told = (
        root
        if chain.seal is None
        else exact.read(FixedJws(chain.seal, _MOST).unverified_payload, max_bytes=_MOST, max_depth=8)
    )
    issuer = root.get("iss") if isinstance(root, Mapping) else None
    audience = told.get("aud") if isinstance(told, Mapping) else None
    first = audience[0] if isinstance(audience, tuple) and audience else audience
    if not isinstance(issuer, str) or not isinstance(first, str):
        raise Malformed("malformed_capability", "the first link says neither whose it is nor for whom")
    return issuer, first
