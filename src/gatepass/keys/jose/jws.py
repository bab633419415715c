"""A signed text (RFC 7515, compact serialisation), read once and checked with a key that somebody else chose.

The law: what is read has one reading. Three segments of base64url in its one spelling, bounded; a header without
duplicate or undeclared members; a type that was asked for. The header names no key, no place to fetch one and no
extension: `jku`, `x5u`, `x5c`, `crit`, `b64` and `zip` are refused even where other unknown members are ignored, and
`jwk` is refused unless the rule asks for it. The algorithm is the key's; a header that says another one is refused.

The payload is out of reach until a key has verified it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose.base64url import decode
from gatepass.keys.jose.jwk import MOST_KEY_ID, PublicKey

__all__ = ["HeaderRule", "UnverifiedJws", "split"]

MOST_HEADER: Final = 4096
MOST_SIGNATURE: Final = 1368
"""Characters: what an RSA key of 8192 bits signs."""
_SEGMENTS: Final = 3
_NEVER: Final = frozenset({"jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "jwk"})
"""What chooses a key or changes the meaning of what is signed. `jwk` only where the rule lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """What a header may say. `types` holds None where `typ` may be left out."""

    types: frozenset[str | None]
    algorithms: frozenset[str]
    members: frozenset[str] = frozenset({"alg", "typ", "kid"})
    others_ignored: bool = False
    """Whether members beyond these are ignored, as RFC 7515 says of foreign tokens, or refused."""
    most_bytes: int = 8192
    """Of the whole text."""


def split(text: str, most_bytes: int) -> tuple[str, str, str]:
    """The three segments of a compact serialisation. Raises `Malformed` (`malformed_jws`)."""
    if len(text) > most_bytes:
        raise _malformed(f"it has more than {most_bytes} characters")
    segments = text.split(".", _SEGMENTS)
    if len(segments) != _SEGMENTS or not all(segments):
        raise _malformed("it does not have three segments")
    return segments[0], segments[1], segments[2]


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """Well formed and nothing more. `payload` is what a key has to be found for."""

    algorithm: str
    key_id: str | None
    type: str | None
    header: Mapping[str, Json]
    _signed: bytes
    _payload: bytes
    _signature: bytes

    @classmethod
    def parse(cls, text: str, rule: HeaderRule) -> Self:
        """Read a text that `rule` allows. Raises `Malformed` (`malformed_jws`)."""
        first, second, third = split(text, rule.most_bytes)
        if len(first) > MOST_HEADER or len(third) > MOST_SIGNATURE:
            raise _malformed("its header or signature is too long")
        try:
            head, payload, signature = decode(first), decode(second), decode(third)
            header = exact.read(head, max_bytes=MOST_HEADER, max_depth=4)
        except (ValueError, Malformed):
            raise _malformed("a segment cannot be read in exactly one way") from None
        if not isinstance(header, Mapping):
            raise _malformed("its header is not an object")
        _check_members(header, rule)
        algorithm, kind, key_id = header.get("alg"), header.get("typ"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in rule.algorithms:
            raise _malformed("its algorithm is not one of those expected")
        if (
            (kind is not None and not isinstance(kind, str))
            or kind not in rule.types
            or ("typ" in header) != bool(kind)
        ):
            raise _malformed("its type is not the one expected")
        if "kid" in header and not (isinstance(key_id, str) and 1 <= len(key_id) <= MOST_KEY_ID):
            raise _malformed("its key id is not a short text")
        signed = f"{first}.{second}".encode("ascii")
        return cls(algorithm, key_id if isinstance(key_id, str) else None, kind, header, signed, payload, signature)

    def verified_by(self, key: PublicKey) -> bytes:
        """The payload, if `key` signed it. Raises `Unauthenticated` (`signature_invalid`)."""
        if self.algorithm != key.algorithm:
            raise Unauthenticated("signature_invalid", "the signature is not of the key's algorithm")
        if not key.verifies(self._signature, self._signed):
            raise Unauthenticated("signature_invalid", "the signature is not the key's")
        return self._payload

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over: what two texts share that differ in their signature alone."""
        return self._signed

    def unverified_claims(self) -> Mapping[str, Json]:
        """What the text says of itself, to find out whose keys to try, and for nothing else. Raises `Malformed`."""
        return _object(self._payload)

    def claims_verified_by(self, key: PublicKey) -> Mapping[str, Json]:
        """The payload as an object without duplicate members. Raises `Unauthenticated`, `Malformed`."""
        return _object(self.verified_by(key))


def _object(payload: bytes) -> Mapping[str, Json]:
    try:
        claims = exact.read(payload, max_bytes=1 << 16, max_depth=32)
    except Malformed:
        raise _malformed("its payload cannot be read in exactly one way") from None
    if not isinstance(claims, Mapping):
        raise _malformed("its payload is not an object")
    return claims


def _check_members(header: Mapping[str, Json], rule: HeaderRule) -> None:
    if _NEVER & header.keys() - rule.members:
        raise _malformed("its header names a key or an extension of its own")
    if not rule.others_ignored and not header.keys() <= rule.members:
        raise _malformed("its header has a member that is not expected")


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_jws", f"the signed text is malformed: {why}")
