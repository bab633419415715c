"""A token goes to the server that was named and nowhere else; what comes back is bounded and becomes our errors."""

import json
import re
import socket
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.doubles import Answer, Asked, Double, serving

from gatepass.client import Management
from gatepass.client.problems import error_from
from gatepass.client.transport import Transport, segment
from gatepass.errors import (
    Conflict,
    Denied,
    Error,
    LimitExceeded,
    Malformed,
    NotFound,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
)

TOKEN = "gp_ses_abcdefghij" + "s" * 30 + "123456"
PROBLEM = {"Content-Type": "application/problem+json"}


def problem(status: int, **members: Any) -> Answer:
    return Answer(status, json.dumps(members).encode(), dict(PROBLEM))


def test_it_asks_with_the_token_and_reads_numbers_exactly() -> None:
    with serving(lambda _: Answer(body=b'{"amount": 49.50}')) as server, Transport(server.url, TOKEN) as transport:
        answer = transport.ask("POST", "/api/v1/x", query={"a": "b&c"}, body={"n": Decimal("0.10")})
    (asked,) = server.asked
    assert answer == {"amount": Decimal("49.50")}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.path == "/api/v1/x?a=b%26c"
    assert asked.body == b'{"n":0.1}'


def test_an_empty_answer_is_nothing() -> None:
    with serving(lambda _: Answer(204, b"")) as server, Transport(server.url) as transport:
        assert transport.ask("DELETE", "/api/v1/session") is None
    assert "authorization" not in server.asked[0].headers


def test_a_redirect_is_not_followed_and_the_token_stays_here() -> None:
    with serving(lambda _: Answer()) as other:
        away = Answer(307, b"", {"Location": f"{other.url}/api/v1/x"})
        with (
            serving(lambda _: away) as server,
            Transport(server.url, TOKEN) as transport,
            pytest.raises(UpstreamFailed) as caught,
        ):
            transport.ask("GET", "/api/v1/x")
        assert caught.value.code == "server_garbled"
        assert other.asked == []


