"""A public key as JSON (RFC 7517), which names its one algorithm.

The law: a key is read only if it is public, meant for verifying, strong enough and in its one spelling; what it
verifies is fixed when it is read, so that no message chooses. A private or symmetric key is refused wherever a public
one is expected. Its thumbprint (RFC 7638) is its name: it depends on nothing but the key.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from gatepass.access import Json
from gatepass.errors import Malformed
from gatepass.keys.jose.algorithms import BY_CURVE, BY_RSA, ED25519, Check, ecdsa, ed25519, has_low_s, rsa
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.roca import is_weak

__all__ = ["MOST_KEY_ID", "PublicKey"]

MOST_KEY_ID: Final = 256
_ED25519_BYTES: Final = 32
_LEAST_RSA_BITS: Final = 2048
_MOST_RSA_BITS: Final = 8192
_LEAST_EXPONENT: Final = 65537
_MOST_EXPONENT: Final = 1 << 32
_MOST_OPERATIONS: Final = 8

_SECRET: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of private and symmetric keys (RFC 7518, section 6)."""


class PublicKey:
    """A key that checks signatures of one algorithm."""

    __slots__ = ("_check", "algorithm", "id", "jwk", "thumbprint")

    def __init__(self, algorithm: str, check: Check, jwk: Mapping[str, str], id: str | None) -> None:  # noqa: A002 - JOSE's word
        self._check = check
        self.algorithm = algorithm
        self.jwk = dict(jwk)
        """The members that make the key, and no others: canonical, and what the thumbprint is of."""
        self.id = id
        """What its owner calls it (`kid`); it proves nothing."""
        joined = ",".join(f'"{name}":"{jwk[name]}"' for name in sorted(jwk))
        self.thumbprint = encode(hashlib.sha256(f"{{{joined}}}".encode()).digest())
        """RFC 7638, SHA-256: 43 characters."""

    @classmethod
    def parse(cls, jwk: Json, *, algorithm: str | None = None) -> Self:
        """Read a JWK. `algorithm` is what an RSA key without `alg` is for; where the key says one, both must agree.

        Raises `Malformed` (`malformed_key`). Members that RFC 7517 does not give a meaning here are ignored.
        """
        if not isinstance(jwk, Mapping):
            raise _malformed("it is not an object")
        if not _SECRET.isdisjoint(jwk):
            raise _malformed("it is not a public key")
        _check_use(jwk)
        named, stated = _named(jwk), _text(jwk, "alg")
        if stated is not None and algorithm not in {None, stated}:
            raise _malformed("it is for another algorithm")
        wanted = stated or algorithm
        read = {"EC": _elliptic, "OKP": _edwards, "RSA": _rsa}.get(_text(jwk, "kty") or "")
        if read is None:
            raise _malformed("its type is not known")
        found, check, members = read(jwk, wanted)
        return cls(found, check, members, named)

    def verifies(self, signature: bytes, message: bytes, *, low_s: bool = False) -> bool:
        """Whether `signature` is this key's over `message`. Never raises.

        With `low_s`, only the smaller of the two signatures that anybody can make of one ES256 signature counts.
        """
        if low_s and (self.algorithm != "ES256" or not has_low_s(signature)):
            return False
        return self._check(signature, message)

    def __repr__(self) -> str:
        return f"<public key {self.algorithm} {self.thumbprint}>"


def _elliptic(jwk: Mapping[str, Json], wanted: str | None) -> tuple[str, Check, dict[str, str]]:
    curve = _text(jwk, "crv")
    if curve is None or curve not in BY_CURVE:
        raise _malformed("its curve is not known")
    algorithm, known, hashed = BY_CURVE[curve]
    if wanted not in {None, algorithm}:
        raise _malformed(f"a key of {curve} is for {algorithm}")
    width = (known.key_size + 7) // 8
    x, y = _bytes(jwk, "x", width), _bytes(jwk, "y", width)
    try:
        point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), known).public_key()
    except ValueError:
        raise _malformed("it is not a point of its curve") from None
    return algorithm, ecdsa(point, hashed), {"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)}


def _edwards(jwk: Mapping[str, Json], wanted: str | None) -> tuple[str, Check, dict[str, str]]:
    if _text(jwk, "crv") != "Ed25519":
        raise _malformed("its curve is not known")
    algorithm = wanted or "EdDSA"
    if algorithm not in ED25519:
        raise _malformed("a key of Ed25519 is for EdDSA")
    x = _bytes(jwk, "x", _ED25519_BYTES)
    return (
        algorithm,
        ed25519(Ed25519PublicKey.from_public_bytes(x)),
        {"crv": "Ed25519", "kty": "OKP", "x": encode(x)},
    )


def _rsa(jwk: Mapping[str, Json], wanted: str | None) -> tuple[str, Check, dict[str, str]]:
    if wanted is None or wanted not in BY_RSA:
        raise _malformed("an RSA key has to say which RSA algorithm it is for")
    modulus, exponent = _number(jwk, "n"), _number(jwk, "e")
    if not _LEAST_RSA_BITS <= modulus.bit_length() <= _MOST_RSA_BITS:
        raise _malformed(f"an RSA key has {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} bits")
    if not _LEAST_EXPONENT <= exponent < _MOST_EXPONENT or exponent % 2 == 0 or modulus % 2 == 0:
        raise _malformed("its numbers are not those of an RSA key")
    if is_weak(modulus):
        raise _malformed("anybody can compute its private half (CVE-2017-15361)")
    try:
        key = RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise _malformed("its numbers are not those of an RSA key") from None
    members = {name: text for name in ("e", "n") if (text := _text(jwk, name)) is not None}
    return wanted, rsa(key, wanted), {"kty": "RSA", **members}


def _check_use(jwk: Mapping[str, Json]) -> None:
    if _text(jwk, "use") not in {None, "sig"}:
        raise _malformed("it is not for signatures")
    if "key_ops" in jwk:
        operations = jwk["key_ops"]
        if not isinstance(operations, tuple) or len(operations) > _MOST_OPERATIONS or operations != ("verify",):
            raise _malformed("it is not for verifying alone")


def _named(jwk: Mapping[str, Json]) -> str | None:
    named = _text(jwk, "kid")
    if named is not None and not 1 <= len(named) <= MOST_KEY_ID:
        raise _malformed(f"its id has 1 to {MOST_KEY_ID} characters")
    return named


def _text(jwk: Mapping[str, Json], name: str) -> str | None:
    value = jwk.get(name)
    if name in jwk and not isinstance(value, str):
        raise _malformed(f"`{name}` is not a text")
    return value if isinstance(value, str) else None


def _bytes(jwk: Mapping[str, Json], name: str, width: int | None = None) -> bytes:
    text = _text(jwk, name)
    try:
        data = decode(text or "")
    except ValueError:
        raise _malformed(f"`{name}` is not base64url in its one spelling") from None
    if not data or (width is not None and len(data) != width):
        raise _malformed(f"`{name}` does not have the right length")
    return data


def _number(jwk: Mapping[str, Json], name: str) -> int:
    """A number in its one spelling (RFC 7518, section 2): no zero bytes before it."""
    data = _bytes(jwk, name)
    if data[0] == 0 or len(data) > _MOST_RSA_BITS // 8:
        raise _malformed(f"`{name}` does not have the right length")
    return int.from_bytes(data, "big")


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_key", f"the key is malformed: {why}")
