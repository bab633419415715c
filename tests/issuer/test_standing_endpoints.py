"""Introspection, revocation, runs and status lists of a whole deployment, asked as strangers' clients ask."""

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from tests.issuer.world import ISSUER, PLACE, REFUND, Issuing, exchange, new_key, own, said_by

from gatepass.keys.jose import KeySet
from gatepass.keys.jose.base64url import decode
from gatepass.keys.jose.fixed import FixedJws, header_segment


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        yield Issuing.opened(closing)


def post(issuing: Issuing, path: str, secret: str | None, **form: str) -> httpx2.Response:
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    return issuing.client().post(f"/oauth2/{path}", data=form, headers=headers)


def asked(issuing: Issuing, secret: str, token: str) -> dict[str, Any]:
    answer = post(issuing, "introspect", secret, token=token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    return dict(answer.json())


def told(issuing: Issuing, of: str) -> Any:
    """The story of a run or of a credential."""
    return issuing.gatepass.admin.run(of)


def lives(issuing: Issuing, token: str, key: Any) -> bool:
    """Whether a gateway verifies it: an exchange by its holder is asked for, which needs it to stand."""
    return issuing.ask(exchange(token, scope="orders:get"), key=key).status_code == 200


def test_a_token_is_told_to_its_agent_and_to_nobody_else(issuing: Issuing) -> None:
    secret, stranger = issuing.agent("support-bot", "orders:refund", "orders:get"), issuing.agent("other", "orders:get")
    key = new_key()
    token = issuing.get(own(secret, resource=PLACE, scope=REFUND), key=key)
    answer = asked(issuing, secret, token)
    said = said_by(token)
    assert (answer["active"], answer["jti"], answer["aud"], answer["iss"]) == (True, said.credential.id, PLACE, ISSUER)
    assert answer["cnf"] == {"jkt": key.public.thumbprint}
    assert answer["scope"] == "orders:refund:order-12345?amount<=50&amount>=0&user=user-678"
    assert asked(issuing, stranger, token) == {"active": False}
    assert asked(issuing, secret, secret)["token_type"] == "Bearer"
    assert asked(issuing, stranger, secret) == {"active": False}
    assert asked(issuing, secret, "gibberish") == {"active": False}


def test_the_system_behind_an_upstream_asks_about_tokens_that_are_for_it() -> None:
    with ExitStack() as closing:
        issuing = Issuing.opened(closing, {"issuer": {"resource_servers": ["orders=orders-api", "reports=other"]}})
        secret, api = issuing.agent("support-bot", "orders:get"), issuing.agent("orders-api", "reports:read")
        other = issuing.agent("other", "reports:read")
        token = issuing.get(own(secret, resource=PLACE, scope="orders:get"))
        assert asked(issuing, api, token)["scope"] == "orders:get"
        assert asked(issuing, other, token) == {"active": False}
        assert asked(issuing, api, secret) == {"active": False}
        assert post(issuing, "revoke", api, token=token).status_code == 200  # which is not its to take away
        assert asked(issuing, api, token)["active"] is True


def test_nobody_is_told_anything_without_authenticating(issuing: Issuing) -> None:
    secret = issuing.agent("support-bot", "orders:get")
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"))
    person = issuing.gatepass.admin.create("tokens", {"name": "mine"})["token"]
    for path in ("introspect", "revoke", "runs", "runs/end"):
        for wrong in (None, "gp_sk_nonsense", token, str(person)):
            answer = post(issuing, path, wrong, token=token, run_id="run_x")
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), (path, wrong)
    assert asked(issuing, secret, token)["active"] is True
    assert issuing.client().get("/oauth2/introspect").status_code == 405
    twice = issuing.client().post(
        "/oauth2/introspect",
        content=f"token={token}&token={token}",
        headers={"authorization": f"Bearer {secret}", "content-type": "application/x-www-form-urlencoded"},
    )
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


def test_a_client_revokes_its_token_and_everything_agrees_at_once(issuing: Issuing) -> None:
    secret, stranger = issuing.agent("support-bot", "orders:refund", "orders:get"), issuing.agent("other", "orders:get")
    key = new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    child = issuing.get(exchange(token, scope="orders:get"), key=key)
    kept = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    assert post(issuing, "revoke", stranger, token=token).status_code == 200
    assert asked(issuing, secret, token)["active"] is True
    assert lives(issuing, token, key)
    for _ in range(2):
        answer = post(issuing, "revoke", secret, token=token, token_type_hint="refresh_token")
        assert (answer.status_code, answer.json()) == (200, {})
    for dead in (token, child):
        assert asked(issuing, secret, dead) == {"active": False}
        assert not lives(issuing, dead, key)
        assert bit(issuing, dead) == 1
    assert asked(issuing, secret, kept)["active"] is True
    assert bit(issuing, kept) == 0
    assert post(issuing, "revoke", secret, token="nothing at all").status_code == 200
    events = [entry["event"] for entry in issuing.gatepass.admin.journal(credential=said_by(token).credential.id)[0]]
    assert "credential.revoked" in events


