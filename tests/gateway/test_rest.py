"""The REST surface in front of a real API: what goes through, what is refused, what is never said."""

import asyncio
import base64
import gzip
import json
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.gateway.orders import OPERATIONS, OrdersApi, orders_api
from tests.gateway.world import KEY, Pieces, World, heard, opened
from tests.outbound.upstreams import Raw, Script, answering, plain, serving

from gatepass.access import ActionClass
from gatepass.credentials import Rate, TokenLimits
from gatepass.errors import (
    Denied,
    Error,
    LimitExceeded,
    Malformed,
    NotFound,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
)
from gatepass.gateway.forwarding.door import Patience
from gatepass.registry import Injection, InjectionKind, UpstreamKind

REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=*"
SMALL_REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-345"
ECHO = "diagnostics:echo"

Scenario = Callable[[World, OrdersApi], Awaitable[None]]


def story(folder: Path, scenario: Scenario) -> None:
    async def told() -> None:
        async with orders_api(folder) as api, opened() as world:
            world.upstream(api.target, OPERATIONS)
            await scenario(world, api)

    asyncio.run(told())


def refund(**members: object) -> bytes:
    return json.dumps({"amount": 49.5, "currency": "USD", "user": "user-345", **members}).encode()


def test_a_narrow_token_refunds_what_it_may_and_nothing_else(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token(SMALL_REFUND)
        path = "/orders/order-12345/refunds"
        body = b'{ "amount": 49.50, "currency":"USD","user": "user-345", "note": "broken\\n" }'
        said = await world.ask(token, "POST", path, body)
        assert said.status == 201
        assert said.json["amount"] == "49.50"
        assert said.headers["gatepass-decision"].startswith("dec_")
        for refused in (
            await world.refused(token, "POST", path, refund(amount=51)),
            await world.refused(token, "POST", path, refund(amount=-1)),
            await world.refused(token, "POST", path, refund(currency="EUR")),
            await world.refused(token, "POST", path, refund(user="user-9")),
            await world.refused(token, "POST", "/orders/order-12346/refunds", refund()),
            await world.refused(token, "GET", "/orders/order-12345"),
            await world.refused(token, "GET", "/orders"),
            await world.refused(token, "POST", path, b'{"amount": 10}'),
        ):
            assert type(refused) in {Denied, Malformed}
            assert refused.details["decision_id"].startswith("dec_")
        seen = await api.next_seen(1)
        assert len(seen) == 1
        assert seen[0]["key"] == "right"
        assert seen[0]["body"].encode() == body  # byte for byte

    story(tmp_path, scenario)


def test_every_decision_stands_in_the_journal_and_joins_its_outcome(tmp_path: Path) -> None:
    async def scenario(world: World, _: OrdersApi) -> None:
        token = world.token(SMALL_REFUND)
        said = await world.ask(token, "POST", "/orders/order-12345/refunds", refund())
        await world.refused(token, "POST", "/orders/order-12345/refunds", refund(amount=51))
        await world.refused(token, "POST", "/orders/order-12345/refunds/x", refund())
        await world.refused(token, "POST", "/orders/order-12345%2Frefunds", refund())
        permitted, too_much, unmapped, unreadable = world.entries("call.decided")
        (finished,) = world.entries("call.finished")
        assert permitted["decision"] == finished["decision"] == said.headers["gatepass-decision"]
        assert (permitted["action"], permitted["resource"], permitted["code"]) == ("orders:refund", "order-12345", "ok")
        assert (finished["status"], finished["bytes_out"]) == (201, len(said.body))
        assert str(permitted["properties"]["amount"]) == "49.5"
        assert "note" not in permitted["properties"]
        assert (too_much["code"], too_much["resource"]) == ("scope_missing", "order-12345")
        assert unmapped["code"] == "operation_unmapped"
        assert unreadable["code"] == "malformed_request"
        assert permitted["digest"] != too_much["digest"]
        assert KEY not in repr([found.row for found in world.journal.entries])
        assert token not in repr([found.row for found in world.journal.entries])

    story(tmp_path, scenario)


@pytest.mark.parametrize(
    "target",
    [
        "/orders/order-12345%2Frefunds",
        "/orders/order-12345%2frefunds",
        "/orders/order-12345%5Crefunds",
        "/orders/order-12345\\refunds",
        "/orders//order-12345",
        "//orders/order-12345",
        "/orders/./order-12345",
        "/orders/x/../order-12345",
        "/orders/%2E%2E/order-12345",
        "/orders/%2e%2e/order-12345",
        "/orders/.%2E/order-12345",
        "/orders/order-12345;x=1",
        "/orders/order-12345%3Bx",
        "/orders/order-1234%35",
        "/orders/order%2D12345",
        "/orders/order-12345%",
        "/orders/order-12345%2",
        "/orders/order-12345%zz",
        "/orders/order-12345%00",
        "/orders/order-12345%0A",
        "/orders/order-12345%C0%AE",
        "/orders/order-12345%FF",
        "/orders/order-12345%252F",
        "/orders/order+12345",
        "/orders/order 12345",
        "/orders/örder",
        "/orders/%EF%BC%8E%EF%BC%8E",
        "/orders/a%EF%BC%8Fb",
        "/orders/order-12345#x",
        "/orders/" + "a" * 1025,
        "/orders/" + "/".join("a" * 70),
        "http://127.0.0.1/orders/order-12345",
        "orders/order-12345",
        "",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(target: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"{}"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:read:*", "orders:list")
            refusal = await world.refused(token, "GET", target.encode())
            assert refusal.code == "malformed_request"
            assert raw.heads == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "query",
    [
        "page=1&page=2",
        "page=1&%70age=2",
        "page",
        "page=1&",
        "&page=1",
        "=1",
        "page=1;x=2",
        "page=+1",
        "page=1%2",
        "page=%zz",
        "page=1&admin=true",
        "Page=1",
        "page[]=1",
        "page=%2531",
        "page=1%00",
        "page=%FF",
        "_method=DELETE",
        "page=1&_METHOD=PUT",
        "page=ö",
        "page=01",
        "page=1e2",
        "page=0x1",
        "page=NaN",
        "page=-1",
        "page=",
        "page=9007199254740993",
        "page=1" + "0" * 9000,
        "&".join(f"a{number}=1" for number in range(70)),
    ],
)
def test_a_query_that_could_be_read_in_two_ways_is_refused(query: str) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"{}"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            refusal = await world.refused(token, "GET", f"/orders?{query}".encode())
            assert refusal.code == "malformed_request"
            assert raw.heads == []
            assert (await world.ask(token, "GET", "/orders?page=1.5")).status == 200

    asyncio.run(scenario())


JSON = ("content-type", "application/json")


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b'{"amount":1,"amount":99,"currency":"USD","user":"user-345"}', (JSON,), "malformed_json"),
        (b'{"amount":1,"currency":"USD","user":"user-345","admin":true}', (JSON,), "malformed_request"),
        (b'{"amount":"1","currency":"USD","user":"user-345"}', (JSON,), "malformed_request"),
        (b'{"amount":NaN,"currency":"USD","user":"user-345"}', (JSON,), "malformed_json"),
        (b'{"amount":1e999,"currency":"USD","user":"user-345"}', (JSON,), "malformed_json"),
        (b'{"amount":49.99999999999999999999,"currency":"USD","user":"user-345"}', (JSON,), "malformed_request"),
        (b'{"amount":-0.0,"currency":"USD","user":"user-345"}', (JSON,), "malformed_request"),
        (b'{"amount":true,"currency":"USD","user":"user-345"}', (JSON,), "malformed_request"),
        (b'[{"amount":1,"currency":"USD","user":"user-345"}]', (JSON,), "malformed_request"),
        (b'{"amount":1} {"amount":99}', (JSON,), "malformed_json"),
        (b"\xef\xbb\xbf{}", (JSON,), "malformed_json"),
        (b'{"amount":1,"currency":"US\xff","user":"user-345"}', (JSON,), "malformed_json"),
        (b'{"_method":"DELETE","amount":1,"currency":"USD","user":"user-345"}', (JSON,), "malformed_request"),
        (b"amount=1&currency=USD", (("content-type", "application/x-www-form-urlencoded"),), "malformed_request"),
        (refund(), (("content-type", "text/plain"),), "malformed_request"),
        (refund(), (("content-type", "application/json; charset=utf-16"),), "malformed_request"),
        (refund(), (("content-type", "application/json; charset=utf-8; charset=utf-16"),), "malformed_request"),
        (refund(), (JSON, JSON), "malformed_request"),
        (refund(), (JSON, ("content-encoding", "gzip")), "malformed_request"),
        (refund(), (JSON, ("transfer-encoding", "chunked")), "malformed_request"),
        (refund(), (JSON, ("content-length", "5")), "malformed_request"),
        (refund(), (JSON, ("x-http-method-override", "DELETE")), "malformed_request"),
        (refund(), (JSON, ("x-http-method", "PUT")), "malformed_request"),
        (refund(), (JSON, ("x-method-override", "PUT")), "malformed_request"),
        (refund(), (JSON, ("idempotency-key", "a"), ("idempotency-key", "b")), "malformed_request"),
        (refund(note="x" * (1 << 20)), (JSON,), "too_large"),
        (b"", (JSON,), "malformed_request"),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(
    body: bytes, headers: tuple[tuple[str, str], ...], code: str
) -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"{}"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token(SMALL_REFUND)
            refusal = await world.refused(token, "POST", "/orders/order-12345/refunds", body, *headers)
            # An absent body is read as one, and then lacks what the token limits.
            assert refusal.code == (code if body else "scope_missing")
            assert raw.heads == []

    asyncio.run(scenario())


def test_a_body_where_none_is_declared_is_refused() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"{}"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            assert (await world.refused(token, "GET", "/orders", b"{}")).code == "malformed_request"
            chunked = ("transfer-encoding", "chunked")
            assert (await world.refused(token, "GET", "/orders", Pieces(), chunked)).code == "malformed_request"
            assert raw.heads == []

    asyncio.run(scenario())


def test_a_batch_needs_every_one_of_its_ids(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token("orders:cancel:order-12345", "orders:cancel:order-12346")
        one = world.token("orders:cancel:order-12345")
        both = b'{"orders": ["order-12345", "order-12346"]}'
        assert (await world.refused(one, "POST", "/orders/cancellations", both)).code == "scope_missing"
        for body in (b'{"orders": []}', b'{"orders": "order-12345"}', b'{"orders": ["order-12345", null]}', b"{}"):
            assert (await world.refused(token, "POST", "/orders/cancellations", body)).code == "malformed_request"
        assert await api.next_seen(0) == []
        alone = await world.ask(one, "POST", "/orders/cancellations", b'{"orders": ["order-12345"]}')
        assert alone.json == {"cancelled": ["order-12345"]}

    story(tmp_path, scenario)


def test_a_job_stays_inside_its_prefix(tmp_path: Path) -> None:
    """B1 to B3, on an upstream whose path is the key."""

    async def scenario(world: World, _: OrdersApi) -> None:
        text = ("content-type", "text/plain")
        runner = world.token("kv:put:agents:jobs:*", "kv:get:agents:jobs:*", "kv:list:agents:jobs:*")
        assert (await world.ask(runner, "PUT", "/kv/agents:jobs:17:state", b"running", text)).status == 200
        assert (await world.ask(runner, "GET", "/kv/agents:jobs:17:state")).json["value"] == "running"
        assert (await world.ask(runner, "GET", "/kv/agents%3Ajobs%3A17%3Astate")).json["value"] == "running"
        listed = await world.ask(runner, "GET", "/kv?prefix=agents:jobs:17")
        assert listed.json == {"keys": ["agents:jobs:17:state"]}
        for method, target in (
            ("PUT", "/kv/agents:context:17"),
            ("PUT", "/kv/agents:jobs"),
            ("PUT", "/kv/agents/jobs/17"),
            ("GET", "/kv/agents:recovery:17"),
            ("DELETE", "/kv/agents:jobs:17:state"),
            ("GET", "/kv?prefix=agents"),
            ("GET", "/kv?prefix=agents:context"),
        ):
            body = b"x" if method == "PUT" else None
            assert (await world.refused(runner, method, target, body, text)).code == "scope_missing"
        for target in ("/kv/agents:jobs:%2E%2E", "/kv/agents:jobs::x", "/kv?prefix=*", "/kv?prefix=", "/kv?prefix=a:"):
            assert (await world.refused(runner, "GET", target)).code in {"malformed_request", "scope_missing"}

    story(tmp_path, scenario)


@pytest.mark.parametrize(
    "how",
    [
        "plain", "percent", "percent-all", "percent-twice", "json", "json-all", "json-twice", "hex", "HEX",
        "base64", "base64url", "base64-lines", "gzip", "deflate", "gzip-base64",
    ],
)  # fmt: skip
def test_an_upstream_that_echoes_the_secret_does_not_give_it_away(how: str, tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token(f"{ECHO}?how={how}")
        for before in ("", "a", "ab", "%25"):
            for size in (65536, 7, 1):
                target = f"/echo?how={how}&before={urllib.parse.quote(before, safe='')}&size={size}"
                if before == "%25":
                    target = f"/echo?how={how}&size={size}"
                said = await world.ask(token, "GET", target)
                assert b"*" * len(KEY) in said.body
                assert not leaks(said.body)
                assert "content-encoding" not in said.headers
        assert all(seen["key"] == "right" for seen in api.seen)

    story(tmp_path, scenario)


def leaks(text: bytes) -> bool:
    """Whether anything of the secret beyond a few characters can be read out of the text, in the usual ways."""
    clean = text.replace(b"\n", b"").replace(b"\\n", b"")
    readings = {
        clean,
        urllib.parse.unquote_to_bytes(clean),
        urllib.parse.unquote_to_bytes(urllib.parse.unquote_to_bytes(clean)),
    }
    readings |= {reading.decode("unicode_escape", "ignore").encode("latin-1", "ignore") for reading in set(readings)}
    for start in range(4):
        body = clean.replace(b"*", b"A")[start:]
        for altchars in (b"+/", b"-_"):
            try:
                readings.add(base64.b64decode(body[: len(body) // 4 * 4], altchars=altchars, validate=False))
            except ValueError:
                continue
    part = KEY[4:16].encode()
    return any(part in reading or part.hex().encode() in reading.lower() for reading in readings)


def test_headers_do_not_give_it_away_either(tmp_path: Path) -> None:
    async def scenario(world: World, _: OrdersApi) -> None:
        token = world.token(ECHO)
        said = await world.ask(token, "GET", "/echo?how=header")
        assert said.headers["x-echo"] == "Bearer " + "*" * len(KEY)
        assert said.headers["location"].startswith("/next?key=Bearer%20***")
        assert KEY not in str(said.headers)
        assert urllib.parse.quote(KEY, safe="") not in str(said.headers)

    story(tmp_path, scenario)


def test_what_cannot_be_decoded_is_not_passed_on(tmp_path: Path) -> None:
    async def scenario(world: World, _: OrdersApi) -> None:
        refusal = await world.refused(world.token(ECHO), "GET", "/echo?how=unknown")
        assert isinstance(refusal, UpstreamFailed)
        assert refusal.code == "upstream_garbled"
        assert world.entries("call.finished")[-1]["code"] == "upstream_garbled"

    story(tmp_path, scenario)


def test_a_secret_in_the_query_is_injected_and_hidden() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        while True:
            head = await raw.read(reader)
            line = head.split(b"\r\n")[0]
            target = line.split(b" ")[1]
            location = b"Location: http://127.0.0.1:%d%s\r\nContent-Type: text/plain\r\n" % (raw.port, target)
            writer.write(plain(line, status="302 Found", headers=location))

    async def scenario() -> None:
        async with serving(echo) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS, injection=Injection(InjectionKind.QUERY, "api_key"))
            token = world.token("orders:list")
            said = await world.ask(token, "GET", "/orders?page=2")
            assert raw.heads[0].startswith(b"GET /orders?page=2&api_key=" + urllib.parse.quote(KEY, safe="").encode())
            for text in (said.body.decode(), said.headers["location"]):
                assert "api_key=***" in text
                assert KEY[:12] not in text
            for target in ("/orders?api_key=mine", "/orders?API_KEY=mine&page=1"):
                assert (await world.refused(token, "GET", target)).code == "malformed_request"
            assert len(raw.heads) == 1
            assert KEY not in repr([found.row for found in world.journal.entries])

    asyncio.run(scenario())


def test_the_parameter_of_the_secret_is_ours_even_where_an_operations_file_declares_it() -> None:
    declared = """
types: {orders: {actions: {list: {class: read, properties: {api_key: {type: string, free: true}}}}}}
rest: [{match: "GET /orders", action: "orders:list", resource: none}]
"""

    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw, opened() as world:
            world.upstream(raw.target, declared, injection=Injection(InjectionKind.QUERY, "api_key"))
            token = world.token("orders:list")
            assert (await world.ask(token, "GET", "/orders")).status == 200
            for target in ("/orders?api_key=mine", "/orders?api%5Fkey=mine", "/orders?%61pi_key="):
                assert (await world.refused(token, "GET", target)).code == "malformed_request"
            assert len(raw.heads) == 1

    asyncio.run(scenario())


def test_only_the_headers_on_the_list_cross() -> None:
    async def scenario() -> None:
        answer = plain(
            b"ok",
            headers=b"Set-Cookie: a=b\r\nWWW-Authenticate: Basic\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b'X-Request-Id: 7\r\nETag: "x"\r\nContent-Security-Policy: none\r\nAccess-Control-Allow-Origin: *\r\n'
            b"Gatepass-Decision: dec_forged\r\nRateLimit: x\r\nX-Accel-Redirect: /etc\r\nServer: y\r\n"
            b"Strict-Transport-Security: max-age=1\r\nTrailer: X\r\nContent-Type: text/html\r\nRetry-After: 3\r\n",
        )
        async with serving(answering(answer)) as raw, opened() as world:
            world.upstream(raw.target, "headers: [x-api-version]\n" + OPERATIONS)
            token = world.token("orders:list")
            sent = (
                ("accept", "application/json"), ("accept", "text/html"), ("user-agent", "bot/1"), ("cookie", "a=b"),
                ("range", "bytes=0-5"), ("accept-encoding", "gzip, br"), ("traceparent", "00-x"),
                ("x-api-version", "2"),
                ("x-forwarded-for", "1.2.3.4"), ("x-evil", "1"), ("proxy-authorization", "x"), ("te", "trailers"),
                ("connection", "close, If-Match"), ("if-match", "x"), ("if-none-match", "y"), ("dpop", "z"),
                ("host", "evil"), ("forwarded", "for=1"), ("gatepass-run", "run_1"), ("expect", "100-continue"),
                ("upgrade", "h2c"), ("x-original-url", "/admin"),
            )  # fmt: skip
            said = await world.ask(token, "GET", "/orders", None, *sent)
            lines = raw.heads[0].split(b"\r\n")[1:-2]
            assert sorted(lines) == sorted(
                [
                    b"Host: 127.0.0.1:%d" % raw.port,
                    b"accept: application/json",
                    b"accept: text/html",
                    b"accept-encoding: identity",
                    b"authorization: Bearer " + KEY.encode(),
                    b"if-none-match: y",
                    b"traceparent: 00-x",
                    b"user-agent: bot/1",
                    b"x-api-version: 2",
                ]
            )
            ours = {"gatepass-decision", "gatepass-credential", "ratelimit", "ratelimit-policy"}
            assert set(said.headers) - ours == {
                "x-request-id", "etag", "content-security-policy", "x-content-type-options", "content-type",
                "content-length", "retry-after",
            }  # fmt: skip
            assert said.headers["content-security-policy"] == "sandbox"
            assert said.headers["x-content-type-options"] == "nosniff"
            assert said.headers["gatepass-decision"] != "dec_forged"

    asyncio.run(scenario())


def test_a_stream_is_relayed_as_it_comes_and_cut_when_the_token_is_withdrawn(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token("orders:watch:order-12345")
        reply = await world.surface.handle(world.request(token, "GET", "/orders/order-12345/events?every=0.01"))
        assert dict(reply.headers)[b"content-type"] == b"text/event-stream"
        received = b""
        while received.count(b"event: tick") < 5:
            received += await anext(reply.body)
        world.revoke(token)
        begun = time.monotonic()
        with pytest.raises(Denied) as cut:
            await anext(reply.body)
        assert cut.value.code == "withdrawn_in_flight"
        assert time.monotonic() - begun < 0.5
        with pytest.raises(StopAsyncIteration):
            await anext(reply.body)
        (seen,) = await api.next_seen(1)
        assert seen["closed"] == "by the caller"
        (finished,) = world.entries("call.finished")
        assert finished["code"] == "withdrawn_in_flight"
        assert finished["bytes_out"] == len(received)
        assert (await world.refused(token, "GET", "/orders/order-12345/events")).code == "credential_invalid"

    story(tmp_path, scenario)


def test_a_stream_that_is_silent_is_cut_at_once(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token("orders:watch:order-12345")
        reply = await world.surface.handle(world.request(token, "GET", "/orders/order-12345/events?every=1.5"))
        assert b"event: tick" in await anext(reply.body)
        waiting = asyncio.ensure_future(anext(reply.body))
        await asyncio.sleep(0.05)
        world.revoke(token)
        with pytest.raises(Denied) as cut:
            await asyncio.wait_for(waiting, 0.5)
        assert cut.value.code == "withdrawn_in_flight"
        assert (await api.next_seen(1))[0]["closed"] == "by the caller"

    story(tmp_path, scenario)


def test_a_call_that_waits_for_its_answer_is_cut_too() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"late"), pause=10)) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token(SMALL_REFUND)
            asking = asyncio.ensure_future(world.ask(token, "POST", "/orders/order-12345/refunds", refund()))
            await raw.arrived.wait()
            world.revoke(token)
            with pytest.raises(Denied) as cut:
                await asyncio.wait_for(asking, 0.5)
            assert cut.value.code == "withdrawn_in_flight"
            await asyncio.sleep(0.05)
            (finished,) = world.entries("call.finished")
            assert finished["code"] == "withdrawn_in_flight"
            assert not finished["reservations"]  # it had left: the meters stay drawn

    asyncio.run(scenario())


def test_a_caller_that_leaves_closes_the_upstream(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token("orders:watch:order-12345")
        for read_first in (True, False):
            reply = await world.surface.handle(world.request(token, "GET", "/orders/order-12345/events?every=0.01"))
            if read_first:
                await anext(reply.body)
            await reply.body.aclose()  # type: ignore[attr-defined]
            assert world.entries("call.finished")[-1]["code"] == "caller_gone"
        assert [seen["closed"] for seen in await api.next_seen(2)] == ["by the caller"] * 2

    story(tmp_path, scenario)


def test_a_caller_that_leaves_while_waiting_is_an_unknown_outcome() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        await reader.read()

    async def scenario() -> None:
        async with serving(listen) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            asking = asyncio.ensure_future(world.ask(token, "GET", "/orders"))
            await raw.arrived.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            (finished,) = world.entries("call.finished")
            assert finished["code"] == "caller_gone"
            await asyncio.sleep(0.05)
            assert raw.closed == 1

    asyncio.run(scenario())


ONE_CALL = TokenLimits(attempts=Rate(1000, 60_000), calls=Rate(1000, 60_000), requests_per_day=1)


def failing(script: Script, code: str, *, spent: bool) -> None:
    """A call that fails costs its meter only if a byte left the house."""

    async def scenario() -> None:
        async with serving(script) as raw, opened(Patience(connect=1, first=0.4, idle=0.4, whole=2)) as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list", limits=ONE_CALL)
            failure = await world.refused(token, "GET", "/orders")
            assert failure.code == code
            assert failure.details["decision_id"] == world.entries("call.finished")[0]["decision"]
            (finished,) = world.entries("call.finished")
            assert finished["code"] == code
            again = await world.refused(token, "GET", "/orders")
            assert isinstance(again, LimitExceeded) == spent

    asyncio.run(scenario())


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
    await raw.read(reader)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (hang_up, "upstream_lost"),
        (answering(b"", pause=0), "upstream_timeout"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), "upstream_timeout"),
        (answering(b"garbage\r\n\r\n"), "upstream_garbled"),
        (answering(plain(b"x", status="206 Partial Content")), "upstream_garbled"),
        (answering(plain(b"x", headers=b"Content-Encoding: br\r\n")), "upstream_garbled"),
        (answering(plain(b"x", headers=b"Content-Encoding: gzip\r\n")), "upstream_garbled"),
        (answering(plain(b"x", headers=b"Content-Type: text/plain; charset=utf-7\r\n")), "upstream_garbled"),
        (
            answering(plain(b"x", headers=b"Content-Type: text/plain\r\nContent-Type: text/html\r\n")),
            "upstream_garbled",
        ),
        (
            answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            "upstream_garbled",
        ),
    ],
    ids=["hangs up", "silent", "short", "not HTTP", "partial", "brotli", "not gzip", "utf-7", "two types", "upgrade"],
)
def test_an_upstream_that_fails_costs_the_meter(script: Script, code: str) -> None:
    failing(script, code, spent=True)


def test_an_upstream_that_is_down_costs_nothing() -> None:
    async def scenario() -> None:
        async with serving(hang_up) as raw:
            target = raw.target
        async with opened() as world:
            world.upstream(target, OPERATIONS)
            token = world.token("orders:list", limits=ONE_CALL)
            for _ in range(3):
                failure = await world.refused(token, "GET", "/orders")
                assert failure.code == "upstream_unreachable"
            assert all(entry["reservations"] for entry in world.entries("call.finished"))

    asyncio.run(scenario())


def test_a_long_answer_that_breaks_off_never_looks_whole() -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw) -> None:
        await raw.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
        await writer.drain()

    async def scenario() -> None:
        async with serving(breaks) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            reply = await world.surface.handle(world.request(world.token("orders:list"), "GET", "/orders"))
            assert dict(reply.headers)[b"content-length"] == b"1000000"
            with pytest.raises(UpstreamFailed):
                await heard(reply)
            assert world.entries("call.finished")[0]["code"] == "upstream_garbled"

    asyncio.run(scenario())


def test_long_answers_pass_byte_for_byte_and_are_recorded_before_their_end() -> None:
    text = bytes(range(256)) * 4000

    async def scenario() -> None:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
        async with serving(answering(plain(text), chunked)) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            for _ in range(2):
                said = await world.ask(token, "GET", "/orders")
                assert said.body == text
            for chunk_kind in ("length", "chunks"):
                before = len(world.entries("call.finished"))
                reply = await world.surface.handle(world.request(token, "GET", "/orders"))
                received = b""
                async for piece in reply.body:
                    received += piece
                    finished = len(world.entries("call.finished")) > before
                    assert finished == (len(received) == len(text)) or chunk_kind == "chunks"
                assert len(world.entries("call.finished")) == before + 1
            assert raw.connections == 1

    asyncio.run(scenario())


def test_a_compressed_answer_is_decoded_piece_by_piece_and_recorded_before_its_end() -> None:
    text = b"a line of text, again and again\n" * 200_000

    async def scenario() -> None:
        squeezed = gzip.compress(text)
        headers = b"Content-Encoding: gzip\r\nContent-Type: text/plain\r\n"
        async with serving(answering(plain(squeezed, headers=headers))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            reply = await world.surface.handle(world.request(world.token("orders:list"), "GET", "/orders"))
            assert b"content-length" not in dict(reply.headers)
            sizes = []
            async for piece in reply.body:
                sizes.append(len(piece))
                assert bool(world.entries("call.finished")) == (sum(sizes) == len(text))
            assert max(sizes) < 100_000
            assert sum(sizes) == len(text)

    asyncio.run(scenario())


def test_a_bomb_breaks_off() -> None:
    async def scenario() -> None:
        headers = b"Content-Encoding: gzip\r\n"
        bomb = plain(gzip.compress(bytes(64 << 20)), headers=headers)
        async with serving(answering(bomb)) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            reply = await world.surface.handle(world.request(world.token("orders:list"), "GET", "/orders"))
            with pytest.raises(UpstreamFailed) as failure:
                async for _ in reply.body:
                    pass
            assert failure.value.code == "upstream_garbled"
            assert world.entries("call.finished")[0]["bytes_out"] < 16 << 20

    asyncio.run(scenario())


def test_when_the_outcome_cannot_be_recorded_a_read_is_not_answered() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            world.journal.hold()
            asking = asyncio.ensure_future(world.ask(token, "GET", "/orders"))
            await asyncio.sleep(0.1)
            assert len(raw.heads) == 1
            assert not asking.done()
            world.journal.fail()
            with pytest.raises(Unavailable) as failure:
                await asking
            assert failure.value.code == "journal_unavailable"
            assert "look before you repeat it" in failure.value.hint

    asyncio.run(scenario())


def test_a_mutating_call_does_not_leave_before_its_intent_is_on_the_disk() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token(SMALL_REFUND)
            world.journal.hold()
            asking = asyncio.ensure_future(world.ask(token, "POST", "/orders/order-12345/refunds", refund()))
            await asyncio.sleep(0.1)
            assert raw.connections == 0
            world.journal.release()
            assert (await asking).status == 200
            assert len(raw.heads) == 1

    asyncio.run(scenario())


def test_a_streamed_body_goes_through_as_it_comes_and_no_further_than_its_bound(tmp_path: Path) -> None:
    async def scenario(world: World, _: OrdersApi) -> None:
        token = world.token("orders:invoice:order-12345")
        pdf = ("content-type", "application/pdf")
        path = "/orders/order-12345/invoice"
        body = Pieces(*[b"x" * 100_000] * 20)
        said = await world.ask(token, "PUT", path, body, pdf, ("content-length", "2000000"))
        assert said.json == {"order": "order-12345", "bytes": 2_000_000}
        said = await world.ask(token, "PUT", path, Pieces(b"a", b"b"), pdf, ("transfer-encoding", "chunked"))
        assert said.json["bytes"] == 2
        long = Pieces(*[b"x" * 1_000_000] * 11)
        refusal = await world.refused(token, "PUT", path, long, pdf, ("transfer-encoding", "chunked"))
        assert refusal.code == "too_large"
        refusal = await world.refused(token, "PUT", path, long, pdf, ("content-length", "99999999"))
        assert refusal.code == "too_large"
        for wrong in ("application/x-www-form-urlencoded", "text/html"):
            assert (await world.refused(token, "PUT", path, b"x", ("content-type", wrong))).code == "malformed_request"

    story(tmp_path, scenario)


def test_a_body_that_breaks_off_at_the_caller_says_so(tmp_path: Path) -> None:
    class Broken(Pieces):
        async def __anext__(self) -> bytes:
            if not self.left:
                raise Malformed("malformed_request", "the connection closed before the body ended")
            return self.left.pop(0)

    async def scenario(world: World, _: OrdersApi) -> None:
        token = world.token("orders:invoice:order-12345", SMALL_REFUND)
        chunked = ("transfer-encoding", "chunked")
        pdf = ("content-type", "application/pdf")
        refusal = await world.refused(token, "PUT", "/orders/order-12345/invoice", Broken(b"x"), pdf, chunked)
        assert refusal.code == "malformed_request"
        assert world.entries("call.finished")[-1]["code"] == "malformed_request"
        refusal = await world.refused(token, "POST", "/orders/order-12345/refunds", Broken(b"{"), JSON, chunked)
        assert refusal.code == "malformed_request"

    story(tmp_path, scenario)


def test_strangers_and_unknown_upstreams_get_nothing(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        token = world.token("orders:list")
        assert isinstance(await world.refused(None, "GET", "/orders"), Unauthenticated)
        assert isinstance(await world.refused(token[:-1] + "x", "GET", "/orders"), Unauthenticated)
        with pytest.raises(NotFound):
            await world.surface.handle(world.request(token, "GET", "/orders", upstream="nothing"))
        assert api.seen == [] if api.log.exists() else True

    story(tmp_path, scenario)


def test_only_a_rest_upstream_is_served_here() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"{}"))) as raw, opened() as world:
            record = world.upstream(raw.target, OPERATIONS)
            for kind in (UpstreamKind.MCP_HTTP, UpstreamKind.MCP_STDIO):
                world.snapshot.put(replace(record, kind=kind))
                refusal = await world.refused(world.token("orders:list"), "GET", "/orders")
                assert refusal.code == "operation_unmapped"
            assert raw.connections == 0

    asyncio.run(scenario())


def test_a_head_is_answered_without_a_body() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"
        async with serving(answering(answer)) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS.replace('GET /orders"', 'HEAD /orders"'))
            said = await world.ask(world.token("orders:list"), "HEAD", "/orders")
            assert (said.body, said.headers["content-length"]) == (b"", "12345")

    asyncio.run(scenario())


