"""The guarded door, against real sockets: what leaves, where it may go, and how it fails."""

import asyncio
import gzip
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.outbound.certificates import authority, server_context
from tests.outbound.upstreams import BEARER, IN_QUERY, KEY, Raw, Script, answering, plain, serving

from gatepass.access import SecretId
from gatepass.errors import Error, Unavailable, UpstreamFailed
from gatepass.gateway.forwarding.door import HttpCall, Patience, Traffic
from gatepass.outbound.addresses import Allowance
from gatepass.outbound.door import GuardedDoor
from gatepass.outbound.guard import ForbiddenAddressError, GuardedResolver, Resolver
from gatepass.registry import Injection, InjectionKind, UpstreamKind
from gatepass.vault import Secret

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HURRY = Patience(connect=5.0, first=0.5, idle=0.3, whole=2.0)


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
_loop = [LOOPS["asyncio"]]


@pytest.fixture(params=LOOPS, autouse=True)
def _both_loops(request: pytest.FixtureRequest) -> None:
    """Each test on both event loops: their transports differ in when they say what."""
    _loop[0] = LOOPS[request.param]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_loop[0]) as runner:
        runner.run(scenario)


async def body_of(answer: Any) -> bytes:
    body = b""
    while piece := await answer.read():
        body += piece
    answer.close()
    return body


async def send(door: GuardedDoor, raw: Raw, path: bytes = b"/v1/x", **more: Any) -> tuple[int, bytes]:
    injection = more.pop("injection", BEARER)
    base = more.pop("base", "")
    call = HttpCall(
        upstream=raw.upstream(path=base, injection=injection),
        method=more.pop("method", "GET"),
        path=path,
        patience=HURRY,
        **more,
    )
    answer = await door.send(call, raw.secret(), Traffic())
    return answer.status, await body_of(answer)


def test_what_leaves_is_what_was_handed_over_byte_for_byte() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            path = b"/v1/a:b/%2Cc/100%25/x'(y)!*,=$&@/%E2%82%AC"
            headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))
            await send(door, raw, path, query=b"a=%20b%2B&c=d%26", headers=headers, base="/base%20x/")
            await door.close()
            head = raw.heads[0].split(b"\r\n")
            assert head[0] == b"GET /base%20x" + path + b"?a=%20b%2B&c=d%26 HTTP/1.1"
            assert sorted(head[1:-2]) == [
                b"Host: 127.0.0.1:%d" % raw.port,
                b"accept-encoding: identity",
                b"accept: application/json",
                b"authorization: Bearer " + KEY,
            ]

    run(scenario())


def test_bodies_leave_as_they_are_whole_or_in_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        await asyncio.sleep(0)
        yield b"two"

    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            kind = (b"content-type", b"application/json")
            await send(door, raw, method="POST", body=b'{"a": 1.50}', headers=(kind,))
            await send(door, raw, method="PUT", body=pieces(), headers=((b"content-length", b"7"),))
            await send(door, raw, method="PUT", body=pieces())
            await door.close()
            assert raw.bodies == [b'{"a": 1.50}', b"one two", b"one two"]
            assert b"Content-Length: 11\r\n" in raw.heads[0]
            assert b"content-length: 7\r\n" in raw.heads[1]
            assert b"chunked" in raw.heads[2]
            assert raw.connections == 1

    run(scenario())


def test_the_secret_goes_into_the_query_and_replaces_a_header() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            await send(door, raw, query=b"a=b", injection=IN_QUERY)
            await send(door, raw, injection=IN_QUERY)
            await send(door, raw, headers=((b"authorization", b"mine"),))
            await door.close()
            assert b"?a=b&api_key=sk_test_51Habc%2BDEF%2Fghi%3DJKLmno HTTP/1.1" in raw.heads[0]
            assert b"/v1/x?api_key=sk_test_51Habc%2BDEF%2Fghi%3DJKLmno HTTP" in raw.heads[1]
            assert b"mine" not in raw.heads[2]
            assert raw.heads[2].count(b"uthorization") == 1

    run(scenario())


def test_a_secret_goes_to_no_other_origin() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw, serving(answering(plain(b"ok"))) as other:
            door = GuardedDoor()
            call = HttpCall(upstream=other.upstream(), method="GET", path=b"/", patience=HURRY)
            traffic = Traffic()
            with pytest.raises(Unavailable) as refusal:
                await door.send(call, raw.secret(), traffic)
            assert refusal.value.code == "secret_bound_elsewhere"
            assert other.heads == []
            assert not traffic.left
            await door.close()

    run(scenario())