def test_a_proxy_in_the_environment_never_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer()) as proxy, serving(lambda _: Answer()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with Transport(server.url, TOKEN) as transport:
            transport.ask("GET", "/api/v1/status")
        assert proxy.asked == []
        assert len(server.asked) == 1


def test_whoever_listens_on_another_localhost_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` may resolve to an address (::1 as a rule) on which a port taken on 127.0.0.1 is free."""
    look_up = socket.getaddrinfo

    def elsewhere(host: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.2" if host in {"localhost", b"localhost"} else host, *rest, **more)

    with serving(lambda _: Answer()) as server:
        port = int(server.url.rpartition(":")[2])
        with serving(lambda _: Answer(), host="127.0.0.2", port=port) as impostor:
            monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
            with Transport(f"http://localhost:{port}", TOKEN) as transport:
                transport.ask("GET", "/api/v1/status")
        assert impostor.asked == []
    assert server.asked[0].headers["host"] == f"localhost:{port}"


@pytest.mark.parametrize(
    "url",
    [
        *("", "8420", "localhost:8420", "ftp://127.0.0.1", "http://", "http://user@127.0.0.1", "http://u:p@127.0.0.1"),
        *("http://127.0.0.1/?a", "http://127.0.0.1/#a", "http://127.0.0.1:99999", "http://127.0.0.1 ", "http://[::1"),
        *("http://127.0.0.1\n", "http://ex\u0430mple.com", "file:///etc/passwd"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="GATEPASS_URL is not the address of a server"):
        Transport(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://gatepass:8420",
        "http://10.0.0.1",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://0.0.0.0",
    ],
)
def test_plain_http_to_another_machine_needs_to_be_said(url: str) -> None:
    with pytest.raises(Malformed, match="is another machine"):
        Transport(url, TOKEN)
    Transport(url, TOKEN, unsafe_http=True).close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8420",
        "http://localhost:1",
        "http://[::1]:8420/",
        "https://gatepass.example.com",
        "http://127.8.8.8",
    ],
)
def test_this_machine_and_tls_are_fine(url: str) -> None:
    Transport(url, TOKEN).close()


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nx: y", "tök", "a\x00"])
def test_a_token_that_would_break_the_header_is_refused(token: str) -> None:
    with pytest.raises(Malformed) as caught:
        Transport("http://127.0.0.1:1", token)
    assert caught.value.code == "malformed_token"
    assert token.strip() == "" or token not in str(caught.value)


def test_nobody_listening_says_how_to_start_one() -> None:
    with serving(lambda _: Answer()) as gone:
        url = gone.url
    with Transport(url) as transport, pytest.raises(Unavailable) as caught:
        transport.ask("GET", "/api/v1/status")
    assert caught.value.code == "server_unreachable"
    assert "gatepass up" in caught.value.hint


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    stall = threading.Event()
    with serving(lambda _: Answer(stall=stall)) as server, Transport(server.url, timeout=0.2) as transport:
        with pytest.raises(Unavailable) as caught:
            transport.ask("POST", "/api/v1/tokens", body={})
        stall.set()
    assert caught.value.code == "server_timeout"
    assert "outcome is unknown" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>"),
        Answer(body=b'{"a": 1, "a": 2}'),
        Answer(body=b'{"a": NaN}'),
        Answer(body=b"[" * 5_000),
        Answer(headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b\x08"),
        Answer(headers={"Content-Encoding": "gzip"}, body=b"{}"),
        Answer(status=404, body=b"not here", headers={"Content-Type": "text/plain"}),
        Answer(status=404, body=b"not json", headers=PROBLEM),
        Answer(status=418, body=b'{"code": "teapot", "detail": "short"}', headers=PROBLEM),
        Answer(status=403, body=b'{"code": "Not A Code", "detail": "x"}', headers=PROBLEM),
        Answer(status=403, body=b'{"detail": "x"}', headers=PROBLEM),
        Answer(status=403, body=b"[]", headers=PROBLEM),
    ],
)
def test_an_answer_that_is_not_ours_is_said_to_be_garbled(answer: Answer) -> None:
    with (
        serving(lambda _: answer) as server,
        Transport(server.url) as transport,
        pytest.raises(UpstreamFailed) as caught,
    ):
        transport.ask("GET", "/api/v1/status")
    assert caught.value.code == "server_garbled"


def test_an_answer_without_end_is_not_collected_for_ever() -> None:
    endless = Answer(body=b" " * (17 << 20))
    with (
        serving(lambda _: endless) as server,
        Transport(server.url) as transport,
        pytest.raises(UpstreamFailed, match="more than 16777216 bytes"),
    ):
        transport.ask("GET", "/api/v1/status")


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    cut = Answer(body=b'{"items": []}', lies=100)
    with serving(lambda _: cut) as server, Transport(server.url) as transport:
        with pytest.raises(Unavailable, match="broke off"):
            transport.ask("GET", "/api/v1/agents")
        with pytest.raises(Unavailable, match="broke off"), transport.lines("/api/v1/journal/export") as lines:
            list(lines)


@pytest.mark.parametrize(
    ("status", "family"),
    [
        *((400, Malformed), (401, Unauthenticated), (403, Denied), (404, NotFound), (409, Conflict), (413, Malformed)),
        *((421, Malformed), (500, Unavailable), (502, UpstreamFailed), (503, Unavailable), (504, UpstreamFailed)),
    ],
)
def test_a_problem_comes_back_as_the_error_that_it_was(status: int, family: type[Error]) -> None:
    told = problem(status, code="new_code", detail="it is `so`", hint="Do this.", decision_id="dec_1", type="urn:x")
    with serving(lambda _: told) as server, Transport(server.url) as transport, pytest.raises(family) as caught:
        transport.ask("GET", "/api/v1/agents")
    error = caught.value
    assert type(error) is family
    assert (error.code, error.message, error.hint) == ("new_code", "it is `so`", "Do this.")
    assert error.details == {"decision_id": "dec_1"}


def test_a_limit_says_how_long_to_wait() -> None:
    told = problem(429, code="limit_exceeded", detail="slow", hint="Wait.", retry_after=1500)
    with serving(lambda _: told) as server, Transport(server.url) as transport, pytest.raises(LimitExceeded) as caught:
        transport.ask("GET", "/api/v1/agents")
    assert caught.value.retry_after == 1500


def test_lines_come_one_by_one() -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(body=b'{"n":1}\n{"n":2}\n' if asked.path.endswith("/export") else b'{"n":1}\n{"n":')

    with serving(answer) as server, Transport(server.url) as transport:
        with transport.lines("/api/v1/journal/export") as lines:
            assert list(lines) == [b'{"n":1}', b'{"n":2}']
        with pytest.raises(UpstreamFailed, match="a last line without an end"), transport.lines("/cut") as lines:
            list(lines)


def test_a_line_without_end_is_not_collected_for_ever() -> None:
    with (
        serving(lambda _: Answer(body=b"x" * (2 << 20))) as server,
        Transport(server.url) as transport,
        pytest.raises(UpstreamFailed, match="a line of more than"),
        transport.lines("/x") as lines,
    ):
        list(lines)


def test_a_refused_export_says_why() -> None:
    told = problem(403, code="operator_forbidden", detail="no", hint="Ask.")
    with (
        serving(lambda _: told) as server,
        Transport(server.url) as transport,
        pytest.raises(Denied),
        transport.lines("/x"),
    ):
        pass


@pytest.mark.parametrize("text", ["a/b", "a?b", "a#b", "%2e%2e", "ä", "a b", "a\nb", "..a"])
def test_an_id_is_one_segment_whatever_it_contains(text: str) -> None:
    with serving(lambda _: Answer()) as server, Transport(server.url) as transport:
        transport.ask("GET", f"/api/v1/agents/{segment(text)}/end")
    assert server.asked[0].path.count("/") == 5
    assert server.asked[0].path.startswith("/api/v1/agents/")


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_dot_segment_is_no_id(text: str) -> None:
    with pytest.raises(Malformed):
        segment(text)


def test_the_token_is_in_no_error_and_no_repr() -> None:
    with serving(lambda _: Answer(500, b"boom", {"Content-Type": "text/plain"})) as server:
        with Transport(server.url, TOKEN) as transport, pytest.raises(Error) as caught:
            transport.ask("GET", "/api/v1/status")
        assert TOKEN not in repr(transport) + repr(caught.value) + str(vars(caught.value))


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.sampled_from(["code", "detail", "title", "hint", "retry_after", "x"]), JSON)


@given(st.integers(100, 599), MEMBERS | JSON)
def test_no_problem_document_makes_reading_it_raise(status: int, document: Any) -> None:
    error = error_from(status, document)
    assert isinstance(error, Error)
    assert "\n" not in error.message + error.hint
    assert all(isinstance(value, str) for value in error.details.values())


# -- done once, and on a condition


def test_what_creates_is_asked_for_once_more_after_a_broken_connection_under_the_same_key() -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(201, b'{"id": "agt_1"}', lies=99 if len(server[0].asked) == 1 else None)

    server: list[Double] = []
    with serving(answer) as double, Transport(double.url) as transport:
        server.append(double)
        assert Management(transport).create("agents", {"name": "bot", "role": "r"}) == {"id": "agt_1"}
    first, second = double.asked
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)
    assert re.fullmatch(r'"[0-9a-f-]{36}"', first.headers["idempotency-key"])
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_each_request_has_a_key_of_its_own_and_only_what_creates_has_one() -> None:
    with serving(lambda _: Answer()) as double, Transport(double.url) as transport:
        api = Management(transport)
        for _ in range(2):
            api.create("agents", {"name": "bot"})
        api.act("tokens", "laptop", "rotate")
        api.act("tokens", "laptop", "revoke")
        api.amend("agents", "bot", {"role": "r"})
    keys = [asked.headers.get("idempotency-key") for asked in double.asked]
    assert len(set(keys[:3])) == 3
    assert None not in keys[:3]
    assert keys[3:] == [None, None]


def test_what_does_not_create_is_not_repeated_and_a_second_break_is_told() -> None:
    with serving(lambda _: Answer(200, b"{}", lies=9)) as double, Transport(double.url) as transport:
        with pytest.raises(Unavailable, match="broke off"):
            Management(transport).act("tokens", "laptop", "revoke")
        assert len(double.asked) == 1
        with pytest.raises(Unavailable, match="broke off"):
            Management(transport).create("agents", {})
        assert len(double.asked) == 3


def test_a_change_names_the_state_that_was_seen() -> None:
    with (
        serving(lambda _: Answer(200, b'{"role": "r"}', {"ETag": '"abc-d"'})) as double,
        Transport(double.url) as transport,
    ):
        api = Management(transport)
        shown, tag = api.seen("agents", "bot")
        api.amend("agents", "bot", {"role": "s"}, seen=tag)
        api.replace("roles", "r", {"scopes": ()})
    assert (shown, tag) == ({"role": "r"}, '"abc-d"')
    assert [asked.headers.get("if-match") for asked in double.asked] == [None, '"abc-d"', None]
