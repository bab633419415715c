"""Which path belongs to whom, tried over real sockets with nothing tidied up on the way."""

import json
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send
from tests.web.served import AGENTS, PEOPLE, Echo, ask, get, running

from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts


async def management(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"management"})


APP = App(
    surfaces=Surfaces(rest=Echo("rest"), mcp=Echo("mcp"), header_only=Echo("header-only")),
    management=management,
    hosts=Hosts(agents=frozenset({AGENTS, "[::1]"}), people=frozenset({PEOPLE})),
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(APP) as port:
        yield port


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/u/orders/v1/x?a=b", b"rest|orders|/v1/x|a=b|127.0.0.1|"),
        ("/u/orders/", b"rest|orders|/||127.0.0.1|"),
        ("/u/orders", b"rest|orders|||127.0.0.1|"),
        # what belongs to the upstream is not touched: its own mapping judges it
        ("/u/orders/a%2Fb//c/../d?x=%00&x", b"rest|orders|/a%2Fb//c/../d|x=%00&x|127.0.0.1|"),
        ("/mcp/git", b"mcp|git|||127.0.0.1|"),
        ("/k/git/mcp", b"header-only|git|||127.0.0.1|"),
    ],
)
def test_a_surface_gets_the_bytes_as_they_came(port: int, target: str, expected: bytes) -> None:
    answer = get(port, target)
    assert (answer.status, answer.body) == (200, expected)


@pytest.mark.parametrize(
    "target",
    [
        "/u/orders%2Fadmin/x",
        "/u/orders%2fadmin",
        "/%75/orders/x",
        "//u/orders/x",
        "/./u/orders/x",
        "/x/../u/orders/x",
        "/u//orders/x",
        "/u/../api/v1/status",
        "/u/ORDERS/x",
        "/u/.orders/x",
        "/u/orders./x",
        "/u/",
        "/u",
        "/mcp",
        "/mcp/",
        "/mcp/git/",
        "/mcp/git/x",
        "/mcp/git%00",
        "/k/git",
        "/k/git/mcp/",
        "/api/v1",
        "/api/v1/",
        "/api/v1//status",
        "/api/v1/../v1/status",
        "/api/v1/./status",
        "/api/v1/agents/a%2Fdisable",
        "/api/v1/agents/%61",
        "/api/v1/status/",
        "/API/v1/status",
        "/api%2Fv1/status",
        "/healthz/",
        "/healthz/../api/v1/status",
        "/",
    ],
)
@pytest.mark.parametrize("host", [AGENTS, PEOPLE])
def test_what_is_nobodys_path_goes_nowhere(port: int, target: str, host: str) -> None:
    answer = get(port, target, host)
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == "not_found"


def test_agents_and_people_are_refused_each_others_paths(port: int) -> None:
    assert get(port, "/api/v1/status", PEOPLE).body == b"management"
    for target, host, other in [
        ("/api/v1/status", AGENTS, "`localhost`"),
        ("/u/orders/x", PEOPLE, "`127.0.0.1`, `[::1]`"),
        ("/mcp/git", PEOPLE, "`127.0.0.1`, `[::1]`"),
        ("/k/git/mcp", PEOPLE, "`127.0.0.1`, `[::1]`"),
    ]:
        answer = get(port, target, host)
        problem = json.loads(answer.body)
        assert (answer.status, problem["code"]) == (421, "misdirected")
        assert problem["detail"].endswith(f"use the host name {other}")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "127.0.0.1:x",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1, evil.example",
        "",
    ],
)
def test_a_name_that_is_not_ours_is_refused_on_every_path(port: int, host: str) -> None:
    for target in ("/u/orders/x", "/mcp/git", "/k/git/mcp", "/api/v1/status"):
        answer = get(port, target, host)
        assert (answer.status, json.loads(answer.body)["code"]) == (421, "misdirected")
        assert b"evil" not in answer.body


def test_two_hosts_or_none_are_refused(port: int) -> None:
    assert get(port, "/u/orders/x", AGENTS, "GET", "Host: 127.0.0.1").status == 421
    assert ask(port, b"GET /u/orders/x HTTP/1.0\r\n\r\n").status == 421


def test_ports_and_case_of_a_host_do_not_matter(port: int) -> None:
    assert get(port, "/u/orders/x", f"127.0.0.1:{port}").status == 200
    assert get(port, "/u/orders/x", "[::1]:8420").status == 200
    assert get(port, "/api/v1/status", "LOCALHOST:1").status == 200


def test_a_name_in_the_target_does_not_replace_the_host(port: int) -> None:
    """An absolute form is for proxies; a fragment is never sent; neither may be read as something else."""
    for target in (b"http://127.0.0.1/u/orders/x", b"/u/orders/x#/../y", b"*", b"u/orders", b"/u/orders/\xff"):
        answer = ask(port, b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer.status == 400


def test_no_forwarding_header_changes_the_source(port: int) -> None:
    answer = get(port, "/u/orders/x", AGENTS, "GET", "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9")
    assert answer.body == b"rest|orders|/x||127.0.0.1|"


def test_the_probes_answer_to_any_name_and_tell_nothing(port: int) -> None:
    for target in ("/healthz", "/readyz"):
        answer = get(port, target, "10.1.2.3:8420")
        assert (answer.status, answer.body) == (200, b"ok\n")
        assert get(port, target, "x", "HEAD").status == 200
        refused = get(port, target, "x", "POST", "Content-Length: 0")
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_answers_name_no_software(port: int) -> None:
    for target in ("/healthz", "/u/orders/x", "/nowhere"):
        assert "server" not in get(port, target).headers


def test_a_process_that_cannot_serve_says_so() -> None:
    app = App(
        surfaces=APP.surfaces, management=management, hosts=APP.hosts, ready=lambda: "the journal cannot be written"
    )
    with running(app) as port:
        assert get(port, "/healthz").status == 200
        answer = get(port, "/readyz")
        assert (answer.status, json.loads(answer.body)["detail"]) == (503, "the journal cannot be written")
        assert answer.headers["retry-after"] == "1"


def test_a_websocket_is_not_spoken(port: int) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAA")
    assert get(port, "/u/orders/x", AGENTS, "GET", *upgrade).status == 200
