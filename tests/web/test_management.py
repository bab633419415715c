"""The management API end to end, over real HTTP and a database on disk."""

import json
from pathlib import Path
from typing import Any

import httpx2
from tests.web.deployment import UPSTREAM, Deployment, deployed

from gatepass.audit import read_checkpoint, read_line
from gatepass.credentials import UnverifiedToken
from gatepass.revocation import Withdrawn

PASSWORD = "correct horse battery"
SECRET = "sk_live_0123456789"


def problem(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert {"type", "title", "status", "detail", "instance", "code", "hint"} <= set(told)
    assert told["type"] == f"urn:gatepass:problem:{told['code']}"
    return answer.status_code, told["code"]


def test_the_whole_story(deployment: Deployment) -> None:
    deployment.furnish()
    stored = deployment.ask("POST", "/secrets", {"name": "orders-key", "upstream": "orders", "value": SECRET})
    assert stored.status_code == 201
    assert (stored.json()["origin"], stored.json()["usable"]) == ("https://orders.example:443", True)

    issued = deployment.issue(
        scopes=["orders:refund:order-12345?amount<=50&currency=USD"],
        lifetime_seconds=3600,
        purpose="ticket 7",
        limits={"calls": {"count": 60, "period_seconds": 60}, "writes_per_minute": 5},
        run="new",
    )
    token, id_ = issued["token"], issued["id"]
    assert UnverifiedToken.parse(token).credential_id == id_
    assert issued["scopes"] == ["orders:refund:order-12345?amount<=50&amount>=0&currency=USD"]
    assert issued["expires_at"] == "2026-11-18T12:06:40.000Z"
    assert (issued["agent"], issued["owner"], issued["role"], issued["alive"]) == (
        "support-bot",
        "ada",
        "support",
        True,
    )
    assert issued["limits"] == {
        "attempts": {"count": 600, "period_seconds": 60},
        "calls": {"count": 60, "period_seconds": 60},
        "writes_per_minute": 5,
        "requests_per_day": None,
        "classes": ["delete", "read", "write"],
    }

    shown = deployment.ask("GET", "/tokens/laptop").json()
    assert shown == {name: value for name, value in issued.items() if name != "token"}
    assert deployment.ask("GET", f"/tokens/{id_}").json() == shown
    assert [item["id"] for item in deployment.ask("GET", "/tokens?agent=support-bot").json()["items"]] == [id_]

    radius = deployment.ask("GET", f"/tokens/{id_}/blast-radius").json()
    assert radius["reach"] == [
        {
            "upstream": "orders",
            "path": "/u/orders/",
            "scope": "orders:refund:order-12345?amount<=50&amount>=0&currency=USD",
            "class": "write",
            "asks_person": False,
        }
    ]
    assert [level["name"] for level in radius["limits"]] == ["attempts", "calls", "writes"]

    tighter = deployment.ask("PATCH", "/tokens/laptop", {"limits": {"writes_per_minute": 1}})
    assert tighter.json()["limits"]["writes_per_minute"] == 1
    deployment.later(1000)
    rotated = deployment.ask("POST", "/tokens/laptop/rotate", {"overlap_seconds": 60})
    assert rotated.status_code == 201
    new = rotated.json()
    assert (new["replaces"], new["expires_at"], new["token"] != token) == (id_, issued["expires_at"], True)
    assert rotated.headers["location"] == f"/api/v1/tokens/{new['id']}"
    assert deployment.ask("POST", f"/tokens/{id_}/rotate").status_code == 409

    revoked = deployment.ask("POST", "/tokens/laptop/revoke", {"reason": "the demo is over"})
    assert {each["id"] for each in revoked.json()["revoked"]} == {id_, new["id"]}
    assert {said.id for said in deployment.announced if isinstance(said, Withdrawn)} == {id_, new["id"]}
    assert deployment.ask("POST", "/tokens/laptop/revoke").json() == {"revoked": []}

    told = deployment.ask("GET", f"/journal/runs/{issued['run']}").json()
    assert [change["event"] for change in told["changes"]] == [
        "run.opened",
        "token.issued",
        "token.changed",
        "token.rotated",
        "token.retired",
        "token.revoked",
        "token.revoked",
    ]
    everything = deployment.ask("GET", "/journal/export").text
    assert SECRET not in everything
    assert token not in everything
    assert new["token"] not in everything


def test_signing_in_and_out(deployment: Deployment) -> None:
    code = deployment.code()
    session = deployment.ask("POST", "/session", {"code": code}, token=None)
    told = session.json()
    assert session.status_code == 201
    assert (told["person"], told["expires_at"], told["fresh_until"]) == (
        "ada",
        "2026-11-18T19:06:40.000Z",
        "2026-11-18T11:21:40.000Z",
    )
    again = deployment.ask("POST", "/session", {"code": code}, token=None)
    assert problem(again) == (401, "sign_in_failed")
    assert again.headers["www-authenticate"] == 'Bearer realm="gatepass"'

    assert deployment.ask("POST", "/session/password", {"password": "short"}, token=told["token"]).status_code == 400
    assert deployment.ask("POST", "/session/password", {"password": PASSWORD}, token=told["token"]).status_code == 204
    # the session that the fixture opened ended with it
    assert problem(deployment.ask("GET", "/status")) == (401, "credential_invalid")
    by_password = deployment.ask("POST", "/session", {"name": "ada", "password": PASSWORD}, token=None)
    assert by_password.status_code == 201
    wrong = deployment.ask("POST", "/session", {"name": "ada", "password": PASSWORD + "!"}, token=None)
    nobody = deployment.ask("POST", "/session", {"name": "eve", "password": PASSWORD}, token=None)
    assert wrong.json() == nobody.json()
    assert wrong.headers.get("www-authenticate") == nobody.headers.get("www-authenticate")

    assert deployment.ask("DELETE", "/session", token=told["token"]).status_code == 204
    over = deployment.ask("GET", "/status", token=told["token"])
    assert problem(over) == (401, "credential_invalid")
    assert 'error="invalid_token"' in over.headers["www-authenticate"]


def test_a_second_person_comes_in_by_a_code(deployment: Deployment) -> None:
    deployment.furnish()
    bob = deployment.join("bob", "operator")
    status = deployment.ask("GET", "/status", token=bob).json()
    assert (status["person"]["name"], status["person"]["operator"]) == ("bob", "operator")
    assert deployment.ask("POST", "/people/bob/code").json()["code"]
    assert deployment.ask("POST", "/people/bob/disable").json()["disabled_at"]
    assert problem(deployment.ask("GET", "/status", token=bob)) == (401, "credential_invalid")


def test_what_a_stale_session_and_a_stored_token_may_do(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.issue()
    pat = deployment.ask("POST", "/tokens", {"name": "mine"}).json()
    assert (pat["kind"], pat["limits"]["classes"]) == ("person", ["delete", "read"])
    deployment.later(16 * 60_000)
    for held in (deployment.token, pat["token"]):
        refused = deployment.ask("POST", "/tokens", {"name": "more"}, token=held)
        assert problem(refused) == (401, "reauthentication_required")
        assert 'error="insufficient_user_authentication", max_age="900"' in refused.headers["www-authenticate"]
        assert deployment.ask("GET", "/agents", token=held).status_code == 200
    assert problem(deployment.ask("POST", "/tokens/laptop/rotate", token=pat["token"])) == (403, "operator_forbidden")
    assert deployment.ask("POST", "/tokens/laptop/revoke", token=pat["token"]).status_code == 200


def test_revocations_by_scope(deployment: Deployment) -> None:
    deployment.furnish()
    one, two = deployment.issue("one"), deployment.issue("two")
    answer = deployment.ask("POST", "/revocations", {"scope": "agent", "id": "support-bot", "reason": "odd"})
    assert {each["id"] for each in answer.json()["revoked"]} == {one["id"], two["id"]}
    assert problem(deployment.ask("POST", "/revocations", {"scope": "agent"})) == (400, "malformed_request")
    assert problem(deployment.ask("POST", "/revocations", {"scope": "everything", "id": "x"})) == (
        400,
        "malformed_request",
    )
    three = deployment.issue("three")
    answer = deployment.ask("POST", "/revocations", {"scope": "everything"})
    assert [each["id"] for each in answer.json()["revoked"]] == [three["id"]]
    assert deployment.ask("GET", "/tokens/three").json()["revoked_because"] == "everything was revoked"


def test_leaked_tokens_need_no_sign_in(deployment: Deployment) -> None:
    deployment.furnish()
    issued = deployment.issue()
    answers = [
        deployment.ask("POST", "/leaked", {"token": text}, token=None)
        for text in (issued["token"], issued["token"], deployment.token)
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"received":true}')}
    assert problem(deployment.ask("POST", "/leaked", {"token": issued["token"][:-1]}, token=None)) == (
        400,
        "malformed_token",
    )
    other = deployment.sign_in()
    assert deployment.ask("GET", "/tokens/laptop", token=other).json()["revoked_because"] == "it was reported leaked"


def test_upstreams_and_secrets(deployment: Deployment) -> None:
    deployment.furnish()
    listed = deployment.ask("GET", "/upstreams").json()["items"]
    assert "operations" not in listed[0]
    assert (listed[0]["secret"], listed[0]["secret_missing"]) == (None, True)
    assert deployment.ask("GET", "/upstreams/orders").json()["operations"] == UPSTREAM["operations"]
    assert deployment.ask("POST", "/secrets", {"name": "key", "upstream": "orders", "value": SECRET}).status_code == 201
    assert deployment.ask("GET", "/upstreams/orders").json()["secret"] == "key"
    body = {name: value for name, value in UPSTREAM.items() if name != "name"}
    assert (listed[0]["allow_private"], listed[0]["managed_by"]) == (False, None)
    assert deployment.ask("PUT", "/upstreams/orders", {**body, "allow_private": True}).json()["allow_private"] is True
    assert deployment.ask("GET", "/upstreams/orders").json()["allow_private"] is True
    assert deployment.ask("PUT", "/upstreams/orders", body).json()["allow_private"] is False
    moved = deployment.ask("PUT", "/upstreams/orders", {**body, "target": "https://evil.example/"})
    assert problem(moved) == (409, "conflict")
    assert deployment.ask("PUT", "/secrets/key", {"value": SECRET + "9"}).json()["version"] == 2
    assert deployment.ask("POST", "/secrets/rewrap", {"new_key": True}).json() == {"rewrapped": 1}
    assert deployment.ask("POST", "/secrets/rewrap").json() == {"rewrapped": 0}
    for answer in (deployment.ask("GET", "/secrets"), deployment.ask("GET", "/journal")):
        assert SECRET not in answer.text
    assert deployment.ask("DELETE", "/secrets/key").status_code == 204
    assert deployment.ask("POST", "/upstreams/orders/disable").json()["disabled_at"]
    assert deployment.ask("POST", "/upstreams/orders/enable").json()["disabled_at"] is None
    assert deployment.ask("DELETE", "/upstreams/orders").status_code == 204
    assert problem(deployment.ask("GET", "/upstreams/orders")) == (404, "not_found")
    role = deployment.ask("GET", "/roles").json()["items"][0]
    assert role["faults"][0] == "`orders:list`: the scope `orders:list` is not in the catalogue"


def test_roles_and_agents(deployment: Deployment) -> None:
    deployment.furnish()
    agent = deployment.ask("GET", "/agents/support-bot").json()
    quotas = {"writes_per_minute": None, "requests_per_day": None, "classes": None}
    assert (agent["limits"], agent["managed_by"]) == ({"attempts": None, "calls": None, **quotas}, None)
    put = deployment.ask("PUT", "/roles/reader", {"scopes": ["orders:read"], "max_lifetime_seconds": 60})
    assert (put.json()["max_lifetime_seconds"], put.json()["faults"]) == (60, [])
    unknown = deployment.ask("PUT", "/roles/reader", {"scopes": ["orders:lst"]})
    assert problem(unknown) == (400, "unknown_scope")
    assert "`orders:list`" in unknown.json()["detail"]
    moved = deployment.ask("PATCH", "/agents/support-bot", {"role": "reader"})
    assert (moved.json()["role"], moved.json()["owner"]) == ("reader", "ada")
    assert problem(deployment.ask("PATCH", "/agents/support-bot", {})) == (400, "malformed_request")
    assert problem(deployment.ask("DELETE", "/roles/reader")) == (409, "conflict")
    assert deployment.ask("DELETE", "/roles/support").status_code == 204
    assert deployment.ask("POST", "/agents/support-bot/disable").json()["disabled_at"]
    assert deployment.ask("POST", "/agents/support-bot/enable").json()["disabled_at"] is None
    assert deployment.ask("GET", f"/agents/{moved.json()['id']}").json()["name"] == "support-bot"


def test_refusals_at_issuance_say_what_to_ask_for(deployment: Deployment) -> None:
    deployment.furnish()
    form = {"name": "x", "agent": "support-bot"}
    far = deployment.ask("POST", "/tokens", {**form, "scopes": ["orders:refund:order-9?amount<=1&currency=USD"]})
    assert problem(far) == (403, "role_forbids")
    assert far.json()["too_far"] == "orders:refund:order-9?amount<=1&amount>=0&currency=USD"
    near = deployment.ask("POST", "/tokens", {**form, "scopes": ["orders:lsit"]})
    assert problem(near) == (400, "unknown_scope")
    long = deployment.ask("POST", "/tokens", {**form, "scopes": ["orders:list"], "lifetime_seconds": 10**7})
    assert problem(long) == (403, "too_long")
    assert problem(deployment.ask("POST", "/tokens", {**form, "scopes": []})) == (400, "malformed_request")


def test_the_journal(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.issue()
    page = deployment.ask("GET", "/journal?limit=2").json()
    assert [item["event"] for item in page["items"]] == ["token.issued", "agent.created"]
    assert page["items"][0]["at"] == "2026-11-18T11:06:40.000Z"
    following = deployment.ask("GET", f"/journal?limit=2&cursor={page['next']}").json()
    assert [item["event"] for item in following["items"]] == ["role.created", "upstream.created"]
    by_agent = deployment.ask("GET", "/journal?agent=support-bot").json()["items"]
    assert {item["event"] for item in by_agent} == {"token.issued", "agent.created"}
    assert deployment.ask("GET", "/journal?event=token.issued&until=2026-11-18T11:06:40Z").json()["items"] == []
    assert len(deployment.ask("GET", "/journal?since=2026-11-18T12:06:40%2B01:00").json()["items"]) > 3

    lines = deployment.ask("GET", "/journal/export")
    assert lines.headers["content-type"] == "application/x-ndjson"
    rows = [read_line(line) for line in lines.content.splitlines(keepends=True)]
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    report = deployment.ask("GET", "/journal/verify").json()
    assert (report["intact"], report["entries"], report["faults"]) == (True, len(rows), [])
    head = deployment.ask("GET", "/journal/head").json()
    assert read_checkpoint(head["text"]).heads[0].hash == rows[-1].hash
    assert report["head"] == {name: head[name] for name in ("writer", "seq", "hash")}


def test_explaining_keeps_every_digit(deployment: Deployment) -> None:
    deployment.furnish()
    id_ = deployment.issue()["id"]
    asked = b'{"attempt": {"method": "POST", "body": {"amount": 49.50, "n": 12345678901234567890.10}}}'
    answer = deployment.ask("POST", "/tokens/laptop/explain", content=asked)
    assert answer.status_code == 200
    assert b'"amount":49.50' in answer.content
    assert b'"n":12345678901234567890.10' in answer.content
    assert json.loads(answer.content)["explanation"]["token"] == id_


def test_the_catalogue_and_the_status(deployment: Deployment) -> None:
    deployment.furnish()
    (orders,) = deployment.ask("GET", "/scopes").json()["items"]
    refund = next(action for action in orders["actions"] if action["name"] == "refund")
    assert refund == {
        "name": "refund",
        "class": "write",
        "scope": "orders:refund",
        "properties": [
            {"name": "amount", "type": "number", "free": False, "non_negative": True},
            {"name": "currency", "type": "string", "free": False, "non_negative": False},
        ],
    }
    status: dict[str, Any] = deployment.ask("GET", "/status").json()
    assert status["custody"] == {"protected": False, "says": "the same user"}
    assert status["listening"] == ["http://127.0.0.1:8420"]
    assert status["counts"] == {
        "people": 1,
        "agents": 1,
        "roles": 1,
        "upstreams": 1,
        "secrets": 0,
        "live_tokens": 0,
    }
    assert status["credential"]["fresh_until"] == "2026-11-18T11:21:40.000Z"


def test_lists_come_in_parts(deployment: Deployment) -> None:
    deployment.furnish()
    names = [f"bot-{number}" for number in range(7)]
    for name in names:
        assert deployment.ask("POST", "/agents", {"name": name, "role": "support"}).status_code == 201
    found: list[str] = []
    cursor = ""
    while True:
        part = deployment.ask("GET", f"/agents?limit=3{cursor}").json()
        assert len(part["items"]) <= 3
        found += [item["name"] for item in part["items"]]
        if part["next"] is None:
            break
        cursor = f"&cursor={part['next']}"
    assert sorted(found) == sorted([*names, "support-bot"])
    for limit in ("0", "501", "-1", "x", "1.5", "\u0663"):
        answer = deployment.ask("GET", f"/agents?limit={limit}")
        assert problem(answer) == (400, "malformed_request"), limit


def test_a_restart_remembers_what_was_answered(tmp_path: Path) -> None:
    with deployed(tmp_path / "data") as before:
        before.furnish()
        alive, dead = before.issue("alive"), before.issue("dead")
        before.ask("POST", "/tokens/dead/revoke")
        session = before.token
    with deployed(tmp_path / "data") as after:
        states = {item["id"]: item["alive"] for item in after.ask("GET", "/tokens", token=session).json()["items"]}
        assert states == {alive["id"]: True, dead["id"]: False}
        assert [said.id for said in after.announced if isinstance(said, Withdrawn)] == [dead["id"]]
        assert after.ask("GET", "/journal/verify", token=session).json()["intact"] is True
