"""The management API under attack: other hosts, other kinds of bodies, other people's things, and all of it at once."""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.administration.world import START
from tests.web.deployment import ROLE, UPSTREAM, Deployment
from tests.web.served import ask

from gatepass.credentials import TokenKind
from gatepass.web.management.answers import Shows
from gatepass.web.management.calls import Answer, Call, Operation, Resource
from gatepass.web.management.forms import SecretValue
from gatepass.web.management.repeats import Repeats
from gatepass.web.management.router import OPERATIONS

HEAD = b"POST /api/v1/agents HTTP/1.1\r\nHost: localhost\r\n"


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def path_of(path: str, ref: str = "x") -> str:
    return path.replace("{ref}", ref)


# -- who asks


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_no_operation_but_two_lets_a_stranger_in(shared: Deployment, operation: Any) -> None:
    body: dict[str, str] = {}
    for token in (None, "nonsense", "gp_ses_" + "0" * 46):
        answer = shared.ask(operation.method, path_of(operation.path), body, token=token)
        if operation.stranger:
            assert answer.status_code == 400
        else:
            assert answer.status_code == 401
            assert "www-authenticate" in answer.headers


def test_a_machine_token_manages_nothing(shared: Deployment) -> None:
    token = shared.issue("machine")["token"]
    for operation in OPERATIONS:
        if not operation.stranger:
            answer = shared.ask(operation.method, path_of(operation.path), {}, token=token)
            assert code(answer) == (401, "person_required"), operation.path


@pytest.mark.parametrize("role", [None, "auditor", "operator"])
def test_each_role_is_held_to_its_table_over_http(deployment: Deployment, role: str | None) -> None:
    deployment.furnish()
    deployment.issue("hers")
    held = deployment.join("eve", role)
    admin_only: list[tuple[str, str, Any]] = [
        ("POST", "/people", {"name": "mallory", "operator": "admin"}),
        ("POST", "/people/ada/code", None),
        ("POST", "/people/ada/disable", None),
        ("PUT", "/roles/support", ROLE),
        ("DELETE", "/roles/support", None),
        ("POST", "/upstreams", {**UPSTREAM, "name": "evil"}),
        ("DELETE", "/upstreams/orders", None),
        ("POST", "/secrets", {"name": "key", "upstream": "orders", "value": "x" * 12}),
        ("POST", "/secrets/rewrap", None),
    ]
    operators: list[tuple[str, str, Any]] = [
        ("POST", "/agents", {"name": "mine", "role": "support"}),
        ("PATCH", "/agents/support-bot", {"owner": "eve"}),
        ("POST", "/tokens", {"name": "t", "agent": "support-bot", "scopes": ["orders:list"]}),
        ("PATCH", "/tokens/hers", {"limits": {"writes_per_minute": 1}}),
        ("POST", "/tokens/hers/rotate", None),
        ("POST", "/upstreams/orders/disable", None),
        ("POST", "/tokens/hers/revoke", None),
        ("POST", "/revocations", {"scope": "agent", "id": "support-bot"}),
        ("POST", "/revocations", {"scope": "person", "id": "ada"}),
    ]
    readers = ["/people", "/roles", "/upstreams", "/secrets", "/journal", "/scopes", "/journal/head"]
    for method, path, body in admin_only:
        assert code(deployment.ask(method, path, body, token=held)) == (403, "operator_forbidden"), path
    for path in readers:
        expected = 403 if role is None else 200
        assert deployment.ask("GET", path, token=held).status_code == expected, path
    for method, path, body in operators:
        answer = deployment.ask(method, path, body, token=held)
        assert (answer.status_code == 403) == (role != "operator"), (path, answer.text)


def test_a_person_who_was_disabled_is_out_in_the_middle(deployment: Deployment) -> None:
    deployment.furnish()
    held = deployment.join("eve", "admin")
    pat = deployment.ask("POST", "/tokens", {"name": "eves"}, token=held).json()["token"]
    deployment.ask("POST", "/people/eve/disable")
    for token in (held, pat):
        assert code(deployment.ask("GET", "/people", token=token)) == (401, "credential_invalid")
    assert deployment.ask("POST", "/session", {"code": deployment.code("eve")}, token=None).status_code == 401


