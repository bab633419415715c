"""A proof made by the holder of a key, for one call (RFC 9449, section 4.2)."""

import hashlib
from decimal import Decimal

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.credentials.proofs.targets import normal
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.signing import HolderKey, sign
from gatepass.keys.keyring import Entropy, draw

__all__ = ["make_proof"]

_ID_BYTES = 16


def make_proof(
    key: HolderKey,
    *,
    method: str,
    url: str,
    at: Instant,
    entropy: Entropy,
    credential: str | None = None,
    nonce: str | None = None,
) -> str:
    """The value of the `DPoP` header. Raises `ValueError` for what is no absolute URL."""
    header = encode(exact.write({"alg": "ES256", "jwk": key.public.jwk, "typ": "dpop+jwt"}))
    claims: dict[str, Json] = {
        "jti": encode(draw(entropy, _ID_BYTES)),
        "htm": method,
        "htu": normal(url),
        "iat": Decimal(at // 1000),
    }
    if credential is not None:
        claims["ath"] = encode(hashlib.sha256(credential.encode()).digest())
    if nonce is not None:
        claims["nonce"] = nonce
    return sign(header, exact.write(claims), key)
