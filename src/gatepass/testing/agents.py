"""Agents and what they hold, with clients that ask as agents do: over REST and over MCP, with nothing but the token."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx2

from gatepass import exact
from gatepass.access import Json
from gatepass.client import Management
from gatepass.gateway.mcp.wire.eras import CAPABILITIES_KEY, CLIENT_KEY, MODERN, VERSION_KEY
from gatepass.testing.journal import JournalEntry, LocalJournal
from gatepass.testing.traffic import InProcess

__all__ = ["AGENTS_URL", "Agent", "McpClient", "Pass", "ToolResult", "code_of", "said"]

AGENTS_URL: Final = "http://127.0.0.1"
"""Where agents find the deployment, through a transport of its own."""


def code_of(answer: httpx2.Response) -> str | None:
    """The code of the problem that an answer tells of; None where it tells of none."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    return str(answer.json()["code"]) if kind == "application/problem+json" else None


def said(members: Mapping[str, object]) -> Mapping[str, Json]:
    """What a test writes with plain numbers and lists, as the management client takes it. None is left out."""
    value = exact.read(json.dumps({name: value for name, value in members.items() if value is not None}))
    if not isinstance(value, Mapping):
        raise TypeError("members of an object")
    return value


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a tool call."""

    status: int
    code: str | None
    """Why Gatepass refused it; None when it did not."""
    text: str
    """What the tool said; of a refusal, the message."""
    structured: Any = None
    failed: bool = False
    """Whether there is no result, or one that the tool calls an error."""


@dataclass(frozen=True, slots=True)
class McpClient:
    """One MCP upstream, as a client of the current revision meets it."""

    client: httpx2.Client
    upstream: str

    def list_tools(self) -> tuple[str, ...]:
        """The names of the tools that the token may use. Raises `PermissionError` with the code of a refusal."""
        status, message = self._ask("tools/list", {})
        if "result" not in message:
            raise PermissionError(_refusal(status, message).code)
        return tuple(tool["name"] for tool in message["result"]["tools"])

    def call_tool(self, name: str, arguments: Mapping[str, object] | None = None) -> ToolResult:
        """Call a tool. A refusal is a result that says why."""
        status, message = self._ask("tools/call", {"name": name, "arguments": dict(arguments or {})}, name)
        if "result" not in message:
            return _refusal(status, message)
        result = message["result"]
        text = "".join(part.get("text", "") for part in result.get("content", ()))
        structured, failed = result.get("structuredContent"), bool(result.get("isError"))
        ours = failed and isinstance(structured, dict) and "decision_id" in structured
        return ToolResult(status, structured["code"] if ours else None, text, structured, failed)

    def _ask(self, method: str, params: dict[str, Any], name: str | None = None) -> tuple[int, dict[str, Any]]:
        introduced = {"name": "gatepass.testing", "version": "1"}
        meta = {VERSION_KEY: MODERN, CLIENT_KEY: introduced, CAPABILITIES_KEY: {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        headers = {"mcp-protocol-version": MODERN, "mcp-method": method, "accept": "application/json"}
        if name is not None:
            headers["mcp-name"] = name
        answer = self.client.post(f"/mcp/{self.upstream}", json=message, headers=headers)
        return answer.status_code, answer.json()


def _refusal(status: int, message: dict[str, Any]) -> ToolResult:
    """A refusal, whether it is JSON-RPC's or a problem document."""
    error = message.get("error") or {"message": message.get("detail", ""), "data": message}
    data = error.get("data") or {}
    return ToolResult(status, data.get("code"), error["message"], data, failed=True)


class Pass:
    """A token, and whoever holds it. The deployment closes its clients."""

    def __init__(
        self,
        issued: Mapping[str, Json],
        *,
        transport: InProcess,
        management: Callable[[], Management],
        journal: LocalJournal,
        closing: Callable[[httpx2.Client], None],
    ) -> None:
        self.id = str(issued["id"])
        self.text = str(issued["token"])
        """The token itself: what an agent is configured with."""
        self._transport, self._management, self._journal = transport, management, journal
        self.client = httpx2.Client(transport=transport, base_url=AGENTS_URL, headers=self._headers())
        """A client of this deployment that carries the token."""
        closing(self.client)

    def __repr__(self) -> str:
        return f"<pass {self.id}>"

    def get(self, path: str, **more: Any) -> httpx2.Response:  # noqa: ANN401  as httpx2 takes them
        """GET, for example `/u/orders/orders/1`."""
        return self.client.get(path, **more)

    def post(self, path: str, **more: Any) -> httpx2.Response:  # noqa: ANN401  as httpx2 takes them
        """POST, with `json=`, `content=` and the like."""
        return self.client.post(path, **more)

    def request(self, method: str, path: str, **more: Any) -> httpx2.Response:  # noqa: ANN401  as httpx2 takes them
        """Any other request."""
        return self.client.request(method, path, **more)

    def mcp(self, upstream: str) -> McpClient:
        """An MCP upstream."""
        return McpClient(self.client, upstream)

    def async_client(self) -> httpx2.AsyncClient:
        """An asynchronous client of this deployment that carries the token, for whoever closes it."""
        return httpx2.AsyncClient(transport=self._transport, base_url=AGENTS_URL, headers=self._headers())

    def revoke(self, reason: str | None = None) -> None:
        """Revoke it. When this returns, it opens nothing any more."""
        self._management().act("tokens", self.id, "revoke", {"reason": reason})

    def limit(self, **limits: object) -> None:
        """Give it other limits, as the management API names them: `calls={"count": 1, "period_seconds": 60}`."""
        self._management().amend("tokens", self.id, said({"limits": limits}))

    def calls(self) -> tuple[JournalEntry, ...]:
        """What was decided under it, oldest first."""
        return self._journal.calls(self.id)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.text}"}


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent in its role."""

    name: str
    id: str
    management: Callable[[], Management] = field(repr=False)
    holding: Callable[[Mapping[str, Json]], Pass] = field(repr=False)

    def token(
        self,
        *scopes: str,
        name: str | None = None,
        lifetime: timedelta | None = None,
        limits: Mapping[str, object] | None = None,
        purpose: str | None = None,
    ) -> Pass:
        """Give the agent a token, and stand in its place. Raises the error that the management API answers with."""
        asked: Sequence[str] = scopes
        form = {
            "name": name or f"{self.name}-{len(self.management().listed('tokens')) + 1}",
            "agent": self.name,
            "scopes": list(asked),
            "lifetime_seconds": None if lifetime is None else int(lifetime.total_seconds()),
            "limits": limits,
            "purpose": purpose,
        }
        return self.holding(self.management().create("tokens", said(form)))

    def disable(self) -> None:
        """Disable it: every token of it is dead when this returns."""
        self.management().act("agents", self.name, "disable")