@pytest.mark.parametrize(
    "lines",
    [
        "Authorization: Basic YWRhOng=",
        "Authorization: Bearer",
        "Authorization: Bearer {token}, Bearer {token}",
        "Authorization: Bearer {token}\r\nAuthorization: Bearer {token}",
        "Authorization: Bearer {token} x",
        "Authorization: {token}",
        "Cookie: session={token}",
        "X-Authorization: Bearer {token}",
        "Proxy-Authorization: Bearer {token}",
    ],
)
def test_a_credential_stands_in_one_place(shared: Deployment, lines: str) -> None:
    text = f"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n{lines.format(token=shared.token)}\r\n\r\n"
    assert ask(shared.port, text.encode()).status == 401
    assert shared.ask("GET", f"/status?access_token={shared.token}", token=None).status_code == 401
    assert shared.ask("GET", f"/status?access_token={shared.token}").status_code == 400


# -- where from


def test_another_site_cannot_make_a_browser_ask(shared: Deployment) -> None:
    """No cookie is an identity here, a form cannot send JSON, and nobody is told that they may."""
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "https://evil.example"}
    for path in ("/session", "/leaked", "/agents"):
        answer = shared.ask("POST", path, content=b'{"code": "x"}', headers=form)
        assert code(answer) == (415, "unsupported_media")
        assert code(shared.ask("POST", path, content=b"{}", headers={"content-type": "text/plain"})) == (
            415,
            "unsupported_media",
        )
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = shared.ask("OPTIONS", "/agents", headers=asked, token=None)
    assert code(preflight) == (405, "method_not_allowed")
    assert not any(name.startswith("access-control") for name in preflight.headers)
    answer = shared.ask("GET", "/agents", headers={"origin": "https://evil.example"})
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert "set-cookie" not in answer.headers


def test_other_hosts_are_refused_before_anything_else(shared: Deployment) -> None:
    for host in ("evil.example", "127.0.0.1", "localhost.evil.example"):
        answer = shared.ask("GET", "/status", headers={"host": host})
        assert code(answer) == (421, "misdirected")


def test_answers_are_kept_by_nobody(shared: Deployment) -> None:
    for answer in (shared.ask("GET", "/tokens"), shared.ask("GET", "/nothing"), shared.ask("GET", "/journal/export")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


# -- which path


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/agents/..",
        "/api/v1/agents/support-bot/../../status",
        "/api/v1/agents/%2e%2e/status",
        "/api/v1/agents/support-bot%2Fdisable",
        "/api/v1/agents//disable",
        "/api/v1//agents",
        "/api/v1/agents/",
        "/api/v1/AGENTS",
        "/api/v1/agents/support-bot/disable/x",
        "/api/v1/agents/support-bot;x=1",
        "/api/v1/secrets/rewrap/x",
        "/api/v2/agents",
    ],
)
def test_paths_are_taken_as_they_are(shared: Deployment, target: str) -> None:
    text = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared.token}\r\n\r\n"
    answer = ask(shared.port, text.encode())
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not_found")
    assert shared.ask("GET", "/agents/support-bot").json()["disabled_at"] is None


def test_methods_are_taken_as_they_are(shared: Deployment) -> None:
    for method in ("PUT", "HEAD", "TRACE", "PROPFIND"):
        answer = shared.ask(method, "/agents", headers={"x-http-method-override": "GET"})
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST"
    for header in ("x-http-method-override", "x-http-method", "x-method-override"):
        assert shared.ask("GET", "/agents/support-bot", headers={header: "DELETE"}).status_code == 200


