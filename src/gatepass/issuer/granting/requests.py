"""A request for a token, as it was sent: texts that nobody has judged yet.

The law: reading fails with an error that names the parameter and never repeats it. What is read here has no power;
`policy.narrowest` decides. Two ways of saying one thing are one: a scope in `scope` and in `authorization_details`,
`composition=explicit` and the scope `composition:explicit`, which is all that a client can send that has no parameters
of its own.
"""

import hmac
import re
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.authority import Scope, scopes_from_details
from gatepass.errors import Denied, Malformed
from gatepass.issuer.clients import Client
from gatepass.policy import Wish

__all__ = [
    "COMPOSED",
    "TokenRequest",
    "Wishes",
    "bounded",
    "read_defaults",
    "read_flag",
    "read_line",
    "read_seconds",
    "read_wishes",
]

COMPOSED: Final = "composition:explicit"
"""The scope that says that several tools in one token are meant."""
MOST_DETAILS: Final = 32
LONGEST_SCOPE: Final = 16 * 1024
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One POST to the token endpoint. What may be a secret is not shown."""

    grant_type: str
    source: str
    authorization: tuple[str, ...] = field(default=(), repr=False)
    """The values of the header."""
    proofs: tuple[str, ...] = field(default=(), repr=False)
    """The values of the header `DPoP`."""
    certificate: bytes | None = field(default=None, repr=False)
    """The client certificate (DER) of the connection; see `gateway.requests.Request`."""
    correlation: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_assertion: str | None = field(default=None, repr=False)
    client_assertion_type: str | None = None
    assertion: str | None = field(default=None, repr=False)
    subject_token: str | None = field(default=None, repr=False)
    subject_token_type: str | None = None
    actor_token: str | None = field(default=None, repr=False)
    requested_token_type: str | None = None
    scope: str | None = None
    authorization_details: str | None = None
    resource: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    composition: str | None = None
    expires_in: str | None = None
    single_use: str | None = None
    may_act: str | None = None
    run_id: str | None = None
    purpose: str | None = None
    agent_version: str | None = None
    host_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request asks to be able to do."""

    wishes: tuple[Wish, ...]
    composed: bool


def bounded(request: TokenRequest, client: Client | None, proven: str | None) -> TokenRequest:
    """The request, as far as what the client showed allows it; and what that meant, where the request says nothing."""
    if client is None:
        return request
    if client.bound_to is not None and (proven is None or not hmac.compare_digest(proven, client.bound_to)):
        raise Denied("grant_invalid", "the assertion is bound to a key that was not proven")
    if client.resources:
        named = {*request.resource, *request.audience}
        if not named <= set(client.resources):
            raise Denied("target_refused", "the assertion is not for this resource")
        request = request if named else replace(request, resource=client.resources)
    if client.asks and request.scope is None and request.authorization_details is None:
        request = replace(request, scope=" ".join(client.asks), composition="explicit")
    return request


def read_wishes(request: TokenRequest) -> Wishes:
    """`scope`, `authorization_details` and `composition`. Raises `Malformed`."""
    if request.composition not in {None, "explicit"}:
        raise Malformed("malformed_request", "`composition` says `explicit`, or is left out")
    said = _words(request.scope)
    scopes = [Wish(Scope.parse(word)) for word in said if word != COMPOSED]
    details = [Wish(scope, detail=True) for scope in _details(request.authorization_details)]
    return Wishes((*scopes, *details), request.composition is not None or COMPOSED in said)


def read_seconds(text: str | None, name: str) -> int | None:
    """A span of whole seconds, in milliseconds."""
    if text is None:
        return None
    if not _SECONDS.fullmatch(text):
        raise Malformed("malformed_request", f"`{name}` is not a whole number of seconds")
    return int(text) * 1000


def read_flag(text: str | None, name: str) -> bool:
    """`true`, or nothing."""
    if text not in {None, "true", "false"}:
        raise Malformed("malformed_request", f"`{name}` says `true`, or is left out")
    return text == "true"


def read_line(text: str | None, name: str, longest: int = 200) -> str | None:
    """One line of text."""
    if text is not None and (len(text) > longest or not text.isprintable()):
        raise Malformed("malformed_request", f"`{name}` is not one line of at most {longest} characters")
    return text or None


def _words(text: str | None) -> tuple[str, ...]:
    """Scopes are separated by one space (RFC 6749, section 3.3)."""
    if text is None:
        return ()
    words = text.split(" ")
    if len(text) > LONGEST_SCOPE or not all(words) or len(set(words)) != len(words):
        raise Malformed("malformed_scope", "`scope` is not a list of different scopes with one space between them")
    return tuple(words)


def _details(text: str | None) -> tuple[Scope, ...]:
    if text is None:
        return ()
    try:
        read: Json = exact.read(text, max_bytes=LONGEST_SCOPE, max_depth=8)
    except Malformed:
        raise Malformed("malformed_details", "`authorization_details` is not JSON in its strict form") from None
    if not isinstance(read, tuple) or not 1 <= len(read) <= MOST_DETAILS:
        raise Malformed("malformed_details", f"`authorization_details` is not a list of 1 to {MOST_DETAILS} objects")
    return tuple(scope for detail in read for scope in scopes_from_details(detail))


def read_defaults(scopes: tuple[str, ...]) -> tuple[Scope, ...]:
    """A role's list, read; what cannot be read means nothing."""
    found: list[Scope] = []
    for text in scopes:
        try:
            found.append(Scope.parse(text))
        except Malformed:
            continue
    return tuple(found)