@pytest.mark.parametrize("path", [b"@evil.example/", b":1/", b".evil.example/x", b"1/x"])
def test_no_path_leads_to_another_authority(path: bytes) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            with pytest.raises(Error):
                await send(door, raw, path)
            assert raw.heads == []
            await door.close()

    run(scenario())


@pytest.mark.parametrize("value", [b"two\r\nlines: x", b"nul\0", b"\xff\xfe"])
def test_a_secret_that_fits_no_header_is_not_sent_and_not_shown(value: bytes) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            call = HttpCall(upstream=raw.upstream(), method="GET", path=b"/", patience=HURRY)
            with pytest.raises(Unavailable) as refusal:
                await door.send(call, raw.secret(value), Traffic())
            assert refusal.value.code == "secret_unusable"
            assert raw.connections == 0
            await door.close()

    run(scenario())


def test_redirects_are_answers_and_nothing_is_decoded_or_remembered() -> None:
    async def scenario() -> None:
        squeezed = gzip.compress(b"hello")
        async with serving(answering(plain(b"no"))) as other:
            moved = b"Location: http://127.0.0.1:%d/x\r\nSet-Cookie: a=b\r\n" % other.port
            first = plain(b"gone", status="307 Temporary Redirect", headers=moved)
            second = plain(squeezed, headers=b"Content-Encoding: gzip\r\n")
            async with serving(answering(first, second)) as raw:
                door = GuardedDoor()
                assert await send(door, raw) == (307, b"gone")
                assert await send(door, raw) == (200, squeezed)
                assert b"ookie" not in raw.heads[1]
                assert other.connections == 0
                await door.close()

    run(scenario())


