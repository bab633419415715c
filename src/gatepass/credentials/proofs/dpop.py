"""A DPoP proof (RFC 9449), checked as section 4.3 says, with nothing but the arguments.

The law: a proof counts for one call. (1) There is exactly one. (2) It is a well-formed JWS in its one spelling, (3)
with the claims `jti`, `htm`, `htu`, `iat`; (4) its type is `dpop+jwt`; (5) its algorithm is asymmetric and one of those
allowed; (6) its own key signed it; (7) that key is public; (8) it is for this method and (9) this URL; (10) it has a
nonce of ours, where we gave one; (11) it was made just now; (12) with a credential, it names the hash of exactly that
credential, and the credential is bound to its key. That it comes for the first time is not decided here: `use_once`.

A proof's key proves itself and nobody: what it is worth is in the credential that names its thumbprint.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gatepass.access import Instant, Json
from gatepass.credentials.proofs.targets import normal
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.jws import HeaderRule, UnverifiedJws

__all__ = ["ALGORITHMS", "WINDOW", "Proof", "ProofFault", "ProvenCall", "verify_proof"]

ALGORITHMS: Final = frozenset({"ES256", "ES384", "EdDSA", "Ed25519", "PS256"})
WINDOW: Final = 60_000
"""Milliseconds that a proof may be old, or its clock ahead."""
MOST_ID: Final = 256
MOST_NONCE: Final = 512
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)
_LATEST: Final = 253_402_300_799


class ProofFault(StrEnum):
    """What is wrong with a proof: the outcome classes of the vectors. Added to, never renamed."""

    MISSING = "missing"
    SEVERAL = "several"
    MALFORMED = "malformed"
    KEY = "key"
    """Its key is none, is private, or does not fit its algorithm."""
    SIGNATURE = "signature"
    CLAIMS = "claims"
    """A claim is missing or not of its type."""
    METHOD = "method"
    TARGET = "target"
    NONCE = "nonce"
    TIME = "time"
    CREDENTIAL = "credential"
    """It is not for the credential that it came with."""
    BINDING = "binding"
    """The credential is bound to another key."""
    REPLAYED = "replayed"
    BODY = "body"
    """It names the digest of another body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenCall:
    """What a proof has to be for."""

    method: str
    url: str
    """As we know ourselves by, not as a header says."""
    at: Instant
    credential: str | None = None
    """The credential's text, where one was sent."""
    binding: str | None = None
    """The thumbprint that the credential is bound to. None takes any key: at the token endpoint, which binds to it."""
    nonces: frozenset[str] | None = None
    """The nonces that count now; None where none was asked for."""
    algorithms: frozenset[str] = ALGORITHMS
    window: int = WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That the key of this thumbprint was held a moment ago, for one call."""

    thumbprint: str
    use: bytes
    """What the store of uses is asked about: a digest of key and `jti`, so that nobody can use up another's."""
    until: Instant
    """From when on the proof is too old anyway, and its use can be forgotten."""
    issued: Instant
    key: PublicKey | None = None
    """What was proven, for whoever signs something over to it."""
    nonce: str | None = None
    """Of a server, not looked at here unless the call named those that count."""
    body: bytes | None = None
    """SHA-256 of the body, if the proof names it; whoever has read the body compares."""

    def check_body(self, body: bytes) -> None:
        """Raise `Unauthenticated` if the proof names the digest of another body."""
        if self.body is not None and not hmac.compare_digest(self.body, hashlib.sha256(body).digest()):
            raise _invalid(ProofFault.BODY, "it is for another body")


def verify_proof(
    headers: Sequence[str], call: ProvenCall, *, read_key: Callable[..., PublicKey] = PublicKey.parse
) -> Proof:
    """Check the values of all `DPoP` headers of a call.

    `read_key` reads a JWK as `PublicKey.parse` does; whoever keeps keys read before gives its own. Raises
    `Unauthenticated`: `proof_missing`, `proof_invalid`, or `proof_nonce` when the nonce alone is at fault.
    """
    jws = _parsed(headers, call)
    key = _key(jws, read_key)
    claims = _claims(jws, key)
    jti, issued = _check_claims(claims)
    if claims["htm"] != call.method:
        raise _invalid(ProofFault.METHOD, "it is for another method")
    _check_target(claims["htu"], call.url)
    _check_time(claims, issued, call)
    _check_credential(claims, key, call)
    if call.nonces is not None and claims.get("nonce") not in call.nonces:
        raise Unauthenticated(
            "proof_nonce", "the proof does not have a nonce of this server", details={"fault": ProofFault.NONCE}
        )
    once = hashlib.sha256(f"gatepass dpop/1\0{key.thumbprint}\0{jti}".encode()).digest()
    return Proof(
        thumbprint=key.thumbprint,
        use=once,
        until=Instant(issued + call.window + 1),
        issued=Instant(issued),
        key=key,
        nonce=_nonce(claims),
        body=_body(claims.get("content_digest")),
    )


