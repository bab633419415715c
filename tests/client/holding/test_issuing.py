"""An agent asks for a pass: for one surface, proven by its key, from the issuer that it named."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from tests.client.doubles import Answer
from tests.client.holding.issuing_double import issuing

from gatepass.access import Json
from gatepass.client.holding import ApiToken, Delegated, Issuer, Pass, SignedAssertion, Wanted, Workload, new_key
from gatepass.client.holding.issuing import clock
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, Unauthenticated, Unavailable, UpstreamFailed
from gatepass.keys.jose.jws import HeaderRule, UnverifiedJws

SECRET = "gp_sk_0123456789a_very_long_secret_indeed"
Ask: TypeAlias = Callable[..., Pass]


def asks(issuer: Issuer, wanted: Wanted, **how: Any) -> Pass:
    with issuer:
        return issuer.ask(wanted, **how)


def asks_async(issuer: Issuer, wanted: Wanted, **how: Any) -> Pass:
    async def ask() -> Pass:
        async with issuer:
            return await issuer.ask_async(wanted, **how)

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [asks, asks_async], ids=["sync", "async"])


def agent(url: str, **more: Any) -> Issuer:
    return Issuer(url, ApiToken(SECRET, "support-bot"), new_key(), **more)


@both
def test_a_pass_is_asked_for_one_surface_with_a_proof(ask: Ask) -> None:
    with issuing() as (stranger, _):
        issuer = agent(stranger.url)
        wanted = Wanted(scopes=("orders:refund:order-1",), run="run_1", purpose="a refund", once=True, lifetime=60)
        held = ask(issuer, wanted, url=f"{stranger.url}/u/orders/orders/order-1/refunds")
    assert stranger.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "support-bot",
            "client_secret": SECRET,
            "resource": f"{stranger.url}/u/orders",
            "scope": "orders:refund:order-1",
            "run_id": "run_1",
            "purpose": "a refund",
            "single_use": "true",
            "expires_in": "60",
        }
    ]
    assert stranger.proofs[0].thumbprint == issuer.key.public.thumbprint
    assert (held.reveal(), held.bound, held.resource) == ("token-1", True, f"{stranger.url}/u/orders")
    assert 295_000 < held.expires - clock() <= 300_000


@both
def test_a_nonce_is_taken_up_once_and_remembered(ask: Ask) -> None:
    with issuing(nonces=frozenset({"nonce-1"})) as (stranger, double):
        issuer = agent(stranger.url)
        ask(issuer, Wanted(resource=f"{stranger.url}/u/orders"))
        assert len(double.asked) == 2
        ask(issuer, Wanted(resource=f"{stranger.url}/u/orders"))
        assert len(double.asked) == 3


@both
def test_an_issuer_that_is_never_content_is_not_asked_a_third_time(ask: Ask) -> None:
    refused = Answer(400, b'{"error":"use_dpop_nonce"}', {"dpop-nonce": "another"})
    with (
        issuing(instead=lambda _asked: refused) as (stranger, double),
        pytest.raises(Unauthenticated, match="use dpop nonce"),
    ):
        ask(agent(stranger.url), Wanted(resource=f"{stranger.url}/u/orders"))
    assert len(double.asked) == 2


@both
def test_a_pass_is_new_each_time_unless_it_is_to_be_kept(ask: Ask) -> None:
    with issuing() as (stranger, _):
        issuer, wanted = agent(stranger.url), Wanted(resource=f"{stranger.url}/u/orders")
        texts = [ask(issuer, wanted, keep=keep).reveal() for keep in (False, False, True, True)]
        assert texts == ["token-1", "token-2", "token-3", "token-3"]
        stranger.said = {"expires_in": 9}
        soon = Wanted(scopes=("a:b",), resource=wanted.resource)
        assert [ask(issuer, soon, keep=True).reveal() for _ in range(2)] == ["token-4", "token-5"], "too near its end"


REFUSALS = [
    (400, {"error": "invalid_scope", "error_description": "the role\n allows less", "hint": "Ask for less."}, Denied),
    (400, {"error": "invalid_target"}, Denied),
    (400, {"error": "invalid_request"}, Malformed),
    (401, {"error": "invalid_client"}, Unauthenticated),
    (400, {"error": "invalid_grant"}, Unauthenticated),
    (503, {"error": "temporarily_unavailable"}, Unavailable),
    (429, {"error": "slow_down"}, LimitExceeded),
    (400, {"error": "of_the_future"}, Denied),
    (400, {"error": "No Word"}, UpstreamFailed),
    (400, ["error"], UpstreamFailed),
    (302, {"error": 3}, UpstreamFailed),
]


@both
@pytest.mark.parametrize(("status", "said", "family"), REFUSALS, ids=lambda value: str(value)[:30])
def test_a_refusal_is_an_error_of_ours(ask: Ask, status: int, said: Any, family: type[Error]) -> None:
    refused = Answer(status, json.dumps(said).encode(), {"retry-after": "7", "location": "/elsewhere"})
    with (
        issuing(instead=lambda _asked: refused) as (stranger, double),
        pytest.raises(family) as error,
    ):
        ask(agent(stranger.url), Wanted(resource=f"{stranger.url}/u/orders"))
    assert type(error.value) is family
    assert len(double.asked) == 1
    assert SECRET not in f"{error.value!r}{error.value.details}{error.value.hint}"
    if family is LimitExceeded:
        assert isinstance(error.value, LimitExceeded)
        assert error.value.retry_after == 7000
    if said == REFUSALS[0][1]:
        assert (error.value.message, error.value.hint) == ("the role allows less", "Ask for less.")


ANSWERS = [
    {"token_type": "Bearer"},
    {"token_type": "MAC"},
    {"token_type": None},
    {"access_token": "two words"},
    {"access_token": ""},
    {"access_token": None},
    {"expires_in": None},
    {"expires_in": 0},
    {"expires_in": -1},
    {"expires_in": 10**9},
    {"scope": "a" * 70_000},
]


@both
@pytest.mark.parametrize("said", ANSWERS, ids=lambda value: str(value)[:30])
def test_an_answer_that_is_not_what_was_asked_for_is_no_pass(ask: Ask, said: dict[str, Any]) -> None:
    with issuing(said=said) as (stranger, _), pytest.raises(UpstreamFailed):
        ask(agent(stranger.url), Wanted(resource=f"{stranger.url}/u/orders"))


@both
def test_an_issuer_that_does_not_answer_is_unavailable(ask: Ask) -> None:
    with pytest.raises(Unavailable, match="no issuer answers"):
        ask(agent("http://127.0.0.1:9"), Wanted(resource="http://127.0.0.1:9/u/orders"))


@pytest.mark.parametrize("url", ["http://passes.example", "ftp://127.0.0.1", "http://a:b@127.0.0.1", "127.0.0.1", ""])
def test_an_identity_is_not_sent_where_others_listen(url: str) -> None:
    with pytest.raises(Malformed):
        agent(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/u/orders",
        "https://127.0.0.1:8420/u/orders",
        "http://127.0.0.1.evil.test:8420/u/orders",
        "http://127.0.0.1:8420/api/v1/tokens",
        "http://127.0.0.1:8420/u",
        "http://127.0.0.1:8420/u/",
        "http://127.0.0.1:8420/u/../api",
        "http://127.0.0.1:8420/u/orders/%2e%2e/other",
    ],
)
def test_an_address_that_is_no_surface_gets_no_pass(url: str) -> None:
    with pytest.raises(Malformed):
        agent("http://127.0.0.1:8420").resource(Wanted(), url)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/u/orders/orders?x=1", "/u/orders"),
        ("/mcp/git", "/mcp/git"),
        ("/k/git/mcp", "/mcp/git"),
        ("/u/orders", "/u/orders"),
    ],
)
def test_the_surface_is_read_off_the_address(path: str, resource: str) -> None:
    base = "http://127.0.0.1:8420"
    assert agent(base).resource(Wanted(), base + path) == base + resource


def test_details_go_out_as_rfc_9396_has_them() -> None:
    detail: dict[str, Json] = {
        "type": "orders",
        "actions": ("refund",),
        "limits": {"amount": {"<=": Decimal(50), ">=": Decimal(0)}},
    }
    form = Wanted(details=(detail,)).form("http://127.0.0.1/u/orders")
    assert json.loads(form["authorization_details"]) == [
        {"type": "orders", "actions": ["refund"], "limits": {"amount": {"<=": 50, ">=": 0}}}
    ]


def test_a_key_signs_an_assertion_for_this_issuer_alone() -> None:
    key = new_key()
    with issuing() as (stranger, _), Issuer(stranger.url, SignedAssertion("support-bot", key), new_key()) as issuer:
        issuer.ask(Wanted(resource=f"{stranger.url}/u/orders"))
        issuer.ask(Wanted(resource=f"{stranger.url}/u/orders"))
    first, second = (form["client_assertion"] for form in stranger.forms)
    rule = HeaderRule(
        types=frozenset({"JWT"}), algorithms=frozenset({"ES256"}), members=frozenset({"alg", "kid", "typ"})
    )
    read = UnverifiedJws.parse(first, rule).claims_verified_by(key.public)
    again = UnverifiedJws.parse(second, rule).claims_verified_by(key.public)
    assert (read["iss"], read["sub"], read["aud"]) == ("support-bot", "support-bot", stranger.url)
    assert isinstance(read["exp"], Decimal)
    assert isinstance(read["iat"], Decimal)
    assert read["exp"] - read["iat"] == 60
    assert read["jti"] != again["jti"]


def test_a_workload_says_anew_who_it_is_and_a_pass_is_exchanged() -> None:
    said = iter(["first.jwt", "second.jwt"])
    with issuing() as (stranger, _):
        key, workload = new_key(), Workload(lambda: next(said))
        with Issuer(stranger.url, workload, key) as issuer:
            held = issuer.ask(Wanted(resource=f"{stranger.url}/u/orders"))
            issuer.ask(Wanted(resource=f"{stranger.url}/u/orders"))
        with Issuer(stranger.url, Delegated(held), key) as issuer:
            issuer.ask(Wanted(scopes=("a:b",), resource=f"{stranger.url}/u/orders"))
    assert [form.get("assertion") for form in stranger.forms] == ["first.jwt", "second.jwt", None]
    assert stranger.forms[2]["subject_token"] == "token-1"
    assert stranger.forms[2]["grant_type"].endswith(":token-exchange")


def test_nothing_that_holds_a_secret_shows_it() -> None:
    key = new_key()
    held = Pass("a-secret-pass", resource="http://127.0.0.1/u/orders", scope="", bound=True, expires=clock())
    for each in (ApiToken(SECRET, "bot"), SignedAssertion("bot", key), Delegated(held), held, Workload(lambda: SECRET)):
        assert "secret" not in f"{each!r} {each} {dir(each)}".replace("client_secret", "")
        with pytest.raises(TypeError):
            each.__reduce_ex__(2)
    with pytest.raises(Malformed) as error:
        ApiToken(f"{SECRET} with more", "bot")
    assert SECRET not in str(error.value)