def test_limits_and_classes_hold_on_this_surface(tmp_path: Path) -> None:
    async def scenario(world: World, api: OrdersApi) -> None:
        reading = TokenLimits(attempts=Rate(100, 60_000), calls=Rate(2, 60_000), classes=frozenset({ActionClass.READ}))
        token = world.token("orders:list", SMALL_REFUND, limits=reading)
        assert (await world.ask(token, "GET", "/orders")).headers["ratelimit"]
        refused = await world.refused(token, "POST", "/orders/order-12345/refunds", refund())
        assert isinstance(refused, Denied)
        await world.ask(token, "GET", "/orders")
        assert isinstance(await world.refused(token, "GET", "/orders"), LimitExceeded)
        assert len(await api.next_seen(2)) == 2

    story(tmp_path, scenario)


def test_one_agent_is_disabled_and_another_goes_on(tmp_path: Path) -> None:
    """C4, at the surface: nothing of the upstream's secret changes either."""

    async def scenario(world: World, api: OrdersApi) -> None:
        first, second = world.token("orders:list"), world.token("orders:list")
        await world.ask(first, "GET", "/orders")
        world.revoke(first)
        assert (await world.refused(first, "GET", "/orders")).code == "credential_invalid"
        assert (await world.ask(second, "GET", "/orders")).status == 200
        assert [seen["key"] for seen in await api.next_seen(2)] == ["right", "right"]

    story(tmp_path, scenario)


def test_errors_carry_what_an_agent_can_look_up() -> None:
    async def scenario() -> None:
        async with serving(hang_up) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:list")
            failures: list[Error] = [
                await world.refused(token, "GET", "/orders"),
                await world.refused(token, "GET", "/orders?x=1"),
                await world.refused(token, "GET", "/nothing"),
                await world.refused(token, "GET", "/orders/order-1"),
            ]
            decisions = {entry["decision"] for entry in world.entries("call.decided")}
            for failure in failures:
                assert failure.details["decision_id"] in decisions
                assert failure.details["credential"].startswith("crd_")
                assert failure.details["rate_limit"]
                assert "\n" not in failure.message
                assert failure.message[0] in "`" + "abcdefghijklmnopqrstuvwxyz"

    asyncio.run(scenario())
