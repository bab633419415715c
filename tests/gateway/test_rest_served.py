"""The REST surface behind the real HTTP server: what reaches the upstream is what came in over the wire."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway.orders import OPERATIONS, orders_api
from tests.gateway.world import KEY, World, opened
from tests.outbound.upstreams import answering, plain, serving

from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.serving import serve


@dataclass
class Served:
    world: World
    port: int

    async def say(self, *lines: bytes, body: bytes = b"") -> bytes:
        """Send a request as it is, and read all that comes until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = (*lines, b"Host: 127.0.0.1", b"Connection: close", b"", b"")
        writer.write(b"\r\n".join(head) + body)
        answer = await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
        return answer


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Served]:
    async def nothing(*_: Any) -> None:
        raise AssertionError("the management API is not part of this")

    app = App(
        surfaces=Surfaces(rest=world.surface, mcp=world.surface, header_only=world.surface),
        management=nothing,
        hosts=Hosts(agents=frozenset({"127.0.0.1"}), people=frozenset({"localhost"})),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    stop, up = asyncio.Event(), asyncio.Event()
    serving_ = asyncio.ensure_future(serve(app, [listener], stop, listening=up.set))
    await asyncio.wait_for(up.wait(), 10)
    try:
        yield Served(world, listener.getsockname()[1])
    finally:
        stop.set()
        await asyncio.wait_for(serving_, 20)


def story(scenario: Callable[[Served, str], Awaitable[None]], folder: Path) -> None:
    async def told() -> None:
        async with orders_api(folder) as api, opened() as world:
            world.upstream(api.target, OPERATIONS)
            async with served(world) as front:
                await scenario(front, api.target)

    asyncio.run(told())


def bearer(token: str) -> bytes:
    return b"Authorization: Bearer " + token.encode()


def test_the_path_on_the_wire_is_the_path_behind() -> None:
    async def scenario() -> None:
        async with serving(answering(plain(b"ok"))) as raw, opened() as world:
            world.upstream(raw.target, OPERATIONS)
            token = world.token("orders:read:*", "orders:list")
            async with served(world) as front:
                answer = await front.say(b"GET /u/orders/orders/a%20b%3Ac:d'%25 HTTP/1.1", bearer(token))
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert answer.endswith(b"ok")
                assert raw.heads[0].startswith(b"GET /orders/a%20b%3Ac:d'%25 HTTP/1.1\r\n")
                assert token.encode() not in raw.heads[0]
                for path in (
                    b"/orders%2F1",
                    b"/../orders",
                    b"//orders",
                    b"/orders/%2e%2e/x",
                    b"/orders/a;b",
                    b"/orders/\xc3\xa9",
                ):
                    refused = await front.say(b"GET /u/orders" + path + b" HTTP/1.1", bearer(token))
                    assert refused.split(b" ")[1] in {b"400", b"404"}
                assert len(raw.heads) == 1

    asyncio.run(scenario())


def test_two_lengths_on_the_wire_are_refused(tmp_path: Path) -> None:
    async def scenario(front: Served, _: str) -> None:
        token = front.world.token("orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-345")
        smuggled = b"0\r\n\r\nGET /u/orders/orders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        answer = await front.say(
            b"POST /u/orders/orders/order-12345/refunds HTTP/1.1",
            bearer(token),
            b"Content-Type: application/json",
            b"Content-Length: 6",
            b"Transfer-Encoding: chunked",
            body=smuggled,
        )
        assert answer.split(b" ")[1] == b"400"
        assert answer.count(b"HTTP/1.1 ") == 1

    story(scenario, tmp_path)


def test_bytes_after_the_revocation_are_none(tmp_path: Path) -> None:
    async def scenario(front: Served, _: str) -> None:
        token = front.world.token("orders:watch:order-12345")
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        request = b"GET /u/orders/orders/order-12345/events?every=0.01 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + bearer(token)
        writer.write(request + b"\r\n\r\n")
        received = b""
        while received.count(b"event: tick") < 10:
            received += await reader.read(65536)
        front.world.revoke(token)
        after = b""
        with suppress(ConnectionError):
            after = await asyncio.wait_for(reader.read(-1), 2)
        assert after.count(b"event: tick") <= 1  # what was in the socket already
        assert not after.endswith(b"0\r\n\r\n")  # and it does not look like an end
        (finished,) = front.world.entries("call.finished")
        assert finished["code"] == "withdrawn_in_flight"
        writer.close()

    story(scenario, tmp_path)


def test_nothing_that_the_agent_receives_holds_the_secret(tmp_path: Path) -> None:
    async def scenario(front: Served, _: str) -> None:
        token = front.world.token("diagnostics:echo")
        received = b""
        for how in ("plain", "percent", "json", "hex", "base64", "gzip", "header"):
            received += await front.say(b"GET /u/orders/echo?how=" + how.encode() + b"&size=5 HTTP/1.1", bearer(token))
        assert received.count(b"HTTP/1.1 200 ") == 7
        for spelled in (KEY.encode(), KEY.encode().hex().encode(), KEY[:10].encode()):
            assert spelled not in received

    story(scenario, tmp_path)
