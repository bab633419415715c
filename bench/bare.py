"""A bare upstream: REST and MCP (2026-07-28) from one port, doing as little as a server can.

    python bench/bare.py        prints its port, serves until it is ended

It must cost little, so that the gateway in front of it is what is measured.
"""

import asyncio
import json

BODY = json.dumps({"id": "order-12345", "state": "refunded", "note": "x" * 252}).encode()
"""300 bytes."""
KIND = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REST = KIND % len(BODY) + BODY
ERA = "2026-07-28"
SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}}}
RESULTS = {
    "server/discover": {
        "resultType": "complete",
        "supportedVersions": [ERA],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "bare", "version": "1"},
    },
    "tools/list": {
        "resultType": "complete",
        "tools": [{"name": "refund", "inputSchema": SCHEMA}],
        "ttlMs": 0,
        "cacheScope": "private",
    },
    "tools/call": {"resultType": "complete", "content": [{"type": "text", "text": "refunded"}]},
}


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.text = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        assert self.transport is not None
        self.text += data
        while (end := self.text.find(b"\r\n\r\n")) >= 0:
            head = self.text[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
            if len(self.text) < end + 4 + length:
                return
            body, self.text = self.text[end + 4 : end + 4 + length], self.text[end + 4 + length :]
            self.transport.write(answer(body) if b" /mcp" in head.partition(b"\r\n")[0] else REST)


def answer(body: bytes) -> bytes:
    message = json.loads(body)
    text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": RESULTS[message["method"]]}).encode()
    return KIND % len(text) + text


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
