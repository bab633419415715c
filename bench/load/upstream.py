"""The upstream of every subject: a refund in 300 bytes over REST, one tool over MCP, and a count of who came with what.

It runs as a program of its own on the core of the load. It is as bare as it can be, because whatever stands behind a
gateway must not be what is measured: one protocol on llhttp, answers made beforehand. It speaks MCP as a Streamable
HTTP server without sessions that answers in JSON, in both revisions (2026-07-28 without a handshake, 2025-11-25 with).

    python -m bench.load.upstream        says its port on a line, then serves until its input ends
"""

import asyncio
import sys
from collections import Counter
from typing import Any, Final, cast

import httptools
import msgspec
import uvloop

__all__ = ["KEY", "MARK", "REFUNDED", "main"]

KEY: Final = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
"""The upstream's real key. Whoever injects it is counted; nobody is refused, because most peers have none to inject."""
MARK: Final = "refund-7d1c-accepted"
"""What only the upstream says, so that an answer that holds it came from there."""
REFUNDED: Final = b'{"id":"re_5d1c","order":"order-12345","amount":49.5,"currency":"USD","said":"%s","pad":"%s"}' % (
    MARK.encode(),
    b"x" * (300 - 88 - len(MARK)),
)
ERA: Final = "2026-07-28"
SERVER: Final = {"name": "orders", "version": "1"}
TOOL: Final = {
    "name": "refund",
    "description": "Refund an order",
    "inputSchema": {
        "type": "object",
        "properties": {"order": {"type": "string"}, "amount": {"type": "number"}, "currency": {"type": "string"}},
        "required": ["order", "amount", "currency"],
    },
}


class Message(msgspec.Struct):
    """As much of a JSON-RPC message as has to be read."""

    method: str = ""
    id: int | str | None = None
    params: dict[str, Any] = {}


_read = msgspec.json.Decoder(Message).decode
_write = msgspec.json.Encoder().encode


def _head(status: bytes, length: int, kind: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind, length)


_REFUND: Final = _head(b"200 OK", len(REFUNDED)) + REFUNDED


class Answering(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self.url = b""
        self.body = b""
        self.raw = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self.counts["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.raw += data
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            assert self.transport is not None
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        raw, url, body, method = self.raw, self.url, self.body, self.parser.get_method()
        self.raw = self.url = self.body = b""
        assert self.transport is not None
        self.transport.write(self.answer(raw, method, url, body))

    def answer(self, raw: bytes, method: bytes, url: bytes, body: bytes) -> bytes:
        """The whole answer to one request, head and body."""
        if url == b"/counts":
            told = _write(self.counts)
            return _head(b"200 OK", len(told)) + told
        if KEY.encode() in raw:
            self.counts["with the key"] += 1
        if url.startswith(b"/mcp"):
            return self.spoken(method, body)
        self.counts["refunds"] += 1
        return _REFUND

    def spoken(self, method: bytes, body: bytes) -> bytes:
        """The answer to a message of MCP."""
        if method != b"POST":
            return _head(b"405 Method Not Allowed", 0)
        message = _read(body)
        if message.id is None:
            return _head(b"202 Accepted", 0)
        if message.method == "tools/call":
            self.counts["calls"] += 1
        told = _write({"jsonrpc": "2.0", "id": message.id, "result": self.result(message)})
        return _head(b"200 OK", len(told)) + told

    def result(self, message: Message) -> dict[str, Any]:
        """What a method answers, in either revision."""
        modern = "io.modelcontextprotocol/protocolVersion" in (message.params.get("_meta") or {})
        complete = {"resultType": "complete"} if modern else {}
        capabilities: dict[str, Any] = {"tools": {}}
        if message.method == "tools/call":
            return {**complete, "content": [{"type": "text", "text": MARK}], "isError": False}
        if message.method == "tools/list":
            fresh = {"ttlMs": 600_000, "cacheScope": "private"} if modern else {}
            return {**complete, **fresh, "tools": [TOOL]}
        if message.method == "server/discover":
            versions = {"supportedVersions": [ERA, "2025-11-25"], "capabilities": capabilities, "serverInfo": SERVER}
            return {**complete, "ttlMs": 600_000, "cacheScope": "private", **versions}
        if message.method == "initialize":
            version = message.params.get("protocolVersion", "2025-11-25")
            return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": SERVER}
        empty = {"resources/list": "resources", "prompts/list": "prompts"}
        more = {"resources/templates/list": "resourceTemplates"}
        listed = (empty | more).get(message.method)
        return {**complete, listed: []} if listed else complete


async def serve() -> None:
    """Serve on a free port until the input ends."""
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    server = await loop.create_server(lambda: Answering(counts), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
