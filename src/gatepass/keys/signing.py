"""Signatures of our own statements: heads and checkpoints of the journal. ES256 (RFC 7518, section 3.4).

The law: a signature is 64 bytes, r then s, and is made deterministically (RFC 6979), so that signing needs no
randomness at the time of use. What verifies is the public half alone, which anybody may have; its id is the RFC 7638
thumbprint, so it cannot be exchanged without being renamed.
"""

import base64
import hashlib
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gatepass.errors import Malformed
from gatepass.keys.guarded import Guarded

__all__ = ["SIGNATURE_BYTES", "SigningKey", "VerifyingKey"]

SIGNATURE_BYTES: Final = 64
_COORDINATE_BYTES: Final = 32
_SEED_BYTES: Final = 32
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class VerifyingKey:
    """The public half: checks signatures, and is written as a JWK."""

    __slots__ = ("_key", "id", "jwk")

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        point = key.public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
        self.id = _base64(hashlib.sha256(_canonical(self.jwk)).digest())

    @classmethod
    def from_jwk(cls, x: str, y: str) -> Self:
        """The key of these two coordinates. Raises `Malformed` (`malformed_config`) for what is no point."""
        try:
            point = ec.EllipticCurvePublicNumbers(_number(x), _number(y), ec.SECP256R1())
            key = cls(point.public_key())
        except ValueError:
            raise Malformed("malformed_config", "the public key is not a point of P-256") from None
        return key

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`. Never raises for any bytes."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        r = int.from_bytes(signature[:_COORDINATE_BYTES], "big")
        s = int.from_bytes(signature[_COORDINATE_BYTES:], "big")
        try:
            self._key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def __repr__(self) -> str:
        return f"<verifying key {self.id}>"


class SigningKey(Guarded):
    """The private half, made from a seed that the caller keeps (or derives from the keyring)."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """Make the key of 32 uniformly random bytes (FIPS 186-5, A.2.1: more bits than needed, reduced)."""
        if len(seed) != _SEED_BYTES:
            raise ValueError("a signing key is made from 32 bytes")
        wide = HKDFExpand(algorithm=SHA256(), length=48, info=b"gatepass signing/1 ES256").derive(seed)
        self._key = ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
        self.public = VerifyingKey(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of this key's signature over `message`; the same each time."""
        made = self._key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(made)
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def __repr__(self) -> str:
        return f"<signing key {self.public.id}>"


def _canonical(jwk: dict[str, str]) -> bytes:
    """RFC 7638, section 3: the required members in order of their names, no white space."""
    return ("{" + ",".join(f'"{name}":"{jwk[name]}"' for name in sorted(jwk)) + "}").encode()


def _coordinate(value: int) -> str:
    return _base64(value.to_bytes(_COORDINATE_BYTES, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(text: str) -> int:
    """A coordinate in its one spelling: 32 bytes of base64url without padding. Raises `ValueError`."""
    data = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    if len(data) != _COORDINATE_BYTES or _base64(data) != text:
        raise ValueError("not 32 bytes in one spelling")
    return int.from_bytes(data, "big")
