"""A signing key as it is kept, and what it is good for at an instant.

The law: what a key may do follows from its record and the time, and from nothing else. It verifies before it signs, so
that whoever keeps our public keys has it in time, and after it has signed, until what it signed is over. A withdrawn
key does neither.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gatepass.access import Instant
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["OVERLAP", "IssuerKey", "KeyState"]

OVERLAP: Final = 20 * 60_000
"""Milliseconds that a key verifies after its last signature: the longest token, and some."""


class KeyState(StrEnum):
    """What a key is good for now."""

    NEXT = "next"
    """Published, and not signing yet."""
    CURRENT = "current"
    RETIRED = "retired"
    """It verifies what it has signed."""
    OVER = "over"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKey:
    """One ES256 key, its private half wrapped. Nothing in it opens without the key-encryption keys."""

    id: str
    """`kid`: the RFC 7638 thumbprint of its public half."""
    x: str
    y: str
    key_id: str
    """The key-encryption key that it is wrapped under now."""
    wrapped: bytes = field(repr=False)
    created: Instant
    begins: Instant
    """From when on it signs."""
    ends: Instant | None = None
    """From when on it signs no more; None while nobody has planned its successor."""
    withdrawn: Instant | None = None
    because: str | None = None

    @property
    def name(self) -> str:
        """What an error calls it."""
        return self.id

    @property
    def public(self) -> PublicKey:
        """The public half, under its id."""
        return PublicKey.parse({**self.jwk, "kid": self.id})

    @property
    def jwk(self) -> dict[str, str]:
        """The members that make the public key."""
        return {"crv": "P-256", "kty": "EC", "x": self.x, "y": self.y}

    def state(self, now: Instant) -> KeyState:
        """What it is good for at `now`."""
        if self.withdrawn is not None:
            return KeyState.WITHDRAWN
        if now < self.begins:
            return KeyState.NEXT
        if self.ends is None or now < self.ends:
            return KeyState.CURRENT
        return KeyState.RETIRED if now < self.ends + OVERLAP else KeyState.OVER

    def verifies(self, now: Instant) -> bool:
        """Whether its signatures count at `now`."""
        return self.state(now) in _VERIFYING

    def forgettable(self, now: Instant) -> bool:
        """Whether nothing that it has signed can be alive any more."""
        last = self.ends if self.withdrawn is None else self.withdrawn
        return last is not None and now >= last + OVERLAP


_VERIFYING: Final = frozenset({KeyState.NEXT, KeyState.CURRENT, KeyState.RETIRED})