def test_fixed_paths_are_nobodys_name(shared: Deployment) -> None:
    """`rewrap` is an operation, whatever somebody calls a secret."""
    assert shared.ask("POST", "/secrets/rewrap").status_code == 200
    assert shared.ask("PUT", "/secrets/rewrap", {"value": "x" * 12}).status_code in {404, 405}


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "limit", "limi=1", "limit=1&x=1", "limit=%ff", "limit=1;x=2", "=", "&" * 50]
)
def test_parameters_are_known_and_named_once(shared: Deployment, query: str) -> None:
    assert code(shared.ask("GET", f"/agents?{query}")) == (400, "malformed_request")
    assert code(shared.ask("GET", f"/status?{query}")) == (400, "malformed_request")


# -- what it says


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "malformed_request"),
        (b"null", "malformed_request"),
        (b"[]", "malformed_request"),
        (b'"x"', "malformed_request"),
        (b"{", "malformed_json"),
        (b'{"name": "a", "role": "support"} x', "malformed_json"),
        (b'\xef\xbb\xbf{"name": "a", "role": "support"}', "malformed_json"),
        (b'{"name": "a", "role": "support", "role": "admin"}', "malformed_json"),
        (b'{"name": "a", "role": "support", "r\\u006fle": "admin"}', "malformed_json"),
        (b'{"name": "a", "role": "\\ud800"}', "malformed_json"),
        (b'{"name": "a\xff", "role": "support"}', "malformed_json"),
        (b"{" + b'"a":{' * 100 + b"}" * 101, "malformed_json"),
        (b'{"name": NaN, "role": "support"}', "malformed_json"),
        (b'{"name": "a"}', "malformed_request"),
        (b'{"name": 1, "role": "support"}', "malformed_request"),
        (b'{"name": ["a"], "role": "support"}', "malformed_request"),
        (b'{"name": "a", "role": "support", "Role": "admin"}', "malformed_request"),
        (b'{"name": "", "role": "support"}', "malformed_request"),
        (b'{"name": "a b", "role": "support"}', "malformed_request"),
        (b'{"name": "' + b"a" * 65 + b'", "role": "support"}', "malformed_request"),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_read_in_none(shared: Deployment, body: bytes, expected: str) -> None:
    assert code(shared.ask("POST", "/agents", content=body)) == (400, expected)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/agents", {"name": "m", "role": "support", "id": "agt_0"}),
        ("POST", "/agents", {"name": "m", "role": "support", "owner_id": "per_0"}),
        ("POST", "/agents", {"name": "m", "role": "support", "disabled": None}),
        ("PATCH", "/agents/support-bot", {"role": "support", "name": "other"}),
        ("PATCH", "/agents/support-bot", {"role": "support", "created_at": "2020-01-01T00:00:00Z"}),
        ("POST", "/people", {"name": "m", "operator": "admin", "password_hash": "x"}),
        ("POST", "/people", {"name": "m", "operator": "root"}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "owner": "ada"}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "kind": "ses"}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "token": "gp_sk_x"}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "expires_at": None}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "meters": "crd_x"}),
        ("POST", "/tokens", {"name": "m", "agent": "support-bot", "scopes": ["orders:list"], "authenticated": 1}),
        ("POST", "/tokens", {"name": "m", "limits": {"classes": ["admin"]}}),
        ("POST", "/tokens", {"name": "m", "limits": {"classes": []}}),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": None}}),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": {"count": 1}}}),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": {"count": 1.5, "period_seconds": 1}}}),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": {"count": True, "period_seconds": 1}}}),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": {"count": "1", "period_seconds": 1}}}),
        ("POST", "/tokens", {"name": "m", "lifetime_seconds": -1}),
        ("POST", "/tokens", {"name": "m", "lifetime_seconds": 10**30}),
        ("POST", "/tokens", {"name": "m", "lifetime_seconds": 1000.5}),
        ("POST", "/session", {"code": "x", "name": "ada"}),
        ("POST", "/session", {"name": "ada"}),
        ("POST", "/session", {}),
        ("PUT", "/roles/x", {"scopes": ["orders:list"], "name": "y"}),
        ("PUT", "/roles/x", {"scopes": "orders:list"}),
        ("POST", "/secrets", {"name": "k", "upstream": "orders", "value": "x" * 12, "origin": "https://evil.example"}),
        ("PUT", "/upstreams/orders", {**UPSTREAM}),
        ("PUT", "/upstreams/orders", {**UPSTREAM, "secret": "sec_x"}),
    ],
)
def test_nobody_assigns_what_is_not_theirs_to_say(shared: Deployment, method: str, path: str, body: Any) -> None:
    assert code(shared.ask(method, path, body)) == (400, "malformed_request")