def test_a_person_revokes_an_issued_token_by_its_id(issuing: Issuing) -> None:
    secret = issuing.agent("support-bot", "orders:get")
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"))
    id_ = said_by(token).credential.id
    answer: Any = issuing.gatepass.admin.act("tokens", id_, "revoke", {"reason": "seen in a log"})
    assert [each["id"] for each in answer["revoked"]] == [id_]
    assert asked(issuing, secret, token) == {"active": False}


def test_an_agent_opens_a_run_and_ending_it_takes_what_was_issued_in_it(issuing: Issuing) -> None:
    secret, stranger = issuing.agent("support-bot", "orders:refund", "orders:get"), issuing.agent("other", "orders:get")
    opened = post(issuing, "runs", secret, label="ticket 7", purpose="refunds", expires_in="120", budget="50USD")
    assert opened.status_code == 201, opened.text
    run = opened.json()
    assert (run["expires_in"], run["active"], run["label"]) == (120, True, "ticket 7")
    key = new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get", run_id=run["run_id"]), key=key)
    said = said_by(token)
    assert (said.credential.run, said.credential.purpose) == (run["run_id"], "refunds")
    assert said.credential.expires - said.credential.issued <= 120_000
    assert asked(issuing, secret, token)["run_id"] == run["run_id"]
    theirs = issuing.ask(own(stranger, resource=PLACE, scope="orders:get", run_id=run["run_id"]))
    assert theirs.status_code == 400
    assert post(issuing, "runs/end", stranger, run_id=run["run_id"]).status_code == 400
    assert asked(issuing, secret, token)["active"] is True
    ended = post(issuing, "runs/end", secret, run_id=run["run_id"])
    assert (ended.status_code, ended.json()["active"]) == (200, False)
    assert asked(issuing, secret, token) == {"active": False}
    assert not lives(issuing, token, key)
    assert bit(issuing, token) == 1
    late = issuing.ask(own(secret, resource=PLACE, scope="orders:get", run_id=run["run_id"]), key=key)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
    story = told(issuing, run["run_id"])
    events = [each["event"] for each in story["changes"] if each["event"] != "token.issued"]
    assert events[:3] == ["run.opened", "credential.issued", "run.ended"]


@pytest.mark.parametrize(
    "form", [{"expires_in": "0"}, {"calls": "many"}, {"budget": "lots"}, {"expires_in": "99999999"}]
)
def test_what_is_no_run_opens_none(issuing: Issuing, form: dict[str, str]) -> None:
    secret = issuing.agent("support-bot", "orders:get")
    assert post(issuing, "runs", secret, **form).status_code in {400, 403}
    assert issuing.gatepass.admin.listed("runs") == ()


def status_list(issuing: Issuing, uri: str) -> dict[str, Any]:
    answer = issuing.client().get(uri.removeprefix(ISSUER))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/statuslist+jwt")
    assert answer.headers["access-control-allow-origin"] == "*"
    jws = FixedJws(answer.text, 1 << 20)
    keys = issuing.client().get("/.well-known/jwks.json").json()["keys"]
    by_header = {
        header_segment("statuslist+jwt", id_): key
        for id_, key in KeySet.parse(json.dumps({"keys": keys})).named.items()
    }
    payload = jws.verified_by(by_header[jws.header])
    assert payload is not None
    return dict(json.loads(payload))


def bit(issuing: Issuing, token: str) -> int:
    """The status of a token, as somebody reads it who has nothing of ours."""
    place = json.loads(decode(token.split(".")[1]))["status"]["status_list"]
    found = status_list(issuing, place["uri"])
    assert found["sub"] == place["uri"]
    unpacked = zlib.decompress(base64.urlsafe_b64decode(found["status_list"]["lst"] + "=="))
    return int(unpacked[place["idx"] // 8] >> place["idx"] % 8 & 1)


def test_lists_are_found_by_whoever_knows_the_issuer(issuing: Issuing) -> None:
    secret = issuing.agent("support-bot", "orders:get")
    issuing.get(own(secret, resource=PLACE, scope="orders:get"))
    client = issuing.client()
    metadata = client.get("/.well-known/oauth-authorization-server").json()
    assert metadata["introspection_endpoint"] == f"{ISSUER}/oauth2/introspect"
    assert metadata["revocation_endpoint"] == f"{ISSUER}/oauth2/revoke"
    (uri,) = client.get(metadata["status_list_aggregation_endpoint"].removeprefix(ISSUER)).json()["status_lists"]
    found = status_list(issuing, uri)
    assert (found["ttl"], found["exp"] - found["iat"]) == (60, 120)
    for path in ("/oauth2/status/2", "/oauth2/status/01", "/oauth2/status/x", "/oauth2/status/1?time=1700000000"):
        assert client.get(path).status_code == 404, path


def test_a_tokens_story_tells_what_was_exchanged_from_it(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:get"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    child = issuing.get(exchange(token, scope="orders:get"), key=key)
    root = issuing.gatepass.admin.one("tokens", "support-bot-token")["id"]
    story = told(issuing, str(root))
    ids = [said_by(each).credential.id for each in (token, child)]
    assert story["credentials"] == (root, *ids)
    assert [each["event"] for each in story["changes"]].count("credential.issued") == 2
