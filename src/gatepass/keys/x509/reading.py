"""A client certificate (RFC 5280) as far as it matters here: its key, its thumbprint, its time.

The law: that the certificate's key was proven is what a TLS handshake showed, here or at a proxy that is trusted with
it; nothing here shows it again. Who signed it is not looked at: an agent is known by a key that was registered for it
(RFC 8705, section 2.2), and a certificate is a wrapping of that key. Its thumbprint is of all of its bytes, so what is
bound to it is bound to this one certificate (RFC 8705, section 3).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from gatepass.access import Instant
from gatepass.errors import Malformed
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["ClientCertificate"]

MOST_BYTES: Final = 12 * 1024
_WIDTH: Final = 32
_RSA: Final = "PS256"
"""What an RSA key is read for; its thumbprint does not depend on it."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a certificate says."""

    thumbprint: str
    """`x5t#S256`: SHA-256 of the certificate, base64url."""
    key: PublicKey
    begins: Instant
    ends: Instant

    @classmethod
    def read(cls, der: bytes) -> Self:
        """Read a certificate. Raises `Malformed` (`malformed_key`)."""
        if len(der) > MOST_BYTES:
            raise _malformed(f"a certificate has at most {MOST_BYTES} bytes")
        try:
            found = load_der_x509_certificate(der)
            key = found.public_key()
            begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise _malformed("this is not a certificate") from None
        return cls(
            thumbprint=encode(hashlib.sha256(der).digest()),
            key=_read(key),
            begins=_instant(begins),
            ends=_instant(ends),
        )


def _read(key: object) -> PublicKey:
    match key:
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            point = key.public_numbers()
            x, y = (encode(value.to_bytes(_WIDTH, "big")) for value in (point.x, point.y))
            return PublicKey.parse({"crv": "P-256", "kty": "EC", "x": x, "y": y})
        case Ed25519PublicKey():
            raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
            return PublicKey.parse({"crv": "Ed25519", "kty": "OKP", "x": encode(raw)})
        case RSAPublicKey():
            numbers = key.public_numbers()
            n, e = (encode(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
            return PublicKey.parse({"e": e, "kty": "RSA", "n": n}, algorithm=_RSA)
        case _:
            raise _malformed("its key is neither of P-256 nor Ed25519 nor RSA")


def _instant(at: datetime) -> Instant:
    return Instant(int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000)


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_key", f"the certificate is malformed: {why}")
