"""Verifying an access token with public keys alone (RFC 9068, section 4).

The law, in this order: the header is, to the byte, that of one of the issuer's keys; that key signed it; the payload
has one reading; it is from this issuer, for this audience; it has begun and has not ended. Nothing depends on the
token's text: whoever counts, withdraws or remembers does so by `jti`.

What comes out has no power yet. A bound token still has to be proven, and is refused when it comes without its proof,
as if it were a bearer's; no id of its line may have been withdrawn; its authority, and the role, decide about the call.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from gatepass.access import Instant
from gatepass.authority import Credential
from gatepass.credentials.access_tokens.claims import AccessToken
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose.fixed import FixedJws, header_segment
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["MOST_BYTES", "TYPE", "AccessTokens", "Signed", "SignedTokens", "UnprovenToken", "meant"]

TYPE: Final = "at+jwt"
MOST_BYTES: Final = 12 * 1024
SKEW: Final = 5_000
"""Milliseconds that the issuer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class UnprovenToken:
    """A token that the issuer signed for us and that has not ended. Who presents it is not known yet."""

    said: AccessToken

    @property
    def binding(self) -> str | None:
        """What has to be proven, as `Confirmation.binding` names it; None for a bearer's token."""
        return self.said.credential.binding

    def proven_by(self, binding: str | None) -> Credential:
        """The credential, for a caller that has just proven `binding`. Raises `Unauthenticated`.

        `binding` is a key's thumbprint, or a certificate's as `Confirmation.binding` writes it. A bearer's token takes
        None alone: whoever sends a proof with it means another token.
        """
        bound = self.binding
        if (bound is None) != (binding is None):
            raise Unauthenticated("credential_unproven", "the token is bound to a key, and no proof of it came along")
        if bound is not None and not hmac.compare_digest(bound.encode(), (binding or "").encode("utf-8", "replace")):
            raise Unauthenticated("credential_unproven", "the token is bound to another key")
        return self.said.credential


class AccessTokens:
    """Verifies the tokens of one issuer for one audience, by its public keys under the ids that it gave them."""

    __slots__ = ("_audience", "_issuer", "_signed")

    def __init__(self, issuer: str, keys: Mapping[str, PublicKey], *, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._signed = SignedTokens(keys)

    def verify(self, text: str, *, at: Instant) -> UnprovenToken:
        """Check a token. Raises `Malformed` for what is none, `Unauthenticated` (`credential_invalid`) for the rest."""
        return meant(self._signed.read(text).said, issuer=self._issuer, audience=self._audience, at=at)


class Signed(NamedTuple):
    """What a key of the issuer signed, and which: facts that no time and no place change."""

    said: AccessToken
    key: str


class SignedTokens:
    """Reads what the issuer's keys signed. Whether a token is for here and now is not looked at: `meant` is."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = {header_segment(TYPE, id_): (id_, key) for id_, key in keys.items()}

    def read(self, text: str) -> Signed:
        """Raises `Malformed` for what is no token, `Unauthenticated` (`credential_invalid`) for what nobody signed."""
        jws = FixedJws(text, MOST_BYTES)
        found = self._keys.get(jws.header)
        if found is None:
            raise Unauthenticated("credential_invalid", "the token names no key of the issuer")
        payload = jws.verified_by(found[1])
        if payload is None:
            raise Unauthenticated("credential_invalid", "the issuer did not sign the token")
        try:
            return Signed(AccessToken.read(payload), found[0])
        except Malformed as error:
            raise Unauthenticated("credential_invalid", error.message) from None


def meant(said: AccessToken, *, issuer: str, audience: str, at: Instant) -> UnprovenToken:
    """A signed token, if it is for here and now. Raises `Unauthenticated` (`credential_invalid`)."""
    if said.issuer != issuer:
        raise Unauthenticated("credential_invalid", "the token is another issuer's")
    if said.audience != audience:
        raise Unauthenticated("credential_invalid", "the token is for another audience")
    if at + SKEW < said.credential.issued:
        raise Unauthenticated("credential_invalid", "the token is not valid yet")
    if at >= said.credential.expires:
        raise Unauthenticated("credential_invalid", "the token has expired")
    return UnprovenToken(said)
