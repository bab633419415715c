"""The token endpoint: from a form to a request, and from what was issued to the answer (RFC 6749, section 5.1).

The law: nothing is judged here. What is granted is said in full (`authorization_details`, RFC 9396 section 7), and as
`scope` what holds without any condition.
"""

from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.gateway.requests import Reply
from gatepass.issuer import CAPABILITY, Client, Issuance, TokenRequest, TokenService
from gatepass.web.oauth.answers import NO_STORE, body_reply
from gatepass.web.oauth.router import Endpoint, Posted
from gatepass.web.oauth.standing import Authenticates

__all__ = ["authenticating", "token_endpoint"]

_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  the name of a type
_LONGEST_NOTE: Final = 256
_ONCE: Final = (
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "requested_token_type",
    "scope",
    "authorization_details",
    "composition",
    "expires_in",
    "single_use",
    "may_act",
    "run_id",
    "purpose",
    "agent_version",
    "host_id",
)


def token_endpoint(service: TokenService) -> Endpoint:
    """`/oauth2/token`."""

    async def token(posted: Posted) -> Reply:
        return _answer(await service.token(_read(posted, posted.form.required("grant_type"))))

    return token


def authenticating(service: TokenService, *, counted: bool = True) -> Authenticates:
    """How the other endpoints learn who posted something: as the token endpoint does."""

    async def authenticates(posted: Posted) -> Client:
        return await service.authenticated(_read(posted, ""), counted=counted)

    return authenticates


def _read(posted: Posted, grant_type: str) -> TokenRequest:
    form = posted.form
    return TokenRequest(
        grant_type=grant_type,
        source=posted.source,
        authorization=tuple(value.decode("latin-1") for value in posted.header(b"authorization")),
        proofs=tuple(value.decode("latin-1") for value in posted.header(b"dpop")),
        certificate=posted.certificate,
        correlation=_note(posted),
        resource=form.each("resource"),
        audience=form.each("audience"),
        **{name: form.one(name) for name in _ONCE},
    )


def _note(posted: Posted) -> str | None:
    """The caller's trace id, if it is one short line."""
    values = posted.header(b"traceparent")
    text = values[0][:_LONGEST_NOTE].decode("ascii", "replace") if len(values) == 1 else ""
    return "".join(each for each in text if each.isprintable()) or None


def _answer(issued: Issuance) -> Reply:
    said = {
        "access_token": issued.text,
        "token_type": "Bearer" if issued.record.binding is None or ":" in issued.record.binding else "DPoP",
        "expires_in": Decimal(issued.lifetime),
        "authorization_details": issued.details,
        **({"scope": issued.scope} if issued.scope else {}),
        **({"issued_token_type": _type(issued)} if issued.exchanged or issued.capability else {}),
    }
    headers = (*NO_STORE, (b"gatepass-credential", issued.record.id.encode()))
    return body_reply(200, exact.write(said), headers)


def _type(issued: Issuance) -> str:
    return CAPABILITY if issued.capability else _ACCESS_TOKEN
