"""A gateway in memory with one MCP upstream behind it: everything real but the disk."""

import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatepass.access import ActionClass, AgentId, CredentialId, Instant, PersonId, SecretId, UpstreamId
from gatepass.authority import Authority, Scope
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord, issue
from gatepass.gateway.admission import Admission
from gatepass.gateway.mcp import Behind, Bounds, McpSurface, Seal
from gatepass.gateway.mcp.servers.streamable import HttpServers
from gatepass.gateway.requests import Reply, Request
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.keys import Digests, Keyring, LiveKeyring, Sealer, origin_of
from gatepass.outbound.door import GuardedDoor
from gatepass.outbound.stdio import StdioServers
from gatepass.registry import Agent, Injection, InjectionKind, OperatorRole, Person, Role, Upstream, UpstreamKind
from gatepass.revocation import Live, Withdrawn
from gatepass.revocation import Scope as Reach
from gatepass.storage import InProcessLedger, MemoryJournal
from gatepass.vault import Custody

SECRET = 'sk-live-"Zq7/very+secret=='
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw-client", "version": "1"},
}

OPERATIONS = """
types:
  raw:
    actions:
      say:
        class: read
        properties: {word: string, amount: {type: number, non_negative: true}, note: {type: string, free: true}}
      do: {class: read, properties: {ticks: number}}
      send: {class: write, properties: {region: string, count: number}}
      admin: {class: admin}
  notes:
    minimum: 1
    actions: {read: {class: read}}
  prompts:
    actions: {get: {class: read, properties: {topic: string}}}
mcp:
  tools:
    echo: {action: "raw:say", resource: arguments.to, properties: {word: arguments.word, amount: arguments.amount}}
    routed: {action: "raw:send", resource: none, properties: {region: arguments.region, count: arguments.count}}
    reset: {action: "raw:admin", resource: none}
    slow: {action: "raw:do", resource: none, properties: {ticks: arguments.ticks}}
    needy: {action: "raw:do", resource: none, properties: {ticks: arguments.ticks}}
PLAIN
  resources:
    - {match: "note:///{name}", action: "notes:read", resource: name}
  prompts:
    summary: {action: "prompts:get", resource: name, properties: {topic: arguments.topic}}
"""
PLAIN = """
secret progress endless broken ask die garbage huge flood wrong_id odd missing
redirect html error_html compressed nothing rejected crashed batch unread cut stranger noise chatter
"""
OPERATIONS = OPERATIONS.replace(
    "PLAIN", "\n".join(f'    {name}: {{action: "raw:do", resource: none}}' for name in PLAIN.split())
)
EVERYTHING = ("raw:say:*", "raw:do", "raw:send", "notes:read:*", "prompts:get:*")
PLENTY = TokenLimits(attempts=Rate(100_000, 60_000), calls=Rate(100_000, 60_000))


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


def worker(*scopes: str) -> Role:
    """The role of everybody here. Its tokens are plain, so it lets bearers act."""
    return Role(
        name="worker", scopes=scopes, bearer_until=Instant(now() + 86_400_000), bearer_because="plain tokens here"
    )


class Spread:
    """A body in one piece."""

    def __init__(self, body: bytes) -> None:
        self.pieces = [body[:7], body[7:]]

    def __aiter__(self) -> "Spread":
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


