"""The token endpoint, asked as a stranger's OAuth client asks it, and as an attacker does."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.issuer.world import (
    ACCESS_TOKEN,
    ISSUER,
    PLACE,
    REFUND,
    TOKEN_URL,
    Issuing,
    details,
    exchange,
    new_key,
    own,
    said_by,
)

from gatepass.access import AgentId
from gatepass.authority import SingleUse
from gatepass.credentials.access_tokens import Actor
from gatepass.keys.jose.base64url import decode, encode


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        yield Issuing.opened(closing)


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_an_api_token_is_exchanged_for_a_bound_token_for_one_refund(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:refund", "orders:get"), new_key()
    answer = issuing.ask(own(secret, client_id="support-bot", resource=PLACE, scope=REFUND, single_use="true"), key=key)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["token_type"], said["expires_in"]) == ("DPoP", 300)
    assert "scope" not in said
    assert answer.headers["cache-control"] == "no-store"
    token = said_by(said["access_token"])
    assert (token.issuer, token.audience, token.client) == (ISSUER, PLACE, token.subject)
    assert token.confirmation is not None
    assert token.confirmation.thumbprint == key.public.thumbprint
    (grant,) = token.credential.authority.grants
    assert grant.text == "orders:refund:order-12345?amount<=50&amount>=0&user=user-678"
    assert grant.caveats == (SingleUse(f"{token.credential.id}/once"),)
    assert said["authorization_details"][0]["type"] == "orders"
    assert token.status is not None
    assert token.status.uri.startswith(f"{ISSUER}/oauth2/status/")
    scopes = {entry.event: entry for entry in issuing.gatepass.journal.entries()}
    told = scopes["credential.issued"].members
    assert told["credential"] == token.credential.id
    assert scopes["credential.issued"].details["binding"] == key.public.thumbprint


# -- who is asking


def test_each_way_of_showing_the_api_token_names_the_same_agent(issuing: Issuing) -> None:
    secret = issuing.agent("reader", "orders:get")
    form = {"grant_type": "client_credentials", "resource": PLACE, "scope": "orders:get"}
    for more, headers in (
        ({"client_secret": secret}, {}),
        ({"client_secret": secret, "client_id": "reader"}, {}),
        ({}, {"authorization": basic("reader", secret)}),
        ({}, {"authorization": f"Bearer {secret}"}),
        ({}, {"authorization": f"DPoP {secret}"}),
    ):
        token = said_by(issuing.get({**form, **more}, key=None, **headers))
        assert token.client == issuing.agents["reader"].id


def test_strangers_and_mixed_up_clients_are_told_one_thing_and_counted(issuing: Issuing) -> None:
    secret, other = issuing.agent("reader", "orders:get"), issuing.agent("writer", "orders:get")
    person = str(issuing.gatepass.admin.create("tokens", {"name": "own"})["token"])
    form = {"grant_type": "client_credentials", "resource": PLACE, "scope": "orders:get"}
    answers = [
        issuing.ask({**form, **more}, key=None, **headers)
        for more, headers in (
            ({}, {}),
            ({"client_secret": "x"}, {}),
            ({"client_secret": secret[:-1] + ("a" if secret[-1] != "a" else "b")}, {}),
            ({"client_secret": secret, "client_id": "writer"}, {}),
            ({"client_secret": person}, {}),
            ({}, {"authorization": basic("writer", secret)}),
            ({"client_id": "writer"}, {"authorization": basic("reader", secret)}),
            ({}, {"authorization": "Basic %%%"}),
            ({}, {"authorization": f"Negotiate {secret}"}),
        )
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(401, "invalid_client")}
    assert answers[5].headers["www-authenticate"].startswith("Basic ")
    assert all(secret not in answer.text and other not in answer.text for answer in answers)
    issuing.gatepass.clock.advance(minutes=2)
    counted = [entry for entry in issuing.gatepass.journal.entries() if entry.event == "client.refused"]
    assert len(counted) == 1


def test_a_client_authenticates_in_one_way(issuing: Issuing) -> None:
    secret = issuing.agent("reader", "orders:get")
    answer = issuing.ask(own(secret, scope="orders:get"), authorization=f"Bearer {secret}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("what", ["token", "agent"])
def test_whoever_was_withdrawn_gets_nothing_more(issuing: Issuing, what: str) -> None:
    secret = issuing.agent("reader", "orders:get")
    short = issuing.get(own(secret, scope="orders:get"))
    if what == "token":
        issuing.gatepass.admin.act("tokens", "reader-token", "revoke")
    else:
        issuing.gatepass.admin.act("agents", "reader", "disable")
    assert issuing.ask(own(secret, scope="orders:get")).json()["error"] == "invalid_client"
    assert issuing.ask(exchange(short)).status_code >= 400


# -- what is granted


@pytest.mark.parametrize(
    ("form", "error", "code"),
    [
        ({"scope": "orders:get reports:read"}, "invalid_scope", "composition_needed"),
        ({"scope": "orders:cancel"}, "invalid_scope", "scope_refused"),
        ({"scope": "orders:refund:*?amount<=50"}, "invalid_scope", "scope_refused"),
        ({"scope": "orders:purge"}, "invalid_scope", "admin_not_storable"),
        ({"scope": "orders:fly"}, "invalid_scope", "unknown_scope"),
        ({"scope": "orders"}, "invalid_scope", "malformed_scope"),
        ({"scope": "orders:get  orders:get:a"}, "invalid_scope", "malformed_scope"),
        ({"scope": "orders:get orders:get"}, "invalid_scope", "malformed_scope"),
        ({"scope": "orders:get", "resource": f"{ISSUER}/u/reports"}, "invalid_target", "target_refused"),
        ({"scope": "orders:get", "resource": f"{ISSUER}/mcp/orders"}, "invalid_target", "target_refused"),
        ({"scope": "orders:get", "resource": f"{ISSUER}/u/nowhere"}, "invalid_target", "target_refused"),
        ({"scope": "orders:get", "resource": "https://evil.example/u/orders"}, "invalid_target", "target_refused"),
        (
            {"scope": "orders:get", "resource": PLACE, "audience": f"{ISSUER}/u/reports"},
            "invalid_target",
            "target_refused",
        ),
        ({"authorization_details": "[]"}, "invalid_authorization_details", "malformed_details"),
        ({"authorization_details": "{"}, "invalid_authorization_details", "malformed_details"),
        (
            {"authorization_details": '[{"type":"orders","actions":["get"],"actions":["cancel"]}]'},
            "invalid_authorization_details",
            "malformed_details",
        ),
        (
            {"authorization_details": '[{"type":"orders","actions":["get"],"locations":["x"]}]'},
            "invalid_authorization_details",
            "malformed_details",
        ),
        (
            {"authorization_details": '[{"type":"orders","actions":["cancel"]}]'},
            "invalid_authorization_details",
            "details_refused",
        ),
        ({"scope": "orders:get", "expires_in": "0"}, "invalid_request", "malformed_request"),
        ({"scope": "orders:get", "expires_in": "-5"}, "invalid_request", "malformed_request"),
        ({"scope": "orders:get", "single_use": "yes"}, "invalid_request", "malformed_request"),
        ({"scope": "orders:get", "composition": "silent"}, "invalid_request", "malformed_request"),
        ({"scope": "orders:get", "may_act": "nobody"}, "invalid_request", "malformed_request"),
        ({"scope": "orders:get", "run_id": "run_0000000000000000"}, "invalid_grant", "grant_invalid"),
        ({}, "invalid_scope", "scope_refused"),
    ],
)
def test_what_goes_too_far_is_refused_in_the_words_of_the_standards(
    issuing: Issuing, form: dict[str, str], error: str, code: str
) -> None:
    secret = issuing.agent("bot", "orders:get", "orders:refund:order-12345?amount<=50&user=user-678", "reports:read")
    resource = {} if "resource" in form else {"resource": PLACE}
    answer = issuing.ask(own(secret, **{**resource, **form}), key=new_key())
    assert (answer.json()["error"], answer.json()["code"]) == (error, code), answer.text
    assert answer.status_code == 400
    refused = [entry for entry in issuing.gatepass.journal.entries() if entry.event == "issuance.refused"]
    assert [entry.members["code"] for entry in refused] == [code]


def test_a_refusal_says_the_widest_that_would_be_granted(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:refund:order-12345?amount<=50&user=user-678")
    answer = issuing.ask(own(secret, scope="orders:refund:order-12345?amount<=100"), key=new_key())
    assert answer.json()["granted"] == "orders:refund:order-12345?amount<=50&amount>=0&user=user-678"
    again = issuing.ask(own(secret, scope=answer.json()["granted"]), key=new_key())
    assert again.status_code == 200


def test_two_tools_are_one_token_where_the_request_says_so_in_either_way(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get", "orders:cancel")
    key = new_key()
    for more in ({"composition": "explicit"}, {"scope": "orders:get orders:cancel composition:explicit"}):
        token = said_by(issuing.get(own(secret, **{"scope": "orders:get orders:cancel", **more}), key=key))
        assert {grant.text for grant in token.credential.authority.grants} == {"orders:get", "orders:cancel"}


def test_a_class_of_reading_is_one_wish_and_one_beyond_is_many(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get", "orders:search", "orders:refund", "orders:cancel")
    token = said_by(issuing.get(own(secret, scope="orders:read")))
    assert {grant.text for grant in token.credential.authority.grants} == {"orders:get", "orders:search"}
    assert issuing.ask(own(secret, scope="orders:*"), key=new_key()).json()["code"] == "composition_needed"


def test_the_role_is_a_live_ceiling_for_issuance_too(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get", "orders:refund")
    issuing.gatepass.role("bot-role", "orders:get", bearers=None)
    assert issuing.ask(own(secret, scope="orders:refund"), key=new_key()).json()["code"] == "scope_refused"
    assert issuing.ask(own(secret, scope="orders:get")).status_code == 200


def test_no_scope_means_the_roles_own_list_as_far_as_the_token_and_the_place_have_it(issuing: Issuing) -> None:
    secret = issuing.agent(
        "bot", "orders:get", "orders:search", "reports:read", default_scopes=["orders:read", "reports:read"]
    )
    token = said_by(issuing.get(own(secret, resource=PLACE)))
    assert {grant.text for grant in token.credential.authority.grants} == {"orders:get", "orders:search"}


def test_beyond_reading_a_key_is_proven_or_the_role_has_an_exception(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:refund")
    answer = issuing.ask(own(secret, scope="orders:refund"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    free = issuing.agent("free", "orders:refund", bearers=True)
    answer = issuing.ask(own(free, scope="orders:refund"))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")


def test_lives_are_cut_to_the_role_the_parent_and_a_quarter_of_an_hour(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get")

    def life(**more: str) -> object:
        return issuing.ask(own(secret, scope="orders:get", **more)).json()["expires_in"]

    assert (life(), life(expires_in="7"), life(expires_in="86400")) == (300, 7, 900)
    issuing.gatepass.role("bot-role", "orders:get", longest_token_seconds=20, bearers=None)
    assert life(expires_in="86400") == 20
    short = issuing.get(own(secret, scope="orders:get", expires_in="10"))
    issuing.gatepass.clock.advance(seconds=4)
    client = own(secret)
    del client["grant_type"]
    assert issuing.ask(exchange(short, **client)).json()["expires_in"] == 6


def test_details_say_what_scopes_say_and_are_given_back(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:refund")
    asked = {"type": "orders", "actions": ["refund"], "identifier": "order-1", "limits": {"amount": {"<=": 5, ">=": 0}}}
    answer = issuing.ask(own(secret, authorization_details=details(asked)), key=new_key())
    assert answer.json()["authorization_details"] == [asked]
    assert answer.json()["scope"] == "orders:refund:order-1?amount<=5&amount>=0"


# -- proofs


def test_a_proof_at_the_token_endpoint_is_for_it_and_counts_once(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:refund"), new_key()
    issuing.get(own(secret, scope="orders:refund"), key=key)
    form = own(secret, scope="orders:refund")
    used = issuing.proof(key)
    assert issuing.ask(form, dpop=used).status_code == 200
    for proof in (
        used,
        issuing.proof(key, url=PLACE),
        issuing.proof(key, url=TOKEN_URL.replace("oauth2", "u")),
        "x",
        issuing.proof(key)[:-4] + "AAAA",
    ):
        answer = issuing.ask(form, dpop=proof)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof"), answer.text


# -- exchange


def test_an_exchange_narrows_and_descends(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:refund", "orders:get"), new_key()
    wide = issuing.get(
        own(secret, scope="orders:refund orders:get", composition="explicit", purpose="ticket 7"), key=key
    )
    answer = issuing.ask(exchange(wide, scope=REFUND, single_use="true"), key=key)
    assert answer.json()["issued_token_type"] == ACCESS_TOKEN
    narrow, before = said_by(answer.json()["access_token"]), said_by(wide)
    assert narrow.credential.ancestors == (before.credential.id, *before.credential.ancestors)
    assert narrow.credential.purpose == "ticket 7"
    assert narrow.credential.expires <= before.credential.expires
    widened = issuing.ask(exchange(answer.json()["access_token"], scope="orders:get"), key=key)
    assert widened.json()["code"] == "scope_refused"
    assert issuing.ask(exchange(answer.json()["access_token"], scope=REFUND, purpose="another"), key=key).json()[
        "error"
    ] == ("invalid_grant")


def test_whoever_merely_holds_a_token_cannot_exchange_it_bound_or_not(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:refund", "orders:get"), new_key()
    other = issuing.agent("other", "orders:refund", "orders:get")
    bound = issuing.get(own(secret, scope="orders:refund"), key=key)
    plain = issuing.get(own(secret, scope="orders:get"))
    theirs = {"client_secret": other}
    for form, with_key in (
        (exchange(bound), None),
        (exchange(bound), new_key()),
        (exchange(bound, **theirs), None),
        (exchange(bound, **theirs), new_key()),
        (exchange(bound, **theirs), key),
        (exchange(bound, client_secret=secret), None),
        (exchange(bound, client_secret=secret), new_key()),
        (exchange(plain), None),
        (exchange(plain), new_key()),
        (exchange(plain, **theirs), None),
        (exchange(plain, **theirs), new_key()),
    ):
        answer = issuing.ask(
            {**form, "scope": "orders:get" if form["subject_token"] == plain else "orders:refund"}, key=with_key
        )
        assert answer.json()["error"] in {"invalid_grant", "invalid_client"}, answer.text


def test_the_actor_that_may_act_gets_it_bound_to_a_key_of_its_own_and_nobody_is_left_out(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:refund", "orders:get"), new_key()
    other, theirs = issuing.agent("other", "orders:refund:order-12345"), new_key()
    bound = issuing.get(own(secret, scope="orders:refund", may_act="other"), key=key)
    form = exchange(bound, client_secret=other, scope="orders:refund:order-12345")
    handed = said_by(issuing.get(form, key=theirs))
    bot, actor = AgentId(issuing.agents["bot"].id), AgentId(issuing.agents["other"].id)
    assert (handed.subject, handed.actor, handed.client) == (bot, Actor(actor), actor)
    assert handed.confirmation is not None
    assert handed.confirmation.thumbprint == theirs.public.thumbprint
    assert handed.may_act is None
    # Neither role may be gone beyond: the actor's was narrower, and now the subject's is.
    assert issuing.ask({**form, "scope": "orders:refund"}, key=theirs).json()["code"] == "scope_refused"
    issuing.gatepass.role("bot-role", "orders:get", bearers=None)
    assert issuing.ask(form, key=theirs).json()["code"] == "scope_refused"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-2] + ("AA" if text[-2:] != "AA" else "BB"),
        lambda text: encode(b'{"alg":"none","typ":"at+jwt"}') + "." + text.split(".")[1] + ".",
        lambda text: encode(b'{"alg":"HS256","typ":"at+jwt"}') + "." + text.split(".", 1)[1],
        lambda text: encode(decode(text.split(".")[0]).replace(b"at+jwt", b"JWT")) + "." + text.split(".", 1)[1],
        lambda text: text + "=",
        lambda text: text.split(".")[1],
        lambda _: "gp_sk_" + "0" * 46,
        lambda _: "a.b.c",
    ],
)
def test_a_subject_token_that_we_did_not_sign_is_nothing(issuing: Issuing, change: object) -> None:
    secret, key = issuing.agent("bot", "orders:refund"), new_key()
    bound = issuing.get(own(secret, scope="orders:refund"), key=key)
    answer = issuing.ask(exchange(change(bound), scope="orders:refund"), key=key)  # type: ignore[operator]
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_types_that_we_do_not_exchange_are_refused(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:refund"), new_key()
    bound = issuing.get(own(secret, scope="orders:refund"), key=key)
    for more in (
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": bound, "actor_token_type": ACCESS_TOKEN},
    ):
        assert issuing.ask({**exchange(bound), **more}, key=key).json()["error"] == "invalid_request"
    assert issuing.ask({"grant_type": "password", "client_secret": secret}).json()["error"] == "unsupported_grant_type"


def test_a_chain_of_exchanges_has_an_end(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:get"), new_key()
    token = issuing.get(own(secret, scope="orders:get"), key=key)
    statuses = []
    for _ in range(17):
        answer = issuing.ask(exchange(token, scope="orders:get"), key=key)
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            break
        token = answer.json()["access_token"]
    assert statuses[-1] == 400
    assert len(statuses) == 16


# -- without end


def test_an_agent_that_asks_without_end_is_slowed_down_and_no_other_agent_is() -> None:
    with ExitStack() as closing:
        issuing = Issuing.opened(closing, {"limits": {"issuances": "3/1m"}})
        secret, other = issuing.agent("bot", "orders:get"), issuing.agent("other", "orders:get")
        for scope in ("orders:get", "orders:cancel", "orders:get"):
            issuing.ask(own(secret, scope=scope))
        answer = issuing.ask(own(secret, scope="orders:get"))
        assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
        assert int(answer.headers["retry-after"]) >= 1
        assert issuing.ask(own(other, scope="orders:get")).status_code == 200
        issuing.gatepass.clock.advance(minutes=1)
        assert issuing.ask(own(secret, scope="orders:get")).status_code == 200


def test_forms_that_say_something_twice_reach_nobody(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get", "orders:cancel")
    answer = issuing.ask([*own(secret, scope="orders:get").items(), ("scope", "orders:cancel")])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


# -- what is published


def test_documents_name_the_issuer_byte_for_byte_and_keys_are_public(issuing: Issuing) -> None:
    client = issuing.client()
    server = client.get("/.well-known/oauth-authorization-server").json()
    assert server["issuer"] == ISSUER
    assert server["token_endpoint"] == TOKEN_URL
    assert "client_credentials" in server["grant_types_supported"]
    assert server["authorization_details_types_supported"] == ["orders", "reports"]
    assert client.get("/.well-known/openid-configuration").json() == server
    assert client.get("/.well-known/oauth-authorization-server/u/orders").status_code == 404
    keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert len(keys) == 2
    assert {name for key in keys for name in key} == {"alg", "crv", "kid", "kty", "use", "x", "y"}
    resource = client.get("/.well-known/oauth-protected-resource/u/orders").json()
    assert (resource["resource"], resource["authorization_servers"]) == (PLACE, [ISSUER])
    assert resource["scopes_supported"] == ["orders:get", "orders:search"]
    for path in ("u/nowhere", "mcp/orders", "k/orders/mcp", "u/orders/", "u/orders%2f", "", "u"):
        assert client.get(f"/.well-known/oauth-protected-resource/{path}").status_code == 404, path


def test_keys_rotate_and_are_withdrawn_and_agents_go_on(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "orders:get"), new_key()
    before = issuing.get(own(secret, scope="orders:get"), key=key)
    issuing.gatepass.admin.rotate_signing_key()
    after = issuing.get(own(secret, scope="orders:get"), key=key)
    assert issuing.ask(exchange(before, scope="orders:get"), key=key).status_code == 200
    kid = next(each["id"] for each in issuing.gatepass.admin.listed("signing-keys") if each["state"] == "current")
    issuing.gatepass.admin.act("signing-keys", str(kid), "withdraw", {"reason": "it was copied"})
    assert issuing.ask(exchange(after, scope="orders:get"), key=key).json()["error"] == "invalid_grant"
    assert issuing.ask(exchange(before, scope="orders:get"), key=key).status_code == 200
    assert issuing.ask(own(secret, scope="orders:get"), key=key).status_code == 200
    assert str(kid) not in issuing.client().get("/.well-known/jwks.json").text
