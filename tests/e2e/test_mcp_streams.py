"""A stream that is cut: the server is still sending, and what the agent gets after the revocation is counted."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.mcp_clients import web
from tests.gateway.mcp.raw_http import RawHttp, served
from tests.gateway.mcp.raw_server import Server
from tests.gateway.mcp.world import World, opened

pytestmark = pytest.mark.anyio
RAW = Path(__file__).parents[1] / "gateway" / "mcp" / "raw_server.py"
STREAMS = 20


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["http-modern", "http-legacy", "stdio-modern", "stdio-legacy"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    transport, _, era = request.param.partition("-")
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(opened(tmp_path))
        if transport == "http":
            target = f"{await stack.enter_async_context(served(RawHttp(era)))}/mcp"
        else:
            target = json.dumps([sys.executable, str(RAW), era, "--log", str(tmp_path / "log")])
        world.upstream(target)
        yield world, await stack.enter_async_context(web(world))


class Stream:
    """One agent's open stream, read as it comes."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token
        self.events: list[Any] = []
        self.ended = asyncio.Event()

    async def run(self) -> None:
        host, _, port = self.address.removeprefix("http://").partition(":")
        params = {"name": "endless", "arguments": {}, "_meta": {"progressToken": "p"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = (
            f"POST /mcp/raw HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {self.token}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: 2025-11-25\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + body)
        try:
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        finally:
            writer.close()
            self.ended.set()


async def test_not_one_event_passes_after_the_token_was_withdrawn(gateway: tuple[World, str]) -> None:
    world, address = gateway
    world.role("raw:do")
    doomed, kept = world.token("raw:do", agent="doomed"), world.token("raw:do", agent="kept")
    streams = [Stream(address, doomed) for _ in range(STREAMS)] + [Stream(address, kept)]
    tasks = [asyncio.create_task(stream.run()) for stream in streams]
    async with asyncio.timeout(20):
        while not all(len(stream.events) > 5 for stream in streams):  # noqa: ASYNC110  other tasks fill them
            await asyncio.sleep(0.02)
    before = [event["params"]["progress"] for stream in streams for event in stream.events]
    world.revoke(doomed)
    sent = max(Server.emitted, *before)
    async with asyncio.timeout(10):
        for stream in streams[:-1]:
            await stream.ended.wait()
    for stream in streams[:-1]:
        *progress, last = stream.events
        assert last["error"]["data"]["code"] == "withdrawn_in_flight"
        if Server.emitted:  # the server is in this process, so its own count is known
            assert max(event["params"]["progress"] for event in progress) <= sent
        assert not any("result" in event for event in stream.events)
    more = len(streams[-1].events)
    await asyncio.sleep(0.2)
    assert len(streams[-1].events) > more, "the stream of another token goes on"
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    codes = [entry["code"] for entry in world.entries() if entry["event"] == "call.finished"]
    assert codes.count("withdrawn_in_flight") == STREAMS


async def test_the_servers_stop_when_the_agents_leave(gateway: tuple[World, str]) -> None:
    world, address = gateway
    stream = Stream(address, world.ready("raw:do"))
    task = asyncio.create_task(stream.run())
    async with asyncio.timeout(10):
        while len(stream.events) < 5:  # noqa: ASYNC110  the other task fills it
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while ("call.finished", "caller_gone") not in world.events():  # noqa: ASYNC110  the server notices
            await asyncio.sleep(0.02)
    log = world.folder / "log"
    if log.exists():
        async with asyncio.timeout(10):
            while "notifications/cancelled" not in log.read_text():  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.02)
    else:
        await asyncio.sleep(0.3)
        count = Server.emitted
        await asyncio.sleep(0.2)
        assert Server.emitted == count
