"""What a caller can do to a connection: refused alike on every path, bounded before it is complete, one answer each."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from tests.web.served import AGENTS, PEOPLE, Echo, ask, chunks, dial, read_answer, running

from gatepass.gateway.requests import Reply, Request
from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.http import connection as connections
from gatepass.web.http import intake
from gatepass.web.http.heads import answer_head, stated_length
from gatepass.web.http.parsing import LARGEST_BETWEEN, LARGEST_HEAD, Head, RequestParser
from gatepass.web.serving import Bounds

HEAD = b"POST /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GET = b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PLAIN = ((b"content-type", b"text/plain"),)


@dataclass
class Told:
    """What a parser said."""

    heads: list[Head] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    whole: int = 0

    def begun(self, head: Head) -> None:
        self.heads.append(head)
        self.bodies.append(b"")

    def body(self, data: bytes) -> None:
        self.bodies[-1] += data

    def ended(self) -> None:
        self.whole += 1


def parsed(*pieces: bytes) -> tuple[bool, Told]:
    told = Told()
    parser = RequestParser(told)
    taken = [parser.feed(piece) for piece in pieces]
    return all(taken), told


Play = Callable[[Request], Awaitable[Reply]]


@contextmanager
def scene(play: Play, bounds: Bounds | None = None) -> Iterator[int]:
    class Scripted:
        async def handle(self, request: Request) -> Reply:
            return await play(request)

    async def management(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    app = App(
        surfaces=Surfaces(rest=Scripted(), mcp=Echo("mcp"), header_only=Echo("k")),
        management=management,
        hosts=Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE})),
    )
    with running(app, bounds) as port:
        yield port


def everything(connection: socket.socket) -> bytes:
    """What comes until the end of the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


async def echo(request: Request) -> Reply:
    body = b"".join([chunk async for chunk in request.body])
    return Reply(200, (*PLAIN, (b"content-length", b"%d" % len(body))), chunks(*([body] if body else [])))


# -- both ways alike


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"Content-Length: 5", b"content-length:5", b"Content-Length: 5, 5", b"Content-Length: +5",
                b"Content-Length: 0x5", b"Content-Length : 5", b"Transfer-Encoding: chunked",
                b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"X: a", b" folded: a", b"X",
                b": a", b"X: a\0b", b"X: a\rb", b"X: a\nb", b"Connection: close", b"Connection: upgrade",
                b"Upgrade: h2c", b"Expect: 100-continue", b"X\x80: a", b"X: \xff",
            ]
        ),
        st.binary(max_size=12),
    ),
    max_size=5,
)  # fmt: skip


