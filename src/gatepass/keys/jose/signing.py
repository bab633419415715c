"""Signing our own kinds of text, and the keys of those who hold capabilities and make proofs.

The law: a private key leaves its object in one way, `reveal`, whose result is for handing on between holders alone. A
signature is the smaller of the two, so that what was signed here is verified by readers who demand it.
"""

from typing import Final, Protocol, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gatepass.keys.guarded import Guarded
from gatepass.keys.jose.algorithms import HALF_ORDER_P256
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.keyring import Entropy, draw

__all__ = ["SCALAR_BYTES", "HolderKey", "Signs", "sign"]

SCALAR_BYTES: Final = 32
_WIDE_BYTES: Final = 48
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ALGORITHM: Final = ec.ECDSA(SHA256(), deterministic_signing=True)


class Signs(Protocol):
    """An ES256 key that signs: a `HolderKey`, or the issuer's `SigningKey`."""

    def sign(self, message: bytes, /) -> bytes:
        """The 64 bytes of a signature, r then s."""
        ...


class HolderKey(Guarded):
    """The private half of a P-256 key that somebody holds. Signs deterministically (RFC 6979)."""

    __slots__ = ("_key", "public")

    def __init__(self, scalar: bytes) -> None:
        """Take a private key as 32 bytes. Raises `ValueError` for what is none."""
        number = int.from_bytes(scalar, "big")
        if len(scalar) != SCALAR_BYTES or not 1 <= number < _ORDER:
            raise ValueError("a private key of P-256 is 32 bytes, above zero and below the order")
        self._key = ec.derive_private_key(number, ec.SECP256R1())
        point = self._key.public_key().public_numbers()
        x, y = (encode(value.to_bytes(SCALAR_BYTES, "big")) for value in (point.x, point.y))
        self.public = PublicKey.parse({"crv": "P-256", "kty": "EC", "x": x, "y": y})

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """A new key (FIPS 186-5, A.2.1: more bits than needed, reduced)."""
        number = int.from_bytes(draw(entropy, _WIDE_BYTES), "big") % (_ORDER - 1) + 1
        return cls(number.to_bytes(SCALAR_BYTES, "big"))

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of this key's signature over `message`."""
        r, s = decode_dss_signature(self._key.sign(message, _ALGORITHM))
        return r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big")

    def reveal(self) -> bytes:
        """The private key, for the one holder that it is handed on to."""
        return self._key.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big")

    def __repr__(self) -> str:
        return f"<holder key {self.public.thumbprint}>"


def sign(header: str, payload: bytes, key: Signs) -> str:
    """A text of our own kind: `header` as `header_segment` gave it, then the payload, then the signature."""
    signed = f"{header}.{encode(payload)}"
    signature = key.sign(signed.encode("ascii"))
    s = int.from_bytes(signature[SCALAR_BYTES:], "big")
    if s > HALF_ORDER_P256:
        signature = signature[:SCALAR_BYTES] + (_ORDER - s).to_bytes(SCALAR_BYTES, "big")
    return f"{signed}.{encode(signature)}"