def test_an_error_names_the_member_and_never_repeats_it(shared: Deployment) -> None:
    secret = "sk_live_do_not_repeat_me"
    bodies: list[tuple[str, str, Any, str]] = [
        ("POST", "/secrets", {"name": "k", "upstream": "orders", "value": [secret]}, "`value`: expected"),
        (
            "POST",
            "/secrets",
            {"name": "k", "upstream": "orders", secret: 1, "value": "x"},
            "`body`: a member that is not known; there are `value`, `name`, `upstream`",
        ),
        ("POST", "/secrets", {"name": "k", "upstream": "orders", "value": secret + "\n"}, "a secret for a header"),
        ("POST", "/session", {"code": {"x": secret}}, "`code`: expected"),
        ("POST", "/session/password", {"password": [secret]}, "`password`: expected"),
        ("POST", "/leaked", {"token": "gp_sk_" + secret}, "this is not a whole token"),
        ("POST", "/tokens", {"name": "m", "limits": {"calls": {"count": secret}}}, "`limits.calls.count`: expected"),
    ]
    for method, path, body, told in bodies:
        answer = shared.ask(method, path, body)
        assert answer.status_code == 400
        assert secret not in answer.text
        assert told in answer.json()["detail"]
    assert secret not in shared.ask("GET", "/journal/export").text


def test_bodies_have_a_bound_whatever_they_announce(shared: Deployment) -> None:
    large = b'{"name": "' + b"a" * 70_000 + b'", "role": "x"}'
    assert code(shared.ask("POST", "/agents", content=large)) == (413, "too_large")
    assert code(shared.ask("POST", "/leaked", content=b'{"token": "' + b"a" * 21_000 + b'"}', token=None)) == (
        413,
        "too_large",
    )
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [b" " * 8000] * 10) + b"0\r\n\r\n"
    head = HEAD + f"Authorization: Bearer {shared.token}\r\n".encode() + b"Content-Type: application/json\r\n"
    assert ask(shared.port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked).status == 413
    for path, method in (("/status", "GET"), ("/agents/support-bot/enable", "POST")):
        assert code(shared.ask(method, path, content=b"{}")) == (400, "malformed_request")
    encoded = {"content-encoding": "gzip"}
    assert code(shared.ask("POST", "/agents", content=b"{}", headers=encoded)) == (415, "unsupported_media")


def test_a_strangers_body_is_not_waited_for(shared: Deployment) -> None:
    """The refusal comes though the body never does."""
    answer = ask(shared.port, HEAD + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    assert answer.status == 401


# -- whose


def test_an_id_of_one_kind_opens_nothing_of_another(shared: Deployment) -> None:
    status = shared.ask("GET", "/status").json()
    ids = {
        "per": status["person"]["id"],
        "agt": shared.ask("GET", "/agents/support-bot").json()["id"],
        "ups": shared.ask("GET", "/upstreams/orders").json()["id"],
        "crd": status["credential"]["id"],
    }
    for prefix, path in (("agt", "/agents"), ("ups", "/upstreams")):
        for kind, id_ in ids.items():
            assert shared.ask("GET", f"{path}/{id_}").status_code == (200 if kind == prefix else 404)
    for kind, id_ in ids.items():
        expected = 200 if kind == "crd" else 404
        assert shared.ask("GET", f"/tokens/{id_}").status_code == expected
    # the case of an id is part of it, and so is every letter
    assert shared.ask("GET", f"/agents/{ids['agt'].swapcase()}").status_code == 404


def test_no_answer_holds_a_hash_or_a_sealed_value(shared: Deployment) -> None:
    shared.ask("POST", "/secrets", {"name": "kept", "upstream": "orders", "value": "sk_live_0123456789"})
    token = shared.issue("hashed")
    record = shared.administration.desk.register.token(token["id"])
    sealed = shared.administration.desk.register.secret("kept")
    texts = [
        shared.ask("GET", path).text
        for path in (
            "/tokens",
            "/people",
            "/secrets",
            "/upstreams",
            "/status",
            "/journal",
            f"/tokens/{record.id}/blast-radius",
            "/journal/export",
        )
    ]
    for hidden in (record.hash.hex(), sealed.wrapped.hex(), sealed.ciphertext.hex(), token["token"], "password_hash"):
        assert not any(hidden in text for text in texts)


# -- at once


def at_once(count: int, do: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(count)

    def wait_and_do(number: int) -> Any:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_do, range(count)))