@dataclass
class World:
    """The gateway's parts, and a few words to speak to it with."""

    folder: Path
    bounds: Bounds = field(default_factory=Bounds)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        keyring = LiveKeyring(Keyring.create(now(), os.urandom), lambda _: None)
        self.sealer = Sealer(keyring, os.urandom)
        self.snapshot = Snapshot(live=Live())
        self.admission = Admission(
            snapshot=self.snapshot,
            ledger=InProcessLedger(),
            journal=self.journal,
            custody=Custody(keyring),
            clock=now,
            entropy=os.urandom,
            digest=Digests(keyring).digest,
            strangers=Strangers(),
        )
        self.door = GuardedDoor()
        self.stdio = StdioServers(path=os.environ["PATH"], home=self.folder / "servers")
        self.http = HttpServers(door=self.door)
        self.surface = McpSurface(
            admission=self.admission,
            behind=Behind(http=self.http, stdio=self.stdio, clock=now, bounds=self.bounds),
            seal=Seal(os.urandom(32)),
            origins=frozenset({"http://127.0.0.1:8420"}),
            bounds=self.bounds,
        )
        self.ada = Person(id=PersonId("per_ada"), name="ada", operator=OperatorRole.ADMIN, created=now())
        for record in (self.ada, Role(name="worker", scopes=())):
            self.snapshot.put(record)

    def role(self, *scopes: str) -> None:
        self.snapshot.put(
            Role(
                name="worker",
                scopes=scopes,
                bearer_until=Instant(now() + 86_400_000),
                bearer_because="plain tokens here",
            )
        )

    def upstream(
        self, target: str, operations: str = OPERATIONS, secret: str | None = SECRET, name: str = "raw"
    ) -> Upstream:
        """Register an MCP upstream with its secret."""
        over_http = target.startswith("http")
        kind = UpstreamKind.MCP_HTTP if over_http else UpstreamKind.MCP_STDIO
        injection = (
            Injection(InjectionKind.HEADER, "authorization", "Bearer ")
            if over_http
            else Injection(InjectionKind.ENVIRONMENT, "API_KEY")
        )
        record = Upstream(
            id=UpstreamId(f"ups_{name}"),
            name=name,
            kind=kind,
            target=target,
            operations=operations,
            secret=SecretId(f"sec_{name}") if secret else None,
            injection=injection if secret else None,
            allow_private=True,
        )
        if secret:
            self.store(record, secret)
        self.snapshot.put(record)
        assert not self.snapshot.faults, self.snapshot.faults
        return record

    def store(self, upstream: Upstream, secret: str, version: int = 1) -> None:
        assert upstream.secret is not None
        sealed = self.sealer.seal(
            secret.encode(),
            id=upstream.secret,
            name=f"{upstream.name}-key",
            upstream=upstream.id,
            origin=origin_of(upstream),
            version=version,
            at=now(),
        )
        self.snapshot.put(sealed)

    def token(self, *scopes: str, limits: TokenLimits = PLENTY, agent: str = "bot") -> str:
        """A machine token with these scopes, for an agent in the one role."""
        worker = Agent(id=AgentId(f"agt_{agent}"), name=agent, owner=self.ada.id, role="worker", created=now())
        self.snapshot.put(worker)
        catalogue = self.snapshot.catalogue
        permissions = [permission for scope in scopes for permission in catalogue.expand(Scope.parse(scope))]
        issued = issue(TokenKind.MACHINE, now(), os.urandom)
        text = issued.reveal()
        record = TokenRecord(
            id=issued.id,
            kind=TokenKind.MACHINE,
            name="t",
            hash=issued.hash,
            owner=self.ada.id,
            agent=worker.id,
            authority=Authority.of(*permissions),
            limits=limits,
            issued=now(),
            expires=Instant(now() + 3_600_000),
            issuer=self.ada.id,
            meters=issued.id,
        )
        self.snapshot.put(record)
        return text

    def ready(self, *scopes: str, **changed: Any) -> str:
        """A role and a token with the same scopes."""
        self.role(*scopes)
        return self.token(*scopes, **changed)

    def credential(self, token: str) -> CredentialId:
        digest = hashlib.sha256(token.encode()).digest()
        return next(record.id for record in self.snapshot.tokens.values() if record.hash == digest)

    def revoke(self, token: str) -> None:
        self.snapshot.live.withdraw(Withdrawn(scope=Reach.CREDENTIAL, id=self.credential(token), at=now()))

    def request(
        self, token: str | None, body: bytes, *headers: tuple[str, str], name: str = "raw", method: str = "POST"
    ) -> Request:
        pairs = [("content-type", "application/json"), ("accept", "application/json, text/event-stream"), *headers]
        if token is not None:
            pairs.append(("authorization", f"Bearer {token}"))
        raw = tuple((key.encode(), value.encode("latin-1")) for key, value in pairs)
        return Request(
            method=method, upstream=name, path=b"", query=b"", headers=raw, source="127.0.0.1", body=Spread(body)
        )

    async def modern(
        self, token: str, method: str, *headers: tuple[str, str], meta: Any = None, **params: Any
    ) -> "Said":
        """One modern request, with the headers that go with it."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": {**META, **(meta or {})}}}
        named = params.get("name") or params.get("uri")
        own = [("mcp-protocol-version", MODERN), ("mcp-method", method)]
        if named and method != "completion/complete":
            own.append(("mcp-name", named))
        return await self.say(token, json.dumps(body).encode(), *own, *headers)

    async def legacy(self, token: str, method: str, *headers: tuple[str, str], id_: Any = 1, **params: Any) -> "Said":
        """One legacy request."""
        body = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
        return await self.say(token, json.dumps(body).encode(), ("mcp-protocol-version", LEGACY), *headers)

    async def say(self, token: str | None, body: bytes, *headers: tuple[str, str], **named: str) -> "Said":
        """Send a body as it is, and read the whole answer."""
        return await heard(await self.surface.handle(self.request(token, body, *headers, **named)))

    def entries(self) -> list[Any]:
        """The journal, without the line that opens it."""
        return [json.loads(found.row.body) for found in self.journal.entries][1:]

    def events(self) -> list[tuple[str, str | None]]:
        return [(entry["event"], entry.get("code")) for entry in self.entries()]

    async def close(self) -> None:
        await self.surface.close()
        await self.door.close()


@dataclass
class Said:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    raw: bytes
    messages: list[Any]

    @property
    def result(self) -> Any:
        return self.messages[-1]["result"]

    @property
    def error(self) -> Any:
        return self.messages[-1]["error"]

    @property
    def text(self) -> str:
        return str(self.result["content"][0]["text"])

    @property
    def denied(self) -> Any:
        """What a refused tool says."""
        assert self.result["isError"] is True
        return self.result["structuredContent"]


async def heard(reply: Reply) -> Said:
    raw = b"".join([chunk async for chunk in reply.body])
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    if headers.get("content-type") == "text/event-stream":
        events = [block for block in raw.decode().split("\n\n") if block and not block.startswith(":")]
        messages = [json.loads(block.split("data: ", 1)[1]) for block in events]
    else:
        messages = [json.loads(raw)] if raw else []
    return Said(reply.status, headers, raw, messages)


@asynccontextmanager
async def opened(folder: Path, bounds: Bounds | None = None) -> AsyncIterator[World]:
    world = World(folder, bounds or Bounds())
    try:
        yield world
    finally:
        await world.close()


__all__ = [
    "EVERYTHING",
    "LEGACY",
    "META",
    "MODERN",
    "OPERATIONS",
    "SECRET",
    "ActionClass",
    "Said",
    "World",
    "heard",
    "opened",
]
