"""The algorithms that signatures of ours and of other issuers may have (RFC 7518, 8037, 9864), each over a public key.

The law: an algorithm is a property of a key, never of a message. Each function checks a signature and never raises,
whatever bytes it is given. ECDSA signatures are r then s in fixed width (RFC 7518, section 3.4), so no DER that a
stranger wrote is ever read. No HMAC is here, and no `none`: there is nothing that a message could be confused with.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

__all__ = ["BY_CURVE", "BY_RSA", "ED25519", "HALF_ORDER_P256", "Check", "ecdsa", "ed25519", "has_low_s", "rsa"]

Check: TypeAlias = Callable[[bytes, bytes], bool]
"""Given a signature and a message, whether the one is of the other."""

ED25519: Final = frozenset({"EdDSA", "Ed25519"})
"""Two names of one algorithm; a key has one of them."""

HALF_ORDER_P256: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2

BY_CURVE: Final[Mapping[str, tuple[str, ec.EllipticCurve, HashAlgorithm]]] = {
    "P-256": ("ES256", ec.SECP256R1(), SHA256()),
    "P-384": ("ES384", ec.SECP384R1(), SHA384()),
    "P-521": ("ES512", ec.SECP521R1(), SHA512()),
}
"""Each curve with its one algorithm."""

_HASHES: Final[Mapping[str, HashAlgorithm]] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}

BY_RSA: Final[Mapping[str, tuple[padding.AsymmetricPadding, HashAlgorithm]]] = {
    **{f"RS{size}": (padding.PKCS1v15(), made) for size, made in _HASHES.items()},
    **{f"PS{size}": (padding.PSS(padding.MGF1(made), made.digest_size), made) for size, made in _HASHES.items()},
}
"""An RSA key fits any of these, so it has to say which one it is for."""


def ecdsa(key: ec.EllipticCurvePublicKey, hashed: HashAlgorithm) -> Check:
    """Check signatures of this key's curve."""
    width = (key.curve.key_size + 7) // 8
    algorithm = ec.ECDSA(hashed)

    def check(signature: bytes, message: bytes) -> bool:
        if len(signature) != 2 * width:
            return False
        r, s = int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
        try:
            key.verify(encode_dss_signature(r, s), message, algorithm)
        except InvalidSignature:
            return False
        return True

    return check


def has_low_s(signature: bytes) -> bool:
    """Whether a P-256 signature is, of the two that anybody can make of it, the one with the smaller s."""
    return int.from_bytes(signature[32:], "big") <= HALF_ORDER_P256


def ed25519(key: Ed25519PublicKey) -> Check:
    """Check Ed25519 signatures."""

    def check(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return check


def rsa(key: RSAPublicKey, algorithm: str) -> Check:
    """Check RSA signatures of the one algorithm: a name in `BY_RSA`."""
    padded, hashed = BY_RSA[algorithm]
    width = (key.key_size + 7) // 8

    def check(signature: bytes, message: bytes) -> bool:
        if len(signature) != width:
            return False
        try:
            key.verify(signature, message, padded, hashed)
        except InvalidSignature:
            return False
        return True

    return check
