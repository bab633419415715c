"""Bodies in both directions, and what happens when one of the two sides breaks off, on real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs
from tests.web.served import AGENTS, PEOPLE, Echo, ask, chunks, dial, get, read_answer, running

from gatepass.errors import Denied, Malformed
from gatepass.gateway.requests import Reply, Request
from gatepass.web import exchange, serving
from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.http import connection as connections
from gatepass.web.http import intake, parsing

HEAD = b"POST /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
PLAIN = ((b"content-type", b"text/plain"),)


@dataclass
class Scene:
    """A surface that a test scripts, and what it noted."""

    play: Callable[[Request], Awaitable[Reply]]
    noted: list[str] = field(default_factory=list)

    async def handle(self, request: Request) -> Reply:
        return await self.play(request)


@contextmanager
def scene(play: Callable[[Request], Awaitable[Reply]]) -> Iterator[int]:
    surface = Scene(play)
    hosts = Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE}))
    app = App(
        surfaces=Surfaces(rest=surface, mcp=Echo("mcp"), header_only=Echo("k")),
        management=lambda *_: asyncio.sleep(0),
        hosts=hosts,
    )
    with running(app) as port:
        yield port


def eventually(condition: Callable[[], object]) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass within four seconds")


def test_a_body_streams_in_and_out_while_both_go_on() -> None:
    async def play(request: Request) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            async for chunk in request.body:
                yield chunk.upper()

        return Reply(200, PLAIN, body())

    with scene(play) as port, dial(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        # the first part is answered before the second was sent
        received = b""
        while not received.endswith(b"3\r\nABC\r\n"):
            received += connection.recv(4096)
        connection.sendall(b"2\r\nde\r\n0\r\n\r\n")
        while not received.endswith(b"2\r\nDE\r\n0\r\n\r\n"):
            received += connection.recv(4096)


def test_a_body_that_breaks_off_is_never_taken_for_a_whole_one() -> None:
    noted: list[str] = []

    async def play(request: Request) -> Reply:
        try:
            async for chunk in request.body:
                noted.append(chunk.decode())  # noqa: PERF401  one by one: the first has to be seen before the break
        except Malformed as error:
            noted.append(error.message)
            raise
        noted.append("whole")
        return Reply(200, PLAIN, chunks())

    with scene(play) as port:
        for framing in (b"Content-Length: 10\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"):
            with dial(port) as connection:
                connection.sendall(HEAD + framing)
                eventually(lambda: "12345" in noted)
            eventually(lambda: "the connection closed before the body ended" in noted)
            assert "whole" not in noted
            noted.clear()


@pytest.mark.parametrize("when", ["before the answer", "in the answer"])
def test_when_the_caller_goes_away_the_surface_is_cancelled_and_its_streams_closed(when: str) -> None:
    noted: list[str] = []

    async def play(request: Request) -> Reply:
        read = [chunk async for chunk in request.body]
        noted.append(f"read {len(read)}")

        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                noted.append("streaming")
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                noted.append("cancelled")
                raise
            finally:
                noted.append("closed")

        if when == "before the answer":
            try:
                await asyncio.sleep(60)
            finally:
                noted.append("closed")
        return Reply(200, PLAIN, body())

    with scene(play) as port:
        with dial(port) as connection:
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nhi")
            eventually(lambda: ("read 1" if when == "before the answer" else "streaming") in noted)
        eventually(lambda: "closed" in noted)


def test_a_reply_that_fails_is_cut_and_never_ended() -> None:
    async def play(request: Request) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            raise Denied("withdrawn_in_flight", "the token was withdrawn during the call")

        return Reply(200, PLAIN, body())

    with scene(play) as port, dial(port) as connection:
        connection.sendall(b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while part := connection.recv(4096):
            received += part
        assert b"4\r\nhalf\r\n" in received
        assert not received.endswith(b"0\r\n\r\n")
        assert b"withdrawn" not in received


def test_what_nobody_raised_on_purpose_says_nothing() -> None:
    async def play(request: Request) -> Reply:
        raise RuntimeError("the key is sk_live_12345678")

    with capture_logs() as logs, scene(play) as port:
        answer = get(port, "/u/orders/x")
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (500, "internal")
    assert b"sk_live" not in answer.body
    assert "sk_live" not in str(logs)
    assert logs[0]["fault"] == "RuntimeError"
    assert any("test_exchange.py" in place for place in logs[0]["at"])


def test_a_refusal_before_the_body_was_read_leaves_the_connection_usable() -> None:
    async def play(request: Request) -> Reply:
        if request.path == b"/no":
            raise Denied("role_forbids", "no")
        return Reply(200, PLAIN, chunks(b"yes"))

    with scene(play) as port, dial(port) as connection:
        connection.sendall(b"POST /u/orders/no HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello")
        assert read_answer(connection).status == 403
        connection.sendall(b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert read_answer(connection).body == b"yes"


def test_pipelined_requests_are_answered_in_order() -> None:
    async def play(request: Request) -> Reply:
        await asyncio.sleep(0.05 if request.path == b"/1" else 0)
        body = b"".join([chunk async for chunk in request.body])
        return Reply(200, (*PLAIN, (b"content-length", b"4")), chunks(request.path + body))

    with scene(play) as port, dial(port) as connection:
        one = b"POST /u/orders/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nab"
        two = b"POST /u/orders/2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\ncd"
        connection.sendall(one + two)
        received = b""
        while received.count(b"HTTP/1.1 200") < 2 or not received.endswith(b"/2cd"):
            received += connection.recv(4096)
        assert received.index(b"/1ab") < received.index(b"/2cd")


def test_trailers_never_join_the_head() -> None:
    async def play(request: Request) -> Reply:
        body = b"".join([chunk async for chunk in request.body])
        names = b",".join(name for name, _ in request.headers)
        return Reply(200, PLAIN, chunks(names + b"|" + body))

    trailer = b"2\r\nhi\r\n0\r\nAuthorization: Bearer stolen\r\nHost: evil.example\r\n\r\n"
    with scene(play) as port:
        answer = ask(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + trailer)
    assert answer.body == b"host,transfer-encoding|hi"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"Content-Length: +2\r\n\r\nab",
        b"Content-Length : 2\r\n\r\nab",
        b"Transfer-Encoding: chunked, identity\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"X: a\r\n folded: b\r\n\r\n",
        b"X: a\nY: b\r\n\r\n",
        b"X: a\0b\r\n\r\n",
    ],
)
def test_framing_that_two_readers_could_read_differently_is_refused(head: bytes) -> None:
    with scene(Echo("rest").handle) as port:
        assert ask(port, HEAD + head).status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET /u/orders/" + b"a" * parsing.LARGEST_TARGET + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        HEAD + b"X: " + b"a" * parsing.LARGEST_HEAD + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(parsing.MOST_FIELDS)) + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: aaaaaaaaaa\r\n" * 3000 + b"\r\n",
    ],
    ids=["target", "field", "fields", "trailers"],
)
def test_a_head_has_bounds(head: bytes) -> None:
    async def play(request: Request) -> Reply:
        return Reply(200, PLAIN, chunks(b"".join([chunk async for chunk in request.body])))

    with scene(play) as port, dial(port) as connection:
        try:
            connection.sendall(head)
            assert read_answer(connection).status == 400
        except ConnectionError:
            pass  # the server closed while more was being sent: refused as well


def test_a_head_that_does_not_arrive_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    with scene(Echo("rest").handle) as port:
        for sent in (b"", b"GET /u/orders/x HTTP/1.1\r\nHost"):
            with dial(port) as connection:
                connection.sendall(sent)
                assert connection.recv(100) == b""
        with dial(port) as connection:  # a later request on a kept connection has the same bound
            connection.sendall(b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET")
            assert read_answer(connection).status == 200
            assert connection.recv(100) == b""


def test_a_body_that_pauses_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LONGEST_PAUSE", 0.2)
    with scene(Echo("rest").handle) as port:
        answer = ask(port, HEAD + b"Content-Length: 10\r\n\r\nhello")
    assert (answer.status, json.loads(answer.body)["code"]) == (408, "too_slow")


def test_a_caller_who_takes_nothing_of_the_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LONGEST_PAUSE", 0.2)
    noted: list[str] = []

    async def play(request: Request) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                noted.append("closed")

        return Reply(200, PLAIN, body())

    with scene(play) as port, dial(port) as connection:
        connection.sendall(b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        eventually(lambda: "closed" in noted)


def test_an_export_that_nobody_takes_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LONGEST_PAUSE", 0.2)
    noted: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            noted.append("closed")

    async def management(scope: Scope, receive: Receive, send: Send) -> None:
        await exchange.Exchange(scope, receive, send).deliver(200, PLAIN, endless())

    hosts = Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE}))
    surfaces = Surfaces(rest=Echo("rest"), mcp=Echo("mcp"), header_only=Echo("k"))
    with running(App(surfaces=surfaces, management=management, hosts=hosts)) as port, dial(port) as connection:
        connection.sendall(b"GET /api/v1/journal/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: "closed" in noted)


def test_connections_beyond_the_bound_are_turned_away_and_the_others_served() -> None:
    hosts = Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE}))
    app = App(
        surfaces=Surfaces(rest=Echo("rest"), mcp=Echo("mcp"), header_only=Echo("k")),
        management=lambda *_: asyncio.sleep(0),
        hosts=hosts,
    )
    with running(app, serving.Bounds(connections=3)) as port:
        idle = [dial(port) for _ in range(3)]
        try:
            assert get(port, "/healthz").status == 503
        finally:
            for connection in idle:
                connection.close()
        eventually(lambda: get(port, "/healthz").status == 200)