def test_one_code_opens_one_session_however_many_present_it(deployment: Deployment) -> None:
    text = deployment.code()
    answers = at_once(8, lambda _: deployment.ask("POST", "/session", {"code": text}, token=None).status_code)
    assert sorted(answers) == [201] + [401] * 7


def test_one_token_is_rotated_once_however_many_ask(deployment: Deployment) -> None:
    deployment.furnish()
    id_ = deployment.issue()["id"]
    answers = at_once(8, lambda _: deployment.ask("POST", f"/tokens/{id_}/rotate").status_code)
    assert sorted(answers) == [201] + [409] * 7


def test_one_name_is_given_once_however_many_ask(deployment: Deployment) -> None:
    deployment.furnish()
    form = {"name": "same", "agent": "support-bot", "scopes": ["orders:list"]}
    assert sorted(at_once(8, lambda _: deployment.ask("POST", "/tokens", form).status_code)) == [201] + [409] * 7
    agent = {"name": "same", "role": "support"}
    assert sorted(at_once(8, lambda _: deployment.ask("POST", "/agents", agent).status_code)) == [201] + [409] * 7


def test_whatever_meets_a_revocation_is_dead_when_it_is_answered(deployment: Deployment) -> None:
    deployment.furnish()
    id_ = deployment.issue()["id"]

    def one_of_many(number: int) -> int:
        if number == 3:
            return deployment.ask("POST", "/revocations", {"scope": "agent", "id": "support-bot"}).status_code
        if number % 2:
            form = {"name": f"t{number}", "agent": "support-bot", "scopes": ["orders:list"]}
            return deployment.ask("POST", "/tokens", form).status_code
        return deployment.ask("POST", f"/tokens/{id_}/rotate", {"overlap_seconds": 60}).status_code

    at_once(8, one_of_many)
    answer = deployment.ask("POST", "/revocations", {"scope": "agent", "id": "support-bot"})
    assert answer.status_code == 200
    register = deployment.administration.desk.register
    assert not [token.id for token in register.live_tokens(deployment.now[0]) if token.kind is TokenKind.MACHINE]
    assert deployment.ask("GET", "/journal/verify").json()["intact"] is True


def test_a_request_with_a_secret_in_it_does_not_print_it(shared: Deployment) -> None:
    secret = "sk_live_do_not_print_me"
    printed: list[str] = []

    async def look(call: Call) -> Answer:
        printed.append(repr(call))
        raise RuntimeError(repr(call))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"value": secret}).encode(), "more_body": False}

    async def send(_: object) -> None:
        raise AssertionError("nothing is sent")

    operation = Operation(method="PUT", path="/x", handle=look, body=SecretValue, stranger=True)
    resource = Resource(shared.administration, {"PUT": operation}, Shows(shared.administration), Repeats(lambda: START))
    scope = {
        "method": "PUT",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "path_params": {},
    }
    with pytest.raises(RuntimeError):
        asyncio.run(resource(scope, receive, send))
    assert printed
    assert secret not in printed[0]
