"""Bearer tokens for peers that check JWTs: one ES256 key a run, one token, with what the peers ask of it."""

import base64
import json
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

__all__ = ["AUDIENCE", "ISSUER", "Signed"]

ISSUER = "https://issuer.example"
AUDIENCE = "orders"


@dataclass(frozen=True, slots=True)
class Signed:
    """A token, and the public key that it is verified with."""

    token: str
    jwks: str
    pem: str

    @classmethod
    def anew(cls) -> "Signed":
        """Good for two hours."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = int(time.time())
        head = {"alg": "ES256", "typ": "JWT", "kid": "1"}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "support-bot", "client_id": "support-bot", "iat": now}
        said = f"{_part(head)}.{_part({**claims, 'exp': now + 7200})}"
        r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
        public = key.public_key()
        point = public.public_numbers()
        jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1", "x": _number(point.x), "y": _number(point.y)}
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        signature = _text(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return cls(f"{said}.{signature}", json.dumps({"keys": [jwk]}), pem.decode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _part(said: object) -> str:
    return _text(json.dumps(said, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return _text(value.to_bytes(32, "big"))
