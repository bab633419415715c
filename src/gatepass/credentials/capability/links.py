"""What a link says, read from its payload once its signature has been checked, and written to be signed.

The law: a payload is one canonical JSON object (`exact.write`) with exactly the members of its kind, each of the right
type and bounded, so that a link has one text. Instants are whole seconds. The key is a P-256 key in its canonical form.
The id of a link follows from its parent and a nonce: nobody can give a link an id that something else has, and what
stands under an id (a withdrawal, a meter) is never another's.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant, Json, PersonId, RunId
from gatepass.authority import Authority, authority_from_json, authority_to_json
from gatepass.errors import Malformed
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["MOST_GRANTS", "NONCE_BYTES", "Link", "Root", "Seal", "link_id"]

MOST_GRANTS: Final = 64
MOST_LINK: Final = 8192
MOST_AUDIENCES: Final = 8
MOST_ANCESTORS: Final = 16
NONCE_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_ID_BYTES: Final = 16
_SECOND: Final = 1000
_LAST_SECOND: Final = 253_402_300_799
_ID: Final = re.compile(r"[a-z]{2,8}_[A-Za-z0-9]{1,64}", re.ASCII)
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,512}")

_ROOT: Final = frozenset({"aud", "authority", "cnf", "exp", "iat", "iss", "jti", "owner", "sub"})
_ROOT_OPTIONAL: Final = frozenset({"ancestors", "purpose", "run_id"})
_LINK: Final = frozenset({"authority", "cnf", "exp", "iat", "jti", "nonce", "parent"})
_SEAL: Final = frozenset({"aud", "chain", "exp", "iat"})


def link_id(parent: bytes, nonce: bytes) -> CredentialId:
    """`lnk_` and 22 characters: of the digest of the parent's text, and 16 bytes that tell siblings apart."""
    made = hashlib.sha256(b"gatepass link/1\0" + parent + nonce).digest()[:_ID_BYTES]
    return CredentialId(f"lnk_{encode(made)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What any link says: under which id, until when, which authority, and whose key signs next."""

    id: CredentialId
    issued: Instant
    expires: Instant
    authority: Authority
    holder: PublicKey
    parent: bytes = b""
    """SHA-256 of the text of the link before it; empty for the issuer's."""
    nonce: bytes = b""

    @classmethod
    def read(cls, payload: bytes) -> "Link":
        """Read a holder's link. Raises `Malformed` (`malformed_capability`)."""
        claims = _claims(payload, _LINK)
        return cls(
            id=CredentialId(_text(claims, "jti")),
            issued=_instant(claims, "iat"),
            expires=_instant(claims, "exp"),
            authority=_authority(claims),
            holder=_holder(claims),
            parent=_bytes(claims, "parent", _DIGEST_BYTES),
            nonce=_bytes(claims, "nonce", NONCE_BYTES),
        )

    def write(self) -> bytes:
        """The payload of a holder's link."""
        return exact.write(
            {**_written(self), "parent": encode(self.parent), "nonce": encode(self.nonce)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Root(Link):
    """What the issuer's link says besides."""

    issuer: str
    audiences: tuple[str, ...]
    subject: AgentId | PersonId
    owner: PersonId
    run: RunId | None = None
    purpose: str | None = None
    ancestors: tuple[CredentialId, ...] = ()

    @classmethod
    def read(cls, payload: bytes) -> "Root":
        """Read an issuer's link. Raises `Malformed` (`malformed_capability`)."""
        claims = _claims(payload, _ROOT, _ROOT_OPTIONAL)
        subject = _id(claims, "sub")
        return cls(
            id=CredentialId(_id(claims, "jti")),
            issued=_instant(claims, "iat"),
            expires=_instant(claims, "exp"),
            authority=_authority(claims),
            holder=_holder(claims),
            issuer=_text(claims, "iss"),
            audiences=_texts(claims, "aud", MOST_AUDIENCES),
            subject=AgentId(subject) if subject.startswith("agt_") else PersonId(subject),
            owner=PersonId(_id(claims, "owner")),
            run=RunId(_id(claims, "run_id")) if "run_id" in claims else None,
            purpose=_text(claims, "purpose") if "purpose" in claims else None,
            ancestors=tuple(CredentialId(each) for each in _texts(claims, "ancestors", MOST_ANCESTORS))
            if "ancestors" in claims
            else (),
        )

    def write(self) -> bytes:
        """The payload of an issuer's link."""
        optional: dict[str, Json] = {"ancestors": self.ancestors, "purpose": self.purpose, "run_id": self.run}
        return exact.write(
            {
                **_written(self),
                "iss": self.issuer,
                "aud": self.audiences,
                "sub": self.subject,
                "owner": self.owner,
                **{name: value for name, value in optional.items() if value},
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a seal says: over which chain, for whom, until when."""

    chain: bytes
    """SHA-256 of the links as they are joined."""
    audience: str
    issued: Instant
    expires: Instant

    @classmethod
    def read(cls, payload: bytes) -> "Seal":
        """Read a seal. Raises `Malformed` (`malformed_capability`)."""
        claims = _claims(payload, _SEAL)
        return cls(
            chain=_bytes(claims, "chain", _DIGEST_BYTES),
            audience=_text(claims, "aud"),
            issued=_instant(claims, "iat"),
            expires=_instant(claims, "exp"),
        )

    def write(self) -> bytes:
        """The payload of a seal."""
        return exact.write(
            {
                "aud": self.audience,
                "chain": encode(self.chain),
                "exp": _seconds(self.expires),
                "iat": _seconds(self.issued),
            }
        )


def _written(link: Link) -> dict[str, Json]:
    return {
        "jti": link.id,
        "iat": _seconds(link.issued),
        "exp": _seconds(link.expires),
        "authority": authority_to_json(link.authority),
        "cnf": {"jwk": link.holder.jwk},
    }


def _seconds(at: Instant) -> Decimal:
    return Decimal(at // _SECOND)


def _claims(payload: bytes, members: frozenset[str], optional: frozenset[str] = frozenset()) -> Mapping[str, Json]:
    try:
        claims = exact.read(payload, max_bytes=MOST_LINK, max_depth=32)
    except Malformed as error:
        raise _malformed(f"its payload is not exact JSON: {error.message}") from None
    if not isinstance(claims, Mapping) or not members <= claims.keys() <= members | optional:
        raise _malformed("its payload does not have exactly the members of its kind")
    if exact.write(claims) != payload:
        raise _malformed("its payload is not canonical JSON")
    return claims


def _text(claims: Mapping[str, Json], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not _TEXT.fullmatch(value):
        raise _malformed(f"`{name}` is not a short text")
    return value


def _id(claims: Mapping[str, Json], name: str) -> str:
    value = _text(claims, name)
    if not _ID.fullmatch(value) or value.startswith("lnk_"):
        raise _malformed(f"`{name}` is not an id")
    return value


def _texts(claims: Mapping[str, Json], name: str, most: int) -> tuple[str, ...]:
    values = claims[name]
    if not isinstance(values, tuple) or not 1 <= len(values) <= most:
        raise _malformed(f"`{name}` is not a list of 1 to {most} texts")
    found = tuple(value for value in values if isinstance(value, str) and _TEXT.fullmatch(value))
    if len(set(found)) != len(values):
        raise _malformed(f"`{name}` is not a list of different texts")
    return found


def _instant(claims: Mapping[str, Json], name: str) -> Instant:
    value = claims[name]
    if not isinstance(value, Decimal) or not 0 <= value <= _LAST_SECOND or value != int(value):
        raise _malformed(f"`{name}` is not a whole number of seconds")
    return Instant(int(value) * _SECOND)


def _bytes(claims: Mapping[str, Json], name: str, width: int) -> bytes:
    try:
        data = decode(_text(claims, name))
    except ValueError:
        raise _malformed(f"`{name}` is not base64url in its one spelling") from None
    if len(data) != width:
        raise _malformed(f"`{name}` is not {width} bytes")
    return data


def _authority(claims: Mapping[str, Json]) -> Authority:
    value = claims["authority"]
    grants = value.get("grants") if isinstance(value, Mapping) and len(value) == 1 else None
    if not isinstance(grants, tuple) or len(grants) > MOST_GRANTS:
        raise _malformed(f"`authority` is not an object with up to {MOST_GRANTS} grants")
    return authority_from_json(value)


def _holder(claims: Mapping[str, Json]) -> PublicKey:
    value = claims["cnf"]
    if not isinstance(value, Mapping) or value.keys() != {"jwk"}:
        raise _malformed("`cnf` does not have a `jwk` alone")
    try:
        key = PublicKey.parse(value["jwk"])
    except Malformed as error:
        raise _malformed(error.message) from None
    if key.algorithm != "ES256" or key.jwk != value["jwk"]:
        raise _malformed("the key is not a P-256 key with the members crv, kty, x and y")
    return key


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_capability", why)
