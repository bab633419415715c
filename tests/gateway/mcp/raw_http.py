"""The minimal server of `raw_server`, over Streamable HTTP: JSON answers, or a stream where it has more to say."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from tests.gateway.mcp.raw_server import MODERN, Server

ODD: dict[str, tuple[int, dict[str, str], bytes]] = {
    "redirect": (302, {"location": "http://127.0.0.1:1/"}, b""),
    "html": (200, {"content-type": "text/html"}, b"<p>hello"),
    "error_html": (400, {"content-type": "text/html"}, b"<p>no"),
    "compressed": (200, {"content-type": "application/json", "content-encoding": "gzip"}, b"\x1f\x8b"),
    "nothing": (202, {}, b""),
    "rejected": (401, {"www-authenticate": "Bearer"}, b""),
    "crashed": (500, {"content-type": "application/json"}, b"{}"),
    "batch": (200, {"content-type": "application/json"}, b"[]"),
    "unread": (
        400,
        {"content-type": "application/json"},
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"?"}}',
    ),
    "cut": (200, {"content-type": "text/event-stream"}, b"data: {"),
    "stranger": (200, {"content-type": "text/event-stream"}, b'data: {"jsonrpc":"2.0","id":7777,"result":{}}\n\n'),
    "noise": (200, {"content-type": "text/event-stream"}, b"data: what\n\n"),
    "chatter": (
        200,
        {"content-type": "text/event-stream"},
        b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n' * 1100,
    ),
}


@dataclass
class Heard:
    """One request, as it came."""

    method: str
    headers: dict[str, str]
    message: Any
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client of ours went away before the answer."""


@dataclass
class RawHttp:
    """An ASGI application."""

    era: str
    secret: str = ""
    heard: list[Heard] = field(default_factory=list)
    sessions: dict[str, Server] = field(default_factory=dict)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(64))
    strict: bool = True
    """Whether a modern request without its headers is refused."""

    @property
    def calls(self) -> list[Heard]:
        return [heard for heard in self.heard if (heard.message or {}).get("method") == "tools/call"]

    def methods(self) -> list[str]:
        return [(heard.message or {}).get("method") or heard.method for heard in self.heard]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        heard = Heard(scope["method"], headers, json.loads(body) if body else None)
        self.heard.append(heard)
        if scope["method"] == "DELETE":
            self.sessions.pop(headers.get("mcp-session-id", ""), None)
            await respond(send, 200, {}, b"")
        else:
            await self.post(heard, receive, send)

    async def post(self, heard: Heard, receive: Any, send: Any) -> None:
        message = heard.message
        name = (message.get("params") or {}).get("name")
        if message.get("method") == "tools/call" and name in ODD:
            status, headers, body = ODD[name]
            await respond(send, status, headers, body)
            return
        server, more = self.server(heard)
        if server is None:
            await respond(
                send, 400 if self.era == "modern" else 404, {"content-type": "text/plain"}, b"no such session"
            )
            return
        if "id" not in message or "method" not in message:
            server.handle(message, lambda _: None)
            await respond(send, 202, {}, b"")
            return
        await self.serve(server, heard, more, receive, send)

    def server(self, heard: Heard) -> tuple[Server | None, dict[str, str]]:
        if self.era == "modern":
            stated = heard.headers.get("mcp-protocol-version") == MODERN and "mcp-method" in heard.headers
            return (Server("modern", self.secret) if stated or not self.strict else None), {}
        if heard.message.get("method") == "initialize":
            session = f"session-{len(self.sessions) + len(self.heard)}"
            self.sessions[session] = Server("legacy", self.secret)
            return self.sessions[session], {"mcp-session-id": session}
        return self.sessions.get(heard.headers.get("mcp-session-id", "")), {}

    async def serve(self, server: Server, heard: Heard, more: dict[str, str], receive: Any, send: Any) -> None:
        loop, outbox = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def emit(message: Any) -> None:
            loop.call_soon_threadsafe(outbox.put_nowait, message)

        work = loop.run_in_executor(self.threads, server.handle, heard.message, emit)
        work.add_done_callback(lambda _: outbox.put_nowait(None))
        watch = asyncio.ensure_future(self.watch(server, heard, receive))
        try:
            first = await outbox.get()
            if isinstance(first, dict) and first.get("id") == heard.message["id"] and "method" not in first:
                code = (first.get("error") or {"code": 0})["code"]
                status = {-32601: 404, -32602: 400, -32022: 400}.get(code, 200)
                await respond(send, status, {"content-type": "application/json", **more}, json.dumps(first).encode())
                return
            await start(send, 200, {"content-type": "text/event-stream", **more})
            while first is not None:
                text = first if isinstance(first, str) else json.dumps(first)
                await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})
                first = await outbox.get()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.cancel()

    async def watch(self, server: Server, heard: Heard, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.cut.set()
        server.cancelled.add(heard.message.get("id"))


async def start(send: Any, status: int, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def respond(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    await start(send, status, headers)
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve `app` on a free port, in this event loop; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, interface="asgi3", log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
