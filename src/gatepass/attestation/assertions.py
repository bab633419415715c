"""A token of somebody else's issuer, before and after its signature was checked.

The law: what a token says before that is used for one thing, to find the rules that it could be for; no address in it
is ever gone to. The algorithm is the key's, and is one of those of RFC 7518 with a public key. A JWT-SVID is checked
with keys that its trust domain's bundle gives for that use alone; whatever else the bundle holds is no key here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from gatepass import exact
from gatepass.access import Json
from gatepass.attestation.rules import RuleKind
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose import HeaderRule, KeySet, PublicKey, UnverifiedJws
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.keyset import MOST_BYTES, MOST_KEYS

__all__ = ["ALGORITHMS", "ID_JAG", "LONGEST_ASSERTION", "UnverifiedAssertion", "keys_of"]

LONGEST_ASSERTION: Final = 16 * 1024
"""Characters: GitHub's have 2,000, and a cluster's with long names 2,500."""
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_SVID_ALGORITHMS: Final = frozenset(name for name in ALGORITHMS if name[:2] in {"RS", "PS", "ES"})
"""JWT-SVID, section 2.1."""
ID_JAG: Final = "oauth-id-jag+jwt"
_TYPES: Final[frozenset[str | None]] = frozenset({None, "JWT", "jwt", "JOSE", "application/jwt"})
_ANY: Final = HeaderRule(
    types=_TYPES | {ID_JAG, "client-authentication+jwt"},
    algorithms=ALGORITHMS,
    others_ignored=True,
    most_bytes=LONGEST_ASSERTION,
)


@dataclass(frozen=True, slots=True, repr=False)
class UnverifiedAssertion:
    """Well formed, and nothing more."""

    signed: UnverifiedJws
    issuer: str | None
    """As it says of itself."""
    subject: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token. Raises `Malformed` (`malformed_jws`)."""
        signed = UnverifiedJws.parse(text, _ANY)
        claims = signed.unverified_claims()
        issuer, subject = claims.get("iss"), claims.get("sub")
        return cls(
            signed,
            issuer if isinstance(issuer, str) else None,
            subject if isinstance(subject, str) else None,
        )

    @property
    def type(self) -> str | None:
        """Its `typ`: what kind of text it says it is. Signed, and so as good as the signature."""
        return self.signed.type

    @property
    def digest(self) -> str:
        """SHA-256, in base64url, of what was signed: the same for every signature that could be under it."""
        return encode(hashlib.sha256(self.signed.signed_bytes).digest())

    def domain(self) -> str | None:
        """The trust domain of a SPIFFE id, as a rule names it: `spiffe://example.org`."""
        scheme, _, rest = (self.subject or "").partition("://")
        domain, slash, _ = rest.partition("/")
        return f"spiffe://{domain}" if scheme == "spiffe" and domain and slash else None

    def is_for(self, kind: RuleKind, issuer: str) -> bool:
        """Whether a rule of this kind and issuer is to be asked about it."""
        return issuer == (self.domain() if kind is RuleKind.SPIFFE else self.issuer)

    def key_in(self, keys: KeySet) -> PublicKey | None:
        """The key that it names, or the only one there is."""
        return keys.find(self.signed.key_id)

    def claims_verified_by(self, keys: KeySet, kind: RuleKind) -> Mapping[str, Json]:
        """Its claims, if a key of `keys` signed them. Raises `Unauthenticated` (`signature_invalid`), `Malformed`."""
        key = self.key_in(keys)
        if key is None:
            raise Unauthenticated("signature_invalid", "the issuer has no key of the name that the token gives")
        if kind is RuleKind.SPIFFE and (key.algorithm not in _SVID_ALGORITHMS or self.signed.key_id is None):
            raise Unauthenticated("signature_invalid", "a JWT-SVID names its key, and the key's algorithm is allowed")
        return self.signed.claims_verified_by(key)

    def __repr__(self) -> str:
        return "<assertion, not verified>"


def keys_of(text: bytes | str, kind: RuleKind) -> KeySet:
    """Read an issuer's keys: a JWK set, or a SPIFFE bundle, of which only the JWT keys count. Raises `Malformed`.

    RSA keys that do not say what they are for are for RS256, as OpenID Connect has it.
    """
    found = []
    for jwk in _entries(text):
        if jwk.get("kty") == "oct" or "d" in jwk:
            raise Malformed("malformed_key", "a set of public keys holds a secret one")
        if kind is RuleKind.SPIFFE and (jwk.get("use") != "jwt-svid" or "kid" not in jwk):
            continue
        members = {name: value for name, value in jwk.items() if kind is not RuleKind.SPIFFE or name != "use"}
        try:
            found.append(_key(members))
        except Malformed:  # as RFC 7517 says: a key that is not understood is left out
            continue
    return KeySet(found)


def _key(jwk: Mapping[str, Json]) -> PublicKey:
    unstated = jwk.get("kty") == "RSA" and "alg" not in jwk
    return PublicKey.parse(jwk, algorithm="RS256" if unstated else None)


def _entries(text: bytes | str) -> tuple[Mapping[str, Json], ...]:
    read = exact.read(text, max_bytes=MOST_BYTES, max_depth=8)
    keys = read.get("keys") if isinstance(read, Mapping) else None
    if not isinstance(keys, tuple) or len(keys) > MOST_KEYS or not all(isinstance(key, Mapping) for key in keys):
        raise Malformed("malformed_key", f"a set of keys is an object with up to {MOST_KEYS} `keys`")
    return tuple(key for key in keys if isinstance(key, Mapping))