def names(*answers: str) -> Resolver:
    """Resolves every name to what the test says, anew each time."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return (left.pop(0) if len(left) > 1 else left[0]).split()

    return resolve


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.1.2.3", "8.8.8.8 127.0.0.1"])
def test_a_name_that_turns_out_to_be_inside_is_refused(address: str) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor(resolver=names(address))
            upstream = raw.upstream(host="api.example")
            secret = Secret(SecretId("sec_1"), f"http://api.example:{raw.port}", bytearray(KEY))
            traffic = Traffic()
            with pytest.raises(UpstreamFailed) as refusal:
                await door.send(HttpCall(upstream=upstream, method="GET", path=b"/"), secret, traffic)
            assert refusal.value.code == "upstream_forbidden_address"
            assert not traffic.left
            assert raw.connections == 0
            await door.close()

    run(scenario())


def test_one_forbidden_address_among_several_is_enough() -> None:
    async def scenario() -> None:
        with pytest.raises(ForbiddenAddressError):
            await GuardedResolver(names("8.8.8.8 127.0.0.1"), Allowance("api.example")).resolve("api.example", 80)
        found = await GuardedResolver(names("8.8.8.8 9.9.9.9"), Allowance("api.example")).resolve("api.example", 80)
        assert found == ("8.8.8.8", "9.9.9.9")

    run(scenario())


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254",
        "http://[::ffff:127.0.0.1]:{port}",
        "http://0.0.0.0:{port}",
        "http://[fe80::1]",
        "http://224.0.0.1",
    ],
)
def test_an_address_that_is_nobodys_target_is_refused_even_when_spelled_out(target: str) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            upstream = raw.upstream()
            object.__setattr__(upstream, "target", target.format(port=raw.port))
            with pytest.raises(Error) as refusal:
                await door.send(HttpCall(upstream=upstream, method="GET", path=b"/", patience=HURRY), None, Traffic())
            assert refusal.value.code in {"upstream_forbidden_address", "malformed_request"}
            assert raw.connections == 0
            await door.close()

    run(scenario())


def test_a_command_is_not_reached_over_http() -> None:
    async def scenario() -> None:
        door = GuardedDoor()
        upstream = replace(Raw(port=9).upstream(), kind=UpstreamKind.MCP_STDIO, target='["server"]')
        with pytest.raises(UpstreamFailed) as refusal:
            await door.send(HttpCall(upstream=upstream, method="GET", path=b"/"), None, Traffic())
        assert refusal.value.code == "upstream_unreachable"
        await door.close()

    run(scenario())


def test_localhost_is_a_target_and_so_is_a_private_name_that_is_registered_as_such() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            call = HttpCall(upstream=raw.upstream(host="localhost"), method="GET", path=b"/", patience=HURRY)
            answer = await door.send(call, None, Traffic())
            assert await body_of(answer) == b"ok"
            await door.close()

    run(scenario())


async def whole(door: GuardedDoor, call: HttpCall, raw: Raw, traffic: Traffic) -> None:
    await body_of(await door.send(call, raw.secret(), traffic))


def failing(script: Script, code: str, *, left: bool, **more: Any) -> None:
    async def scenario() -> None:
        async with serving(script) as raw:
            door = GuardedDoor()
            traffic = Traffic()
            call = HttpCall(
                upstream=raw.upstream(injection=IN_QUERY), method="GET", path=b"/v1/x", patience=HURRY, **more
            )
            with pytest.raises(UpstreamFailed) as failure:
                await whole(door, call, raw, traffic)
            assert failure.value.code == code
            assert traffic.left == left
            shown = "".join(traceback.format_exception(failure.value)) + repr(failure.value.__dict__)
            assert "sk_test" not in shown
            assert "api_key" not in shown
            assert failure.value.__cause__ is None
            assert failure.value.__context__ is None
            await door.close()

    run(scenario())


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
    await raw.read(reader)


async def hang_up_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
    return


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
    await raw.read(reader)
    await asyncio.sleep(60)


def then_hang_up(answer: bytes, *, wait: float = 0.0) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(wait)
        writer.close()

    return script


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (hang_up, "upstream_lost"),
        (never_answer, "upstream_timeout"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "upstream_garbled"),
        (then_hang_up(CHUNKED + b"5\r\nhello\r\n"), "upstream_garbled"),
        (then_hang_up(CHUNKED + b"zz\r\nhello\r\n", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow", wait=5), "upstream_timeout"),
        (then_hang_up(b"\x16\x03\x01 what is this\r\n\r\n", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 500 + b"\r\n", wait=1), "upstream_garbled"),
        (then_hang_up(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 2\r\n\r\nok", wait=1), "upstream_garbled"),
        (then_hang_up(b"HTTP/1.1 200 OK\r\nContent-Le"), "upstream_lost"),
    ],
    ids=[
        "hangs up", "never answers", "too short", "chunks end early", "no chunk size", "stops", "not HTTP", "long line",
        "many headers", "two lengths", "negative length", "bad header", "half a head",
    ],
)  # fmt: skip
def test_an_upstream_that_fails_after_the_request_left_is_an_unknown_outcome(script: Script, code: str) -> None:
    failing(script, code, left=True)


def test_when_nobody_listens_nothing_has_left() -> None:
    async def scenario() -> None:
        async with serving(hang_up) as raw:
            upstream = raw.upstream()
        door = GuardedDoor()
        traffic = Traffic()
        with pytest.raises(UpstreamFailed) as failure:
            await door.send(HttpCall(upstream=upstream, method="GET", path=b"/", patience=HURRY), None, traffic)
        assert failure.value.code == "upstream_unreachable"
        assert not traffic.left
        await door.close()

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_lost_request_is_not_repeated_whatever_its_method(method: str) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        if len(raw.heads) == 1:
            writer.write(plain(b"first"))
            await raw.read(reader)  # the second is read, and dropped

    async def scenario() -> None:
        async with serving(once) as raw:
            door = GuardedDoor()
            assert await send(door, raw, method=method) == (200, b"first")
            with pytest.raises(UpstreamFailed) as failure:
                await send(door, raw, method=method)
            assert failure.value.code == "upstream_lost"
            assert len(raw.heads) == 2
            await door.close()

    run(scenario())


def test_a_second_answer_that_nobody_asked_for_reaches_nobody() -> None:
    """Response splitting: what one agent made the upstream say must not answer the next."""

    async def split(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(plain(b"first"))
        await writer.drain()
        await asyncio.sleep(0.05)
        if raw.connections == 1:
            writer.write(plain(b"poison"))
        await raw.read(reader)
        writer.write(plain(b"second"))

    async def scenario() -> None:
        async with serving(split) as raw:
            door = GuardedDoor()
            assert await send(door, raw) == (200, b"first")
            await asyncio.sleep(0.15)
            assert await send(door, raw) == (200, b"first")
            assert raw.connections == 2
            await door.close()

    run(scenario())


def test_a_kept_connection_is_used_again_and_a_cut_one_is_not() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"), plain(b"ok"), plain(b"ok"), plain(bytes(4 << 20)))) as raw:
            door = GuardedDoor()
            for _ in range(3):
                await send(door, raw)
            assert raw.connections == 1
            call = HttpCall(upstream=raw.upstream(), method="GET", path=b"/", patience=HURRY)
            answer = await door.send(call, raw.secret(), Traffic())
            answer.close()  # unread
            await send(door, raw)
            assert raw.connections == 2
            await door.close()

    run(scenario())


def test_closing_an_answer_cuts_the_upstream_off_and_wakes_whoever_reads() -> None:
    async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b"data: x\n\n")
            await writer.drain()
            await asyncio.sleep(0.05 if len(raw.heads) == 1 else 5)

    async def scenario() -> None:
        async with serving(forever) as raw:
            door = GuardedDoor()
            call = HttpCall(upstream=raw.upstream(), method="GET", path=b"/")
            answer = await door.send(call, raw.secret(), Traffic())
            for _ in range(3):
                assert b"data: x" in await answer.read()
            reading = asyncio.ensure_future(answer.read())
            await asyncio.sleep(0)
            answer.close()
            with pytest.raises(UpstreamFailed):
                await asyncio.wait_for(reading, 1)
            await asyncio.sleep(0.2)
            assert raw.closed == 1
            await door.close()

    run(scenario())


def test_a_body_that_keeps_moving_is_not_late() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(8):
            await asyncio.sleep(0.15)
            yield b"x"

    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            assert await send(door, raw, method="PUT", body=slowly()) == (200, b"ok")
            await door.close()

    run(scenario())


def test_a_body_that_fails_on_its_way_ends_the_call_with_its_own_error() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x"
        raise UpstreamFailed("upstream_lost", "the caller's body broke off")

    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            with pytest.raises(UpstreamFailed):
                await send(door, raw, method="PUT", body=breaking())
            await door.close()

    run(scenario())


def test_tls_is_verified(tmp_path: Path) -> None:
    async def scenario() -> None:
        good = authority(tmp_path / "good")
        other = authority(tmp_path / "other")
        for signer, name, works in ((good, "127.0.0.1", True), (other, "127.0.0.1", False), (good, "10.9.9.9", False)):
            async with serving(answering(plain(b"ok")), tls=server_context(signer, name, tmp_path)) as raw:
                upstream = raw.upstream(injection=Injection(InjectionKind.HEADER, "x-key"))
                object.__setattr__(upstream, "target", f"https://127.0.0.1:{raw.port}")
                door = GuardedDoor(trust=lambda: ssl.create_default_context(cafile=str(good.certificate)))
                traffic = Traffic()
                secret = Secret(SecretId("sec_1"), f"https://127.0.0.1:{raw.port}", bytearray(KEY))
                call = HttpCall(upstream=upstream, method="GET", path=b"/", patience=HURRY)
                if works:
                    assert await body_of(await door.send(call, secret, traffic)) == b"ok"
                else:
                    with pytest.raises(UpstreamFailed) as failure:
                        await door.send(call, secret, traffic)
                    assert failure.value.code == "upstream_unreachable"
                    assert not traffic.left
                    assert raw.heads == []
                await door.close()

    run(scenario())


def test_a_context_that_does_not_verify_is_refused() -> None:
    async def scenario() -> None:
        async with serving(hang_up) as raw:
            upstream = raw.upstream()
            object.__setattr__(upstream, "target", f"https://127.0.0.1:{raw.port}")
            unverified = ssl.create_default_context()
            unverified.check_hostname = False
            unverified.verify_mode = ssl.CERT_NONE
            door = GuardedDoor(trust=lambda: unverified)
            with pytest.raises(ValueError, match="verifies"):
                await door.send(HttpCall(upstream=upstream, method="GET", path=b"/"), None, Traffic())
            await door.close()

    run(scenario())


def test_too_many_calls_at_once_are_refused_and_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.outbound.door.MOST_CONNECTIONS", 2)

    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw:
            door = GuardedDoor()
            call = HttpCall(upstream=raw.upstream(), method="GET", path=b"/", patience=HURRY)
            held = [await door.send(call, raw.secret(), Traffic()) for _ in range(2)]
            with pytest.raises(UpstreamFailed) as refusal:
                await door.send(call, raw.secret(), Traffic())
            assert refusal.value.code == "upstream_busy"
            for answer in held:
                answer.close()
                answer.close()
            await send(door, raw)
            await door.close()

    run(scenario())
