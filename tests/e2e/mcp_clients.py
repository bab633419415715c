"""The gateway behind its real web server, and real clients in front of it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from tests.gateway.mcp.world import World

from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.serving import serve


@asynccontextmanager
async def web(world: World) -> AsyncIterator[str]:
    """Serve the gateway as `up` does; yields its address."""

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody manages here")

    app = App(
        surfaces=Surfaces(rest=world.surface, mcp=world.surface, header_only=world.surface),
        management=nothing,
        hosts=Hosts(agents=frozenset({"127.0.0.1"}), people=frozenset({"localhost"})),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    stop, listening = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(app, [listener], stop, listening=listening.set))  # type: ignore[arg-type]
        await listening.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()


@asynccontextmanager
async def connected(url: str, token: str, era: str, **options: Any) -> AsyncIterator[Client]:
    """The official client, in one era, with the token as its configured header."""
    mode = "legacy" if era == "legacy" else "auto"
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client
