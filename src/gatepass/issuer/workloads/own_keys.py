"""`private_key_jwt`: an agent says who it is with a signature of its own (RFC 7523 section 3, and rfc7523bis).

The law: `iss` and `sub` are the agent; the key is one that is registered for it, found by the name that the header
gives and never tried one after another; the audience is our issuer identifier alone, as one text or as the only
member of a list; it ends within ten minutes, has an id, and counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, Instant, Json
from gatepass.attestation import UnverifiedAssertion
from gatepass.attestation.matching import TOLERANCE, sole_audience
from gatepass.errors import Error, Malformed, Unauthenticated
from gatepass.issuer.clients import Use
from gatepass.issuer.workloads.proving import use_of
from gatepass.issuer.workloads.trusted import Trusted
from gatepass.keys.jose import PublicKey
from gatepass.registry import AgentKey

__all__ = ["CODE", "LONGEST", "OwnKeys"]

CODE: Final = "client_invalid"
LONGEST: Final = 10 * 60_000
"""Milliseconds that such an assertion may be valid for."""
_LONGEST_ID: Final = 256


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Checks agents' own signatures."""

    trusted: Trusted

    def check(self, said: UnverifiedAssertion, agent: AgentId, issuer: str, now: Instant) -> tuple[AgentKey, Use]:
        """The key with which the agent signed, and what that counts once by. Raises `Unauthenticated`."""
        held = self._key(said, agent, now)
        try:
            claims = said.signed.claims_verified_by(_public(held))
        except (Malformed, Unauthenticated):
            raise _refused() from None
        expires = self._checked(claims, said, issuer, now)
        token = claims.get("jti")
        return held, use_of(held.thumbprint, token if isinstance(token, str) else None, said.digest, expires)

    def _key(self, said: UnverifiedAssertion, agent: AgentId, now: Instant) -> AgentKey:
        keys = tuple(self.trusted.keys_of(agent, now))
        named = said.signed.key_id
        found = [key for key in keys if named is None or named in {key.id, key.thumbprint, _public(key).id}]
        if len(found) != 1:
            raise _refused()
        return found[0]

    def _checked(self, claims: Mapping[str, Json], said: UnverifiedAssertion, issuer: str, now: Instant) -> Instant:
        token, expires, issued, begins = (claims.get(name) for name in ("jti", "exp", "iat", "nbf"))
        times = (issued, begins)
        if (
            sole_audience(claims) != issuer
            or claims.get("iss") != said.issuer
            or claims.get("sub") != said.issuer
            or not isinstance(token, str)
            or not 1 <= len(token) <= _LONGEST_ID
            or not isinstance(expires, Decimal)
            or not now - TOLERANCE < expires * 1000 <= now + LONGEST + TOLERANCE
            or any(each is not None and not _is_past(each, now) for each in times)
        ):
            raise _refused()
        return Instant(int(expires * 1000))


def _is_past(value: Json, now: Instant) -> bool:
    return isinstance(value, Decimal) and 0 <= value * 1000 <= now + TOLERANCE


def _public(key: AgentKey) -> PublicKey:
    return PublicKey.parse(exact.read(key.jwk))


def _refused() -> Error:
    return Unauthenticated(CODE, "the client is unknown, or its authentication does not hold")