@given(LINES, st.sampled_from([b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nX: a\r\n\r\n", b""]))
@example([b"Content-Length: 5", b"Transfer-Encoding: chunked"], b"0\r\n\r\n")
def test_whatever_the_path_the_same_requests_are_refused(lines: list[bytes], body: bytes) -> None:
    rest = b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body
    ways = [
        parsed(b"POST %b HTTP/1.1\r\nHost: h\r\n%b" % (path, rest)) for path in (b"/u/orders/x", b"/api/v1/agents/xy")
    ]
    assert ways[0][0] == ways[1][0]
    assert [head.headers for head in ways[0][1].heads] == [head.headers for head in ways[1][1].heads]
    assert ways[0][1].bodies == ways[1][1].bodies


@given(LINES, st.integers(1, 200))
def test_wherever_a_request_is_cut_into_packets_it_is_read_alike(lines: list[bytes], at: int) -> None:
    text = HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\nhello"
    once, cut = parsed(text), parsed(text[:at], text[at:])
    assert once[0] == cut[0]
    assert once[1] == cut[1]


@pytest.mark.parametrize("path", [b"/u/orders/x", b"/api/v1/agents"])
@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"X: a\r\n folded: b\r\n\r\n",
        b"X: a\nY: b\r\n\r\n",
        b"X: a\0b\r\n\r\n",
        b"Content-Length: 5\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nhello",
    ],
)
def test_over_a_socket_too(path: bytes, lines: bytes) -> None:
    host = b"localhost" if path.startswith(b"/api") else b"127.0.0.1"
    with scene(echo) as port:
        answer = ask(port, b"POST %b HTTP/1.1\r\nHost: %b\r\n%b" % (path, host, lines))
    assert answer.status == 400
    assert answer.headers["connection"] == "close"


# -- bounds before anything is complete


@pytest.mark.parametrize(
    ("first", "again", "most"),
    [
        (HEAD + b"X: ", b"a" * 1000, LARGEST_HEAD),
        (b"GET /", b"a" * 1000, LARGEST_HEAD),
        (HEAD, b"X: a\r\n" * 10, LARGEST_HEAD),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;x=", b"a" * 1000, LARGEST_BETWEEN),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 1000, LARGEST_BETWEEN),
    ],
    ids=["field", "target", "fields", "extension", "trailer"],
)
def test_what_has_no_end_is_given_up_while_it_comes(first: bytes, again: bytes, most: int) -> None:
    parser = RequestParser(Told())
    assert parser.feed(first)
    sent = 0
    while parser.feed(again):
        sent += len(again)
        assert sent <= most + len(again)


def test_the_rest_of_a_body_that_nobody_wants_has_a_bound_in_time() -> None:
    async def refuse(request: Request) -> Reply:
        return Reply(403, ((b"content-length", b"0"),), chunks())

    with scene(refuse, Bounds(keep_alive=1)) as port, dial(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        assert read_answer(connection).status == 403
        connection.settimeout(0.05)
        received = None
        for _ in range(200):  # one byte after the other keeps nothing open
            try:
                connection.sendall(b"x")
                received = connection.recv(10)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                received = b""
                break
        assert received == b""


# -- one answer a request, in order


def test_what_cannot_be_read_never_cuts_into_an_answer_under_way() -> None:
    async def slowly(request: Request) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"part"
                await asyncio.sleep(0.02)

        return Reply(200, PLAIN, body())

    with scene(slowly) as port, dial(port) as connection:
        connection.sendall(GET + b"this is no request\r\n\r\n")
        first, end, rest = everything(connection).partition(b"0\r\n\r\n")
    assert first.endswith(b"\r\n\r\n" + b"4\r\npart\r\n" * 5)
    assert end
    assert rest.startswith(b"HTTP/1.1 400")


def test_a_caller_who_is_told_to_send_a_body_is_told_once_and_only_if_somebody_reads_it() -> None:
    async def refuse(request: Request) -> Reply:
        return Reply(403, ((b"content-length", b"0"),), chunks())

    waiting = HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with scene(echo) as port, dial(port) as connection:
        connection.sendall(waiting)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert read_answer(connection).body == b"hello"
    with scene(refuse) as port, dial(port) as connection:
        connection.sendall(waiting)
        answer = read_answer(connection)
        assert (answer.status, answer.headers["connection"]) == (403, "close")
        assert connection.recv(10) == b""


def test_who_asks_for_another_protocol_is_answered_in_this_one_and_once() -> None:
    upgrade = b"GET /u/orders/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with scene(echo) as port, dial(port) as connection:
        connection.sendall(upgrade + GET)
        answer = read_answer(connection)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert connection.recv(10) == b""


def test_where_chunks_are_not_understood_the_end_of_the_connection_is_the_end_of_the_body() -> None:
    async def play(request: Request) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            yield b"half"
            if request.path == b"/cut":
                raise RuntimeError("no more")

        return Reply(200, PLAIN, body())

    with scene(play) as port:
        with dial(port) as connection:
            connection.sendall(b"GET /u/orders/x HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            received = everything(connection)
            assert received.endswith(b"\r\n\r\nhalf")
            assert b"chunked" not in received
        with dial(port) as connection:
            connection.sendall(b"GET /u/orders/cut HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            with pytest.raises(ConnectionError):
                everything(connection)


def test_more_at_once_than_wait_their_turn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_PIPELINED", 3)
    with scene(echo) as port, dial(port) as connection:
        connection.sendall(GET * 10)
        statuses = re.findall(rb"HTTP/1.1 (\d+)", everything(connection))
    assert statuses == [b"200"] * 4 + [b"400"]


# -- answers


@pytest.mark.parametrize(
    ("length", "pieces"), [(5, [b"hello", b"!"]), (5, [b"hello!"]), (5, [b"hell"]), (5, []), (70_000, [b"hello"])]
)
def test_an_answer_that_is_not_as_long_as_it_says_is_cut(length: int, pieces: list[bytes]) -> None:
    async def play(request: Request) -> Reply:
        return Reply(200, ((b"content-length", b"%d" % length),), chunks(*pieces))

    with scene(play) as port, dial(port) as connection:
        connection.sendall(GET + GET)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    whole = head.startswith(b"HTTP/1.1 200") and len(body) >= length
    assert not whole or body == b"hello"
    assert b"hello!" not in body


@pytest.mark.parametrize(
    "header",
    [(b"x", b"a\r\nset-cookie: b"), (b"x\r\ny", b"a"), (b"x", b"a\0"), (b"x", b"\n"), (b"x y", b"a"), (b"", b"a")],
)
def test_no_header_of_an_answer_writes_a_second_line(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="no header may hold"):
        answer_head(200, (header,))


@pytest.mark.parametrize("values", [[b"5", b"5"], [b"5", b"6"], [b"+5"], [b""], [b"5, 5"]])
def test_an_answer_has_one_length(values: list[bytes]) -> None:
    with pytest.raises(ValueError, match="not one number"):
        stated_length(tuple((b"content-length", value) for value in values))


def test_an_answer_to_head_and_one_without_content_have_no_body() -> None:
    async def play(request: Request) -> Reply:
        status = 204 if request.path == b"/none" else 200
        return Reply(status, ((b"content-length", b"5"),) if status == 200 else (), chunks())

    with scene(play) as port, dial(port) as connection:
        for method, path, status in ((b"HEAD", b"/x", 200), (b"GET", b"/none", 204), (b"HEAD", b"/x", 200)):
            connection.sendall(b"%b /u/orders%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % (method, path))
            assert read_answer(connection, "HEAD").status == status


def test_a_problem_answers_head_without_its_body() -> None:
    with scene(echo) as port, dial(port) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD /u/orders/x HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            assert read_answer(connection, "HEAD").status == 421
        connection.sendall(b"GET /u/orders/x HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert json.loads(read_answer(connection).body)["code"] == "misdirected"


def test_a_body_that_is_read_late_makes_the_caller_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    most: list[int] = []
    taken = intake.Intake._taken

    def noted(self: intake.Intake) -> bytes:
        most.append(self.held)
        return taken(self)

    async def late(request: Request) -> Reply:
        size = 0
        async for chunk in request.body:
            size += len(chunk)
            await asyncio.sleep(0.001)
        return Reply(200, ((b"content-length", b"8"),), chunks(b"%08d" % size))

    monkeypatch.setattr(intake.Intake, "_taken", noted)
    size = 8 << 20
    with scene(late) as port, dial(port) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
        assert read_answer(connection).body == b"%08d" % size
    assert max(most) < 1 << 20


# -- a surface sees the same, whichever way a request came


class Noting:
    """A surface that keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []

    async def handle(self, request: Request) -> Reply:
        body = b"".join([chunk async for chunk in request.body])
        members = {name: getattr(request, name) for name in request.__struct_fields__}
        self.seen.append({**members, "body": body})
        return Reply(200, ((b"content-length", b"0"),), chunks())


@pytest.mark.parametrize(
    "target",
    ["/u/orders", "/u/orders/", "/u/orders/a%2Fb//c?x=1&y=%20", "/mcp/orders?x", "/k/orders/mcp", "/oauth2/token?a=b"],
)
def test_the_same_request_is_the_same_to_a_surface_with_and_without_asgi(target: str) -> None:
    surface = Noting()
    app = App(
        surfaces=Surfaces(rest=surface, mcp=surface, header_only=surface),
        oauth=surface,
        management=lambda *_: asyncio.sleep(0),
        hosts=Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE})),
    )
    path, _, query = target.partition("?")
    headers = [(b"host", b"127.0.0.1"), (b"x-a", b"1"), (b"client-cert", b":AAAA:"), (b"content-length", b"5")]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    with running(app) as port:
        assert ask(port, b"POST %b HTTP/1.1\r\n%b\r\nhello" % (target.encode(), lines)).status == 200

    async def through_asgi() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"hello", "more_body": False}

        async def send(_: Message) -> None:
            return

        scope: Scope = {
            "type": "http",
            "method": "POST",
            "raw_path": path.encode(),
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        await app(scope, receive, send)

    asyncio.run(through_asgi())
    assert len(surface.seen) == 2
    assert surface.seen[0] == surface.seen[1]
