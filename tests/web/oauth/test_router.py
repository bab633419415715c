"""Paths of the issuer, and the shape of its refusals."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from gatepass.errors import Denied, Error, LimitExceeded, Malformed, NotFound, Unauthenticated, Unavailable
from gatepass.gateway.requests import Reply, Request
from gatepass.web.oauth import OAuth, Posted, json_reply, refusal_of
from gatepass.web.oauth.answers import BY_CODE, error_of

FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)


async def _echo(posted: Posted) -> Reply:
    return json_reply(200, {"said": posted.form.one("a"), "from": posted.source, "x": len(posted.header(b"x"))})


async def _no(_: Posted) -> Reply:
    raise Denied("operator_forbidden", "it is `no`", hint="Ask for less.")


def _status(left: bytes) -> Reply | None:
    return json_reply(200, {"list": left.decode()}) if left.isdigit() else None


OAUTH = OAuth(
    endpoints={b"/oauth2/token": _echo, b"/oauth2/no": _no},
    documents={b"/oauth2/status/": _status, b"/.well-known/x": lambda _: json_reply(200, {})},
)


def ask(method: str, path: bytes, body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = FORM) -> Reply:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return asyncio.run(OAUTH.handle(Request(method, "", path, b"", headers, "10.0.0.1", chunks())))


def text_of(reply: Reply) -> dict[str, object]:
    async def whole() -> bytes:
        return b"".join([chunk async for chunk in reply.body])

    read: dict[str, object] = json.loads(asyncio.run(whole()))
    return read


def test_an_endpoint_gets_the_form_and_says_that_nobody_keeps_its_answer() -> None:
    reply = ask("POST", b"/oauth2/token", b"a=b")
    assert text_of(reply) == {"said": "b", "from": "10.0.0.1", "x": 0}
    assert (b"cache-control", b"no-store") in reply.headers


def test_documents_are_found_by_their_path_or_by_its_beginning() -> None:
    assert text_of(ask("GET", b"/oauth2/status/12")) == {"list": "12"}
    assert ask("HEAD", b"/.well-known/x").status == 200
    for path in (b"/oauth2/status/a", b"/oauth2/status/", b"/oauth2/status", b"/oauth2/", b"/.well-known/x/y"):
        with pytest.raises(NotFound):
            ask("GET", path)


def test_methods_that_a_path_does_not_take_are_named() -> None:
    with pytest.raises(NotFound) as raised:
        ask("GET", b"/oauth2/token")
    assert raised.value.details == {"allow": "POST"}
    with pytest.raises(NotFound) as raised:
        ask("POST", b"/.well-known/x")
    assert raised.value.details == {"allow": "GET, HEAD"}


def test_a_refusal_is_oauths_own_shape_with_our_code_and_hint_beside() -> None:
    reply = ask("POST", b"/oauth2/no", b"a=b")
    assert reply.status == 400
    assert text_of(reply) == {
        "error": "access_denied",
        "error_description": "it is `no`",
        "code": "operator_forbidden",
        "hint": "Ask for less.",
    }


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (Malformed("malformed_request", "x"), 400, "invalid_request"),
        (Malformed("too_large", "x"), 413, "invalid_request"),
        (Malformed("unsupported_media", "x"), 415, "invalid_request"),
        (Unauthenticated("credential_invalid", "x"), 401, "invalid_client"),
        (Unauthenticated("proof_invalid", "x"), 400, "invalid_dpop_proof"),
        (Unauthenticated("proof_nonce", "x"), 400, "use_dpop_nonce"),
        (Malformed("malformed_scope", "x"), 400, "invalid_scope"),
        (LimitExceeded("limit_exceeded", "x", retry_after=1500), 429, "slow_down"),
        (Unavailable("journal_unavailable", "x"), 503, "temporarily_unavailable"),
    ],
)
def test_each_error_has_its_name_and_its_status(error: Error, status: int, name: str) -> None:
    reply = refusal_of(error)
    assert reply.status == status
    assert text_of(reply)["error"] == name


def test_a_refused_client_that_used_the_header_is_told_the_scheme() -> None:
    error = Unauthenticated("credential_invalid", "x")
    assert b"www-authenticate" not in dict(refusal_of(error).headers)
    assert dict(refusal_of(error, by_header=True).headers)[b"www-authenticate"].startswith(b"Basic ")


def test_who_is_throttled_is_told_for_how_long_and_a_nonce_travels_as_a_header() -> None:
    assert dict(refusal_of(LimitExceeded("limit_exceeded", "x", retry_after=1500)).headers)[b"retry-after"] == b"2"
    reply = refusal_of(Unauthenticated("proof_nonce", "x", details={"dpop_nonce": "abc"}))
    assert dict(reply.headers)[b"dpop-nonce"] == b"abc"
    assert "dpop_nonce" not in text_of(reply)


def test_a_description_is_of_the_characters_that_the_standard_allows() -> None:
    described = text_of(refusal_of(Malformed("malformed_request", 'a "quoted" \\ é\n')))["error_description"]
    assert described == "a 'quoted' ' ''"


def test_every_code_of_the_table_says_an_error_of_the_standards() -> None:
    registered = {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "invalid_target", "invalid_authorization_details", "invalid_dpop_proof", "use_dpop_nonce",
        "slow_down", "access_denied", "temporarily_unavailable",
    }  # fmt: skip
    assert set(BY_CODE.values()) <= registered
    assert error_of(Error("internal", "x")) in registered
