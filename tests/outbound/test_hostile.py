"""Upstreams that mean harm, or that one agent made say something for the next: none gets further than its own call."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from tests.outbound.upstreams import Raw, Script, answering, plain, serving

from gatepass.errors import Error, UpstreamFailed
from gatepass.gateway.forwarding.door import HttpCall, Patience, Traffic
from gatepass.outbound.door import GuardedDoor
from gatepass.outbound.http.connection import Connection
from gatepass.outbound.http.heads import request_head
from gatepass.outbound.http.parsing import LARGEST_HEAD, GarbledError, Reading
from gatepass.outbound.writing import Target, Written

HURRY = Patience(connect=2.0, first=1.0, idle=1.0, whole=5.0)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario)


async def ask(door: GuardedDoor, raw: Raw, method: str = "GET", **more: Any) -> tuple[int, bytes]:
    call = HttpCall(
        upstream=raw.upstream(injection=None),
        method=method,
        path=more.pop("path", b"/x"),
        patience=more.pop("patience", HURRY),
        **more,
    )
    answer = await door.send(call, None, more.get("traffic", Traffic()))
    try:
        body = b""
        while piece := await answer.read():
            body += piece
    finally:
        answer.close()
    return answer.status, body


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until it is so, and once more."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  the other side's doing: it has no event of ours
            await asyncio.sleep(0)
    await asyncio.sleep(0)


def endless(first: bytes, again: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()

    return script


def dripping(first: bytes, again: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0.02)

    return script


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (endless(OK + b"X: ", b"a" * 4096), "upstream_garbled"),
        (endless(OK, b"X: a\r\n" * 100), "upstream_garbled"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "upstream_garbled"),
        (endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "upstream_garbled"),
        (endless(b"", b"\r\n" * 2048), "upstream_garbled"),
        (endless(CHUNKED + b"5;x=", b"a" * 4096), "upstream_garbled"),
        (endless(CHUNKED + b"0\r\nX: ", b"a" * 4096), "upstream_garbled"),
        (endless(CHUNKED + b"0\r\n", b"X: a\r\n" * 100), "upstream_garbled"),
        (dripping(OK + b"X: ", b"a"), "upstream_timeout"),
        (dripping(CHUNKED + b"5;x=", b"a"), "upstream_timeout"),
    ],
    ids=["field", "fields", "continue", "hints", "lines", "extension", "trailer", "trailers", "slow", "slow extension"],
)
def test_what_has_no_end_is_given_up(script: Script, code: str) -> None:
    async def scenario() -> None:
        async with serving(script) as raw:
            door = GuardedDoor()
            with pytest.raises(UpstreamFailed) as failure:
                await ask(door, raw)
            assert failure.value.code == code
            await door.close()

    run(scenario())


def read(*pieces: bytes, to_head: bool = False) -> Reading:
    reading = Reading()
    reading.begin(to_head=to_head)
    for piece in pieces:
        reading.feed(piece)
    return reading


AMBIGUOUS = {
    "a length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a length twice": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": OK + b"Content-Length: +5\r\n\r\nhello",
    "a length in hex": OK + b"Content-Length: 0x5\r\n\r\nhello",
    "a huge length": OK + b"Content-Length: 99999999999999999999\r\n\r\n",
    "an empty length": OK + b"Content-Length: \r\n\r\nhello",
    "an unknown coding": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "codings in a row": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "codings in two fields": OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": OK + b"Transfer-Encoding: identity\r\n\r\nhello",
    "chunks in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "a bare carriage return": OK + b"X: a\rContent-Length: 5\r\n\r\nhello",
    "a NUL": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an odd status": b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
    "an interim answer with a body": b"HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\nhello" + plain(b"ok"),
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
    "a chunk's size with a sign": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk's size with a prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk's size that overflows": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "a chunk that ends in a line feed": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "no HTTP": b"220 mail.example ESMTP\r\n",
}


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_answer_that_could_be_read_in_two_ways_is_read_in_none(answer: bytes) -> None:
    with pytest.raises(GarbledError):
        read(answer)
    with pytest.raises(GarbledError):
        read(*(bytes([byte]) for byte in answer))


WHOLE = {
    "length": (plain(b"hello"), b"hello"),
    "chunks": (CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: a\r\n\r\n", b"hello"),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + plain(b"hello"), b"hello"),
    "empty": (plain(b""), b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
}


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
def test_wherever_an_answer_is_cut_into_packets_it_is_read_alike(answer: bytes, body: bytes) -> None:
    for at in range(1, len(answer)):
        reading = read(answer[:at], answer[at:])
        assert reading.ended
        assert not reading.tainted
        assert reading.take() == body
        assert not any(name == b"x-trailer" for name, _ in reading.headers)


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
def test_wherever_an_answer_breaks_off_it_is_not_whole(answer: bytes, body: bytes) -> None:
    for at in range(len(answer)):
        reading = read(answer[:at])
        assert not reading.ended
        assert not reading.finish()


@given(
    st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([b"", OK, CHUNKED, OK + b"Content-Length: 9\r\n\r\n"])
)
def test_whatever_comes_is_an_answer_or_refused(pieces: list[bytes], first: bytes) -> None:
    try:
        reading = read(first, *pieces)
    except GarbledError:
        return
    assert reading.held == len(reading.take())
    assert 200 <= reading.status < 600 or not reading.headed


@pytest.mark.parametrize("more", [plain(b"poison"), b"H", b"x", plain(b"")[:5]])
def test_what_follows_an_answer_spoils_the_connection_and_not_the_answer(more: bytes) -> None:
    reading = read(plain(b"hello") + more)
    assert reading.ended
    assert reading.tainted
    assert reading.take() == b"hello"


@pytest.mark.parametrize("more", [plain(b"poison"), b"H", b"\r\n"])
def test_what_comes_later_spoils_it_too(more: bytes) -> None:
    reading = read(plain(b"hello"))
    assert not reading.tainted
    reading.feed(more)
    assert _spoilt(reading)
    assert reading.take() == b"hello"


def _spoilt(reading: Reading) -> bool:
    return reading.tainted


def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    for answer in (plain(b"hello"), CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", OK + b"\r\nhello"):
        reading = read(answer, to_head=True)
        assert reading.ended
        assert reading.tainted
        assert not reading.pieces


def test_a_body_up_to_the_end_of_the_connection_ends_in_order_or_not_at_all() -> None:
    reading = read(OK + b"\r\nhel", b"lo")
    assert not reading.ended
    assert reading.tainted
    assert reading.finish()
    assert reading.take() == b"hello"


def test_a_head_has_a_bound_in_bytes_even_of_short_fields() -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4000) for number in range(50))
    assert len(fields) > LARGEST_HEAD
    with pytest.raises(GarbledError):
        read(OK + fields + b"\r\n")


def reset(answer: bytes) -> Script:
    """Says part of an answer, and resets the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.02)
        found = writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return script


