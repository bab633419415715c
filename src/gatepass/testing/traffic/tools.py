"""MCP servers made of plain functions, standing where child processes stand otherwise.

A tool is a function: its name and parameters are the tool's, its docstring what agents are told of it. What it
returns is the tool's result, what it raises the tool's error. Decisions, lists, eras and redaction are the gateway's,
which meets these servers as it meets any other.
"""

import inspect
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatepass import exact
from gatepass.access import CredentialId, Json, UpstreamId
from gatepass.errors import UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed
from gatepass.gateway.mcp.servers.peers import Greeting, Outgoing, Progress
from gatepass.gateway.mcp.wire.eras import MODERN
from gatepass.gateway.mcp.wire.messages import Answer, Fault
from gatepass.registry import InjectionKind, Upstream
from gatepass.testing.traffic.functions import called

__all__ = ["LocalServers", "Tool", "ToolCall", "Tools"]

Tool = Callable[..., Any]

METHOD_NOT_FOUND = -32601


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as it reached a tool."""

    tool: str
    arguments: Mapping[str, Any] = field(repr=False)


class Tools:
    """One server: its tools, and what was asked of them."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.__name__: tool for tool in tools}
        self.calls: list[ToolCall] = []
        self.failures: list[Exception] = []
        """What tools raised, which agents see as a result that says so."""
        self.environment: dict[str, str] = {}
        """Where the server finds its secret, as a child process would."""

    async def answer(self, outgoing: Outgoing) -> Answer:
        """What the server says to one request."""
        if outgoing.method == "tools/list":
            listed = [_described(name, tool) for name, tool in self._tools.items()]
            return Answer(None, result={"resultType": "complete", "tools": _json(listed)})
        if outgoing.method == "tools/call" and outgoing.name in self._tools:
            return Answer(None, result={"resultType": "complete", **await self._called(outgoing)})
        return Answer(None, fault=Fault(METHOD_NOT_FOUND, "there is no such tool or method here"))

    async def _called(self, outgoing: Outgoing) -> Mapping[str, Json]:
        name = str(outgoing.name)
        arguments = json.loads(exact.write(outgoing.params.get("arguments") or {}))
        self.calls.append(ToolCall(name, arguments))
        try:
            returned = await called(self._tools[name], **arguments)
        except Exception as fault:  # noqa: BLE001  the test's own code: what it raises is the tool's error
            self.failures.append(fault)
            return {"content": _text(str(fault)), "isError": True}
        if isinstance(returned, str):
            return {"content": _text(returned)}
        structured = _json(returned)
        content = {"content": _text(json.dumps(returned))}
        return {**content, "structuredContent": structured} if isinstance(structured, Mapping) else content


@dataclass(slots=True)
class LocalServers:
    """A `gateway.mcp.servers.peers.Peers`: the servers of one deployment, by their upstreams' names."""

    servers: dict[str, Tools] = field(default_factory=dict)

    def peer(self, upstream: Upstream, *, secret: Exposed | None, version: str, credential: CredentialId) -> "_Peer":  # noqa: ARG002  one server for all, as a child is
        """The server of `upstream`, with its secret in its environment."""
        tools = self.servers.get(upstream.name)
        place = upstream.injection
        if tools is not None and secret is not None and place is not None and place.kind is InjectionKind.ENVIRONMENT:
            tools.environment[place.name] = secret.expose_to(lambda text: place.prefix + text.decode())
        return _Peer(tools)

    async def retain(self, upstreams: frozenset[UpstreamId]) -> None:
        """Nothing runs that would have to be ended."""

    async def close(self) -> None:
        """Nothing was started."""


@dataclass(frozen=True, slots=True)
class _Peer:
    tools: Tools | None

    async def greet(self) -> Greeting:
        if self.tools is None:
            raise UpstreamFailed("upstream_unreachable", "the command of the upstream is not there to be started")
        return Greeting(MODERN, {"tools": {}})

    def ask(self, outgoing: Outgoing) -> "_Exchange":
        return _Exchange(self.tools or Tools(()), outgoing)


class _Exchange:
    """One request under way."""

    def __init__(self, tools: Tools, outgoing: Outgoing) -> None:
        self._events = self._run(tools, outgoing)
        self.sent = False

    def __aiter__(self) -> "_Exchange":
        return self

    async def __anext__(self) -> Progress | Answer:
        return await anext(self._events)

    async def close(self) -> None:
        await self._events.aclose()

    async def _run(self, tools: Tools, outgoing: Outgoing) -> AsyncGenerator[Progress | Answer, None]:
        self.sent = True
        yield await tools.answer(outgoing)


def _described(name: str, tool: Tool) -> dict[str, Any]:
    parameters = inspect.signature(tool).parameters.values()
    schema = {
        "type": "object",
        "properties": {parameter.name: {} for parameter in parameters},
        "required": [parameter.name for parameter in parameters if parameter.default is parameter.empty],
    }
    return {"name": name, "description": inspect.getdoc(tool) or name, "inputSchema": schema}


def _text(text: str) -> tuple[Json, ...]:
    return ({"type": "text", "text": text},)


def _json(value: object) -> Json:
    """What JSON says of a value, exactly."""
    return exact.read(json.dumps(value))
