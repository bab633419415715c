"""The agent of the demo: it holds one token and keeps every byte that it ever receives.

It speaks plain HTTP/1.1 over the standard library, below which nothing is hidden: the recording is taken
from the socket, so a search in it finds whatever an agent could have seen.
"""

import http.client
import io
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

__all__ = ["Agent", "Answer"]

PATIENCE: Final = 20.0
"""Seconds that the agent waits for anything."""

ERA: Final = "2026-07-28"
CLIENT: Final = {"name": "demo-agent", "version": "1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the body read as JSON, or None where it is none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """Gatepass's code for a refusal, on REST and in a tool's result alike; empty for none."""
        told = self.body if isinstance(self.body, dict) else {}
        if "result" in told:
            told = told["result"].get("structuredContent") or {}
        if isinstance(told.get("error"), dict):
            told = told["error"].get("data") or {}
        return str(told.get("code", ""))


@dataclass(slots=True)
class Agent:
    """One token, two surfaces, and `received`: everything that ever came out of a socket."""

    url: str
    token: str
    received: bytearray = field(default_factory=bytearray)
    _asked: int = 0

    def rest(self, method: str, path: str, body: Any = None) -> Answer:  # noqa: ANN401 - any JSON
        """One REST call through the gateway."""
        with self._ask(method, path, body, {}) as response:
            return _answer(response)

    def mcp(self, upstream: str, method: str, **params: Any) -> Answer:  # noqa: ANN401 - any JSON
        """One MCP request of the stateless revision."""
        self._asked += 1
        meta = {
            "io.modelcontextprotocol/protocolVersion": ERA,
            "io.modelcontextprotocol/clientInfo": CLIENT,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": {**params, "_meta": meta}}
        headers = {"MCP-Protocol-Version": ERA, "Mcp-Method": method, "Accept": "application/json, text/event-stream"}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        with self._ask("POST", f"/mcp/{upstream}", message, headers) as response:
            return _answer(response)

    @contextmanager
    def stream(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """A stream that stays open while the caller reads lines from it."""
        with self._ask("GET", path, None, {"Accept": "text/event-stream"}) as response:
            yield response

    @contextmanager
    def _ask(
        self,
        method: str,
        path: str,
        body: Any,  # noqa: ANN401 - any JSON
        headers: Mapping[str, str],
    ) -> Iterator[http.client.HTTPResponse]:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        connection.connect()
        connection.sock = cast("socket.socket", _Tee(connection.sock, self.received))
        content = None if body is None else json.dumps(body).encode()
        said = {"Authorization": f"Bearer {self.token}", **headers}
        if content is not None:
            said["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, said)
            yield connection.getresponse()
        finally:
            connection.close()


class _Tee:
    """A socket whose every received byte is kept."""

    def __init__(self, inner: socket.socket, kept: bytearray) -> None:
        self._inner = inner
        self._kept = kept

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - it is always "rb"
        """What `http.client` reads an answer from."""
        return io.BufferedReader(_TeeReader(self._inner.makefile("rb", buffering=0), self._kept))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the socket's own
        return getattr(self._inner, name)


class _TeeReader(io.RawIOBase):
    def __init__(self, inner: Any, kept: bytearray) -> None:  # noqa: ANN401 - a raw socket file
        super().__init__()
        self._inner = inner
        self._kept = kept

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - a writable buffer
        count = cast("int | None", self._inner.readinto(buffer))
        if count:
            self._kept += bytes(buffer[:count])
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()


def _answer(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    if headers.get("content-type", "").startswith("text/event-stream"):
        lines = [line[5:].strip() for line in content.splitlines() if line.startswith(b"data:")]
        content = lines[-1] if lines else b""
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = None
    return Answer(response.status, headers, body)