@pytest.mark.parametrize("answer", [plain(b"hello"), CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", OK + b"\r\nhello"])
def test_a_reset_at_any_byte_is_no_end(answer: bytes) -> None:
    head = answer.index(b"\r\n\r\n") + 4
    cuts = [*range(0, len(answer), 7), head - 1, head, len(answer) - 1]

    async def scenario() -> None:
        for cut in cuts:
            async with serving(reset(answer[:cut])) as raw:
                door = GuardedDoor()
                with pytest.raises(UpstreamFailed) as failure:
                    await ask(door, raw)
                assert failure.value.code == ("upstream_lost" if cut < head else "upstream_garbled")
                await door.close()

    run(scenario())


def test_an_answer_may_come_before_the_body_has_left_and_spoils_the_connection() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(plain(b"too large", status="413 Content Too Large"))
        await reader.read()

    stopped: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.01)
        finally:
            stopped.append("stopped")

    async def scenario() -> None:
        async with serving(early) as raw:
            door = GuardedDoor()
            for _ in range(2):
                assert await ask(door, raw, "PUT", body=body()) == (413, b"too large")
            await until(lambda: len(stopped) == 2)
            assert raw.connections == 2
            await door.close()

    run(scenario())


@pytest.mark.parametrize(("pieces", "length"), [([b"hello", b"GET /evil HTTP/1.1\r\n\r\n"], 5), ([b"hel"], 5), ([], 5)])
def test_a_body_that_is_not_as_long_as_announced_is_cut_and_never_another_request(
    pieces: list[bytes], length: int
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def scenario() -> None:
        got: list[bytes] = []

        async def all_of_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
            await reader.readuntil(b"\r\n\r\n")
            got.append(await reader.read())

        async with serving(all_of_it) as raw:
            door = GuardedDoor()
            with pytest.raises(UpstreamFailed):
                await ask(door, raw, "PUT", body=body(), headers=((b"content-length", b"%d" % length),))
            await until(lambda: raw.closed)
            assert not any(b"evil" in each for each in got)
            await door.close()

    run(scenario())


TARGET = Target("http://api.example:80", "http", "api.example", 80, b"", b"api.example")


@pytest.mark.parametrize(
    "bad", [b"\r\n", b"\n", b"\r", b"\0", b"a\r\nX: b", b"a\r\n\r\nGET / HTTP/1.1", b"\x7f", b"\x01"]
)
def test_nothing_handed_over_writes_a_second_line(bad: bytes) -> None:
    for method, written in (
        ("GET", Written(b"/x", b"", ((b"accept", bad),))),
        ("GET", Written(b"/x", b"", ((bad, b"a"),))),
        ("GET", Written(b"/x" + bad, b"", ())),
        ("GET", Written(b"/x", bad, ())),
        ("GET" + bad.decode("latin-1"), Written(b"/x", b"", ())),
    ):
        with pytest.raises((Error, UnicodeEncodeError)):
            request_head(method, TARGET, written, None)


@pytest.mark.parametrize("part", [b"/a b", b"/a#b", b"/a\xc3\xa9", b"*", b"http://evil.example/", b""])
def test_a_target_is_a_path_and_nothing_else(part: bytes) -> None:
    with pytest.raises(Error):
        request_head("GET", TARGET, Written(part, b"", ()), None)


@pytest.mark.parametrize(
    "name", [b"Host", b"transfer-encoding", b"Content-Length", b"connection", b"upgrade", b"te", b"expect", b"trailer"]
)
def test_framing_is_not_a_callers_to_choose(name: bytes) -> None:
    with pytest.raises(Error):
        request_head("POST", TARGET, Written(b"/x", b"", ((name, b"5"),)), b"hello")


def test_what_the_loop_has_not_read_yet_spoils_a_kept_connection_too() -> None:
    """Between the packet and the loop's reading of it there is time enough to send a request: it must not be sent."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        for said in (plain(b"poison"), b""):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            _, connection = await loop.create_connection(partial(Connection, loop, ours), sock=ours)
            connection.begin(b"GET / HTTP/1.1\r\n\r\n", to_head=False)
            theirs.send(plain(b"ok"))
            await connection.moved(loop.time() + 5)
            assert connection.reading.take() == b"ok"
            assert connection.fit()
            if said:
                theirs.send(said)
            else:
                theirs.close()
            assert not connection.fit()
            connection.cut()
            theirs.close()

    run(scenario())


def test_a_kept_connection_that_the_upstream_closed_costs_no_call() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(plain(b"ok"))

    async def scenario() -> None:
        async with serving(once) as raw:
            door = GuardedDoor()
            for number in range(1, 4):
                assert await ask(door, raw) == (200, b"ok")
                await until(partial(lambda wanted: raw.closed >= wanted, number))
            assert raw.connections == 3
            await door.close()

    run(scenario())


def test_a_slow_reader_makes_the_upstream_wait() -> None:
    sent: list[int] = []

    async def much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent.append(1)
        await reader.read(1)  # what is still to leave would be cut with this end

    async def scenario() -> None:
        async with serving(much) as raw:
            door = GuardedDoor()
            call = HttpCall(upstream=raw.upstream(injection=None), method="GET", path=b"/", patience=HURRY)
            answer = await door.send(call, None, Traffic())
            before = -1
            while before != len(sent):
                before = len(sent)
                await asyncio.sleep(0.1)
            assert before < 32
            size = 0
            while piece := await answer.read():
                size += len(piece)
            assert size == 64 << 20
            answer.close()
            await door.close()

    run(scenario())


def test_who_gives_up_waiting_leaves_no_place_taken_and_no_connection_behind() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"), pause=5)) as raw:
            door = GuardedDoor()
            asking = asyncio.ensure_future(ask(door, raw))
            await raw.arrived.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            (lane,) = door._lanes.values()
            assert lane.busy == 0
            assert not lane._kept
            await door.close()

    run(scenario())
