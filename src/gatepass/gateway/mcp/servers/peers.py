"""Servers behind us: what the gateway needs of one, whatever it speaks and however it is reached.

A `Peer` greets its server once, in whichever era that server speaks, and after that carries requests to
it. The client's era and the server's are independent: what crosses here is a method and its parameters,
and each side's envelope is made for it. We introduce ourselves, never the client. To a legacy server we
declare no capability, so it has no reason to ask us for anything; what it asks all the same is answered
at once, so that it does not hang.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from gatepass import __version__
from gatepass.access import CredentialId, Json, UpstreamId
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed
from gatepass.gateway.mcp.wire.eras import CAPABILITIES_KEY, CLIENT_KEY, LEGACY, MODERN, NAMED, VERSION_KEY
from gatepass.gateway.mcp.wire.messages import Answer, Call, Fault, Notice
from gatepass.gateway.requests import Headers
from gatepass.registry import Upstream

__all__ = [
    "UNSUPPORTED_VERSION",
    "Exchange",
    "Greeting",
    "Outgoing",
    "Peer",
    "Peers",
    "Progress",
    "after_discover",
    "after_initialize",
    "answer_to",
    "discover",
    "framed",
    "initialize",
    "progress",
]

OURSELVES: Final[Mapping[str, Json]] = {"name": "gatepass", "version": __version__}
LEGACY_BEHIND: Final = (*LEGACY, "2024-11-05")
"""What a legacy server may answer. The oldest is no surface of ours, but its messages are the same over stdio."""

UNSUPPORTED_VERSION: Final = -32022
METHOD_NOT_FOUND: Final = -32601


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server said of itself."""

    version: str
    capabilities: Mapping[str, Json] = field(default_factory=dict)

    @property
    def modern(self) -> bool:
        """Whether each request stands alone."""
        return self.version == MODERN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A request to a server, before it has an id and an envelope."""

    method: str
    params: Mapping[str, Json] = field(default_factory=dict)
    """Without `_meta`."""
    capabilities: Mapping[str, Json] = field(default_factory=dict)
    """What the client said that it can do; only a modern server hears it."""
    trace: Mapping[str, Json] = field(default_factory=dict)
    wants_progress: bool = False
    mirrored: Headers = ()

    @property
    def name(self) -> str | None:
        """The value of `Mcp-Name`."""
        value = self.params.get(NAMED.get(self.method, ""))
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress notification that belongs to the exchange, without its token."""

    params: Mapping[str, Json]


class Exchange(Protocol):
    """One request under way: progress, then one answer.

    Iterating raises `UpstreamFailed` when the server fails. Whoever began it closes it.
    """

    @property
    def sent(self) -> bool:
        """Whether a byte of this request may have left the house."""
        ...

    def __aiter__(self) -> AsyncIterator[Progress | Answer]:
        """Itself."""
        ...

    async def __anext__(self) -> Progress | Answer:
        """The next event. The first call sends the request."""
        ...

    async def close(self) -> None:
        """Let go. Before the answer, this cancels the request at the server, too. Idempotent."""
        ...


class Peer(Protocol):
    """One server, as one credential of ours meets it."""

    async def greet(self) -> Greeting:
        """What the server speaks; asks it only once in a while."""
        ...

    def ask(self, outgoing: Outgoing) -> Exchange:
        """Begin a request. Nothing is sent before the exchange is iterated."""
        ...


class Peers(Protocol):
    """The servers of one transport."""

    def peer(self, upstream: Upstream, *, secret: Exposed | None, version: str, credential: CredentialId) -> Peer:
        """The server of `upstream`.

        `version` names the value of the secret: another value is another session with the server.
        `credential` is who asks: no two share a session that the server keeps for us.
        """
        ...

    async def retain(self, upstreams: frozenset[UpstreamId]) -> None:
        """End the sessions and servers of all other upstreams: they were disabled or removed."""
        ...

    async def close(self) -> None:
        """End every session and stop every server that was started."""
        ...


def framed(outgoing: Outgoing, identifier: int, greeting: Greeting) -> Call:
    """The request in the server's own era. Our id is also the token of its progress."""
    meta: dict[str, Json] = dict(outgoing.trace)
    if outgoing.wants_progress:
        meta["progressToken"] = Decimal(identifier)
    if greeting.modern:
        meta |= _introduction(outgoing.capabilities)
    params = {**outgoing.params, "_meta": meta} if meta else outgoing.params
    return Call(identifier, outgoing.method, params)


def discover(identifier: int) -> Call:
    """The question that a modern server answers with what it is."""
    return Call(identifier, "server/discover", {"_meta": _introduction({})})


def initialize(identifier: int) -> Call:
    """The greeting of a legacy server. No capability is declared: nobody here answers for the agent."""
    params: dict[str, Json] = {"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": OURSELVES}
    return Call(identifier, "initialize", params)


def after_discover(answer: Answer) -> Greeting | None:
    """What a modern server said, or None where `initialize` has to be tried. Raises `UpstreamFailed` on neither."""
    if answer.result is not None:
        versions = answer.result.get("supportedVersions")
        if isinstance(versions, tuple) and MODERN in versions:
            return Greeting(MODERN, _capabilities(answer.result))
        return None
    if answer.fault is not None and answer.fault.code == UNSUPPORTED_VERSION and isinstance(answer.fault.data, Mapping):
        supported = answer.fault.data.get("supported")
        if isinstance(supported, tuple) and not set(LEGACY_BEHIND).intersection(supported):
            raise UpstreamFailed("upstream_garbled", "the upstream speaks no revision of MCP that is spoken here")
    return None


def after_initialize(answer: Answer) -> Greeting:
    """What a legacy server said. Raises `UpstreamFailed` when it is no greeting."""
    result = answer.result or {}
    version = result.get("protocolVersion")
    if not isinstance(version, str) or version not in LEGACY_BEHIND:
        raise UpstreamFailed("upstream_garbled", "the upstream did not answer as an MCP server does")
    return Greeting(version, _capabilities(result))


def answer_to(call: Call) -> Answer:
    """The answer to what a legacy server asks us: a ping is returned, everything else is declined."""
    if call.method == "ping":
        return Answer(call.id, result={})
    return Answer(call.id, fault=Fault(METHOD_NOT_FOUND, "this client offers no such method"))


def progress(notice: Notice, identifier: int) -> Progress | None:
    """The progress that a notification reports of our request, if it does."""
    params = notice.params
    if notice.method != "notifications/progress" or params.get("progressToken") != Decimal(identifier):
        return None
    if not isinstance(params.get("progress"), Decimal):
        raise Malformed("malformed_message", "the message cannot be read: its progress is not a number")
    kept = {"progress": Decimal, "total": Decimal, "message": str}
    return Progress({name: params[name] for name, kind in kept.items() if isinstance(params.get(name), kind)})


def _introduction(capabilities: Mapping[str, Json]) -> dict[str, Json]:
    return {VERSION_KEY: MODERN, CAPABILITIES_KEY: capabilities, CLIENT_KEY: OURSELVES}


def _capabilities(result: Mapping[str, Json]) -> Mapping[str, Json]:
    capabilities = result.get("capabilities")
    return capabilities if isinstance(capabilities, Mapping) else {}
