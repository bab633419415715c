"""How an agent says who it is when it asks for a pass: each way is one of OAuth's.

The law: the long identity goes to the issuer and nowhere else, and is read anew for every request where it may change.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.client.holding.wanted import Pass
from gatepass.errors import Malformed
from gatepass.keys.guarded import Guarded
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.signing import HolderKey, sign

__all__ = ["ApiToken", "Asked", "Delegated", "Identity", "SignedAssertion", "Workload"]

_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a token
_LIFE: Final = 60
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What an identity adds to a token request."""

    form: dict[str, str]
    authorization: str | None = None


class Identity(Protocol):
    """Says who asks."""

    def ask(self, issuer: str, at: Instant, /) -> Asked:
        """The grant and the client's authentication, for one request to this issuer."""
        ...


class ApiToken(Guarded):
    """A long, tight API token (`gp_sk_...`), which stays between the agent and the issuer (client credentials)."""

    __slots__ = ("_client", "_text")

    def __init__(self, text: str, client: str) -> None:
        """`client` is the agent's id or name. Raises `Malformed` for a text that cannot be a token."""
        self._text = _word(text, "the API token")
        self._client = _word(client, "the agent's name")

    def ask(self, _issuer: str, _at: Instant) -> Asked:
        """As `client_secret_post` (RFC 6749, section 2.3.1)."""
        return Asked(
            {"grant_type": "client_credentials", "client_id": self._client, "client_secret": self._text},
        )

    def __repr__(self) -> str:
        return f"<the API token of {self._client}>"


class SignedAssertion(Guarded):
    """A key that the deployment knows as this agent's (`private_key_jwt`, RFC 7523, section 2.2)."""

    __slots__ = ("_client", "_key")

    def __init__(self, client: str, key: HolderKey) -> None:
        self._client = _word(client, "the agent's name")
        self._key = key

    def ask(self, issuer: str, at: Instant) -> Asked:
        """A new assertion, for this issuer alone, for a minute."""
        now = Decimal(at // 1000)
        claims: dict[str, Json] = {
            "iss": self._client,
            "sub": self._client,
            "aud": issuer,
            "iat": now,
            "exp": now + _LIFE,
            "jti": encode(os.urandom(_ID_BYTES)),
        }
        header = encode(exact.write({"alg": "ES256", "kid": self._key.public.thumbprint, "typ": "JWT"}))
        return Asked(
            {
                "grant_type": "client_credentials",
                "client_id": self._client,
                "client_assertion_type": _BEARER,
                "client_assertion": sign(header, exact.write(claims), self._key),
            }
        )

    def __repr__(self) -> str:
        return f"<the key of {self._client}>"


class Workload(Guarded):
    """What the platform says of the workload: a JWT, read anew for every request (RFC 7523, section 2.1)."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def ask(self, _issuer: str, _at: Instant) -> Asked:
        """The JWT bearer grant."""
        return Asked({"grant_type": _JWT_BEARER, "assertion": _word(self._read(), "the workload's token")})

    def __repr__(self) -> str:
        return "<a workload's identity>"


class Delegated(Guarded):
    """A pass that is exchanged for a narrower one (RFC 8693). It is proven by the key that asks, where it is bound."""

    __slots__ = ("_actor", "_subject")

    def __init__(self, subject: Pass, actor: Identity | None = None) -> None:
        """`actor` authenticates whoever asks, where that is another agent than the pass is for."""
        self._subject = subject
        self._actor = actor

    def ask(self, issuer: str, at: Instant) -> Asked:
        """The exchange."""
        by = Asked({}) if self._actor is None else self._actor.ask(issuer, at)
        exchange = {
            "grant_type": _EXCHANGE,
            "subject_token": self._subject.reveal(),
            "subject_token_type": _ACCESS_TOKEN,
        }
        return Asked({**by.form, **exchange}, by.authorization)

    def __repr__(self) -> str:
        return f"<an exchange of {self._subject!r}>"


def _word(text: str, what: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Malformed("malformed_request", f"{what} is not one", hint="Copy the whole of it again.")
    return text