def _parsed(headers: Sequence[str], call: ProvenCall) -> UnverifiedJws:
    if not headers:
        raise Unauthenticated("proof_missing", "the call has no proof", details={"fault": ProofFault.MISSING})
    if len(headers) > 1:
        raise _invalid(ProofFault.SEVERAL, "the call has more than one")
    rule = HeaderRule(
        types=frozenset({"dpop+jwt"}),
        algorithms=call.algorithms,
        members=frozenset({"alg", "typ", "jwk"}),
        others_ignored=True,
    )
    try:
        return UnverifiedJws.parse(headers[0], rule)
    except Malformed as error:
        raise _invalid(ProofFault.MALFORMED, error.message) from None


def _key(jws: UnverifiedJws, read_key: Callable[..., PublicKey]) -> PublicKey:
    try:
        return read_key(jws.header.get("jwk"), algorithm=jws.algorithm)
    except Malformed as error:
        raise _invalid(ProofFault.KEY, error.message) from None


def _claims(jws: UnverifiedJws, key: PublicKey) -> Mapping[str, Json]:
    try:
        return jws.claims_verified_by(key)
    except Unauthenticated as error:
        raise _invalid(ProofFault.SIGNATURE, error.message) from None
    except Malformed as error:
        raise _invalid(ProofFault.MALFORMED, error.message) from None


def _check_claims(claims: Mapping[str, Json]) -> tuple[str, int]:
    """The `jti`, and `iat` in milliseconds."""
    jti, issued = claims.get("jti"), _milliseconds(claims, "iat")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MOST_ID or issued is None:
        raise _invalid(ProofFault.CLAIMS, f"it needs `iat`, and a `jti` of 1 to {MOST_ID} characters")
    if not isinstance(claims.get("htm"), str) or not isinstance(claims.get("htu"), str):
        raise _invalid(ProofFault.CLAIMS, "it needs `htm` and `htu`")
    nonce = claims.get("nonce")
    if "nonce" in claims and not (isinstance(nonce, str) and len(nonce) <= MOST_NONCE):
        raise _invalid(ProofFault.CLAIMS, "its nonce is not a short text")
    return jti, issued


def _check_target(named: Json, url: str) -> None:
    try:
        same = isinstance(named, str) and normal(named) == normal(url)
    except ValueError:
        same = False
    if not same:
        raise _invalid(ProofFault.TARGET, "it is for another URL")


def _check_time(claims: Mapping[str, Json], issued: int, call: ProvenCall) -> None:
    if not call.at - call.window <= issued <= call.at + call.window:
        raise _invalid(ProofFault.TIME, "it was not made just now")
    expires = _milliseconds(claims, "exp") if "exp" in claims else call.at + 1
    begins = _milliseconds(claims, "nbf") if "nbf" in claims else call.at
    if expires is None or begins is None or call.at >= expires or call.at + call.window < begins:
        raise _invalid(ProofFault.TIME, "it has expired, or is not valid yet")


def _check_credential(claims: Mapping[str, Json], key: PublicKey, call: ProvenCall) -> None:
    if call.credential is not None:
        stated = claims.get("ath")
        wanted = encode(hashlib.sha256(call.credential.encode("utf-8", "surrogatepass")).digest())
        if not isinstance(stated, str) or not hmac.compare_digest(
            stated.encode("utf-8", "surrogatepass"), wanted.encode()
        ):
            raise _invalid(ProofFault.CREDENTIAL, "it is not for the credential that it came with")
    if call.binding is not None and not hmac.compare_digest(
        call.binding.encode("utf-8", "surrogatepass"), key.thumbprint.encode()
    ):
        raise _invalid(ProofFault.BINDING, "the credential is bound to another key")


def _nonce(claims: Mapping[str, Json]) -> str | None:
    nonce = claims.get("nonce")
    return nonce if isinstance(nonce, str) else None


def _body(stated: Json) -> bytes | None:
    if stated is None:
        return None
    found = _DIGEST.fullmatch(stated) if isinstance(stated, str) else None
    try:
        return base64.b64decode(found[1], validate=True) if found is not None else _refuse_digest()
    except binascii.Error:
        return _refuse_digest()


def _refuse_digest() -> bytes:
    raise _invalid(ProofFault.CLAIMS, "its `content_digest` is not `sha-256=:...:`")


def _milliseconds(claims: Mapping[str, Json], name: str) -> int | None:
    """A NumericDate (RFC 7519, section 2), which may have a fraction."""
    value = claims.get(name)
    if not isinstance(value, Decimal) or not 0 <= value <= _LATEST:
        return None
    return int(value * 1000)


def _invalid(fault: ProofFault, why: str) -> Unauthenticated:
    return Unauthenticated("proof_invalid", f"the proof is refused: {why}", details={"fault": str(fault)})
