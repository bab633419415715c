"""A gateway in memory with REST upstreams behind it: everything real but the disk."""

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gatepass.access import AgentId, Instant, PersonId, SecretId, UpstreamId
from gatepass.authority import Authority, Scope
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord, issue
from gatepass.errors import Error
from gatepass.gateway.admission import Admission
from gatepass.gateway.forwarding.door import Patience
from gatepass.gateway.requests import Reply, Request
from gatepass.gateway.rest import RestSurface
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.keys import Digests, Keyring, LiveKeyring, Sealer, origin_of
from gatepass.outbound.door import GuardedDoor
from gatepass.registry import Agent, Injection, InjectionKind, OperatorRole, Person, Role, Upstream, UpstreamKind
from gatepass.revocation import Live, Withdrawn
from gatepass.revocation import Scope as Reach
from gatepass.storage import InProcessLedger, MemoryJournal
from gatepass.vault import Custody

KEY = "sk_live_51Habc+DEF/ghi=JKLmno"
BEARER = Injection(InjectionKind.HEADER, "authorization", "Bearer ")
PLENTY = TokenLimits(attempts=Rate(100_000, 60_000), calls=Rate(100_000, 60_000))


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


def worker(*scopes: str) -> Role:
    """The role of everybody here. Its tokens are plain, so it lets bearers act."""
    return Role(
        name="worker", scopes=scopes, bearer_until=Instant(now() + 86_400_000), bearer_because="plain tokens here"
    )


class Pieces:
    """A body as a server hands it out."""

    def __init__(self, *pieces: bytes) -> None:
        self.left = list(pieces)

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


@dataclass
class Said:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """The gateway's parts, and a few words to speak to it with."""

    patience: Patience = field(default_factory=lambda: Patience(connect=2, first=2, idle=2, whole=20))
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        keyring = LiveKeyring(Keyring.create(now(), os.urandom), lambda _: None)
        self.sealer = Sealer(keyring, os.urandom)
        self.snapshot = Snapshot(live=Live())
        self.ledger = InProcessLedger()
        self.admission = Admission(
            snapshot=self.snapshot,
            ledger=self.ledger,
            journal=self.journal,
            custody=Custody(keyring),
            clock=now,
            entropy=os.urandom,
            digest=Digests(keyring).digest,
            strangers=Strangers(),
        )
        self.door = GuardedDoor()
        self.surface = RestSurface(admission=self.admission, door=self.door, patience=self.patience)
        self.ada = Person(id=PersonId("per_ada"), name="ada", operator=OperatorRole.ADMIN, created=now())
        self.bot = Agent(id=AgentId("agt_bot"), name="bot", owner=self.ada.id, role="worker", created=now())
        for record in (self.ada, self.bot, Role(name="worker", scopes=())):
            self.snapshot.put(record)

    def upstream(
        self,
        target: str,
        operations: str,
        *,
        name: str = "orders",
        injection: Injection = BEARER,
        secret: str | None = KEY,
    ) -> Upstream:
        record = Upstream(
            id=UpstreamId(f"ups_{name}"),
            name=name,
            kind=UpstreamKind.REST,
            target=target,
            operations=operations,
            secret=SecretId(f"sec_{name}") if secret else None,
            injection=injection if secret else None,
        )
        if secret and record.secret:
            sealed = self.sealer.seal(
                secret.encode(),
                id=record.secret,
                name=f"{name}-key",
                upstream=record.id,
                origin=origin_of(record),
                version=1,
                at=now(),
            )
            self.snapshot.put(sealed)
        self.snapshot.put(record)
        assert not self.snapshot.faults, self.snapshot.faults
        return record

    def token(self, *scopes: str, limits: TokenLimits = PLENTY) -> str:
        """A machine token with these scopes; the role grants them, too."""
        self.snapshot.put(
            Role(
                name="worker",
                scopes=scopes,
                bearer_until=Instant(now() + 86_400_000),
                bearer_because="plain tokens here",
            )
        )
        catalogue = self.snapshot.catalogue
        issued = issue(TokenKind.MACHINE, now(), os.urandom)
        record = TokenRecord(
            id=issued.id,
            kind=TokenKind.MACHINE,
            name="t",
            hash=issued.hash,
            owner=self.ada.id,
            agent=self.bot.id,
            authority=Authority.of(*(one for scope in scopes for one in catalogue.expand(Scope.parse(scope)))),
            limits=limits,
            issued=now(),
            expires=Instant(now() + 3_600_000),
            issuer=self.ada.id,
            meters=issued.id,
        )
        self.snapshot.put(record)
        return issued.reveal()

    def revoke(self, token: str) -> None:
        digest = hashlib.sha256(token.encode()).digest()
        id_ = next(record.id for record in self.snapshot.tokens.values() if record.hash == digest)
        self.snapshot.live.withdraw(Withdrawn(scope=Reach.CREDENTIAL, id=id_, at=now()))

    def request(
        self,
        token: str | None,
        method: str,
        target: str | bytes,
        body: bytes | Pieces | None = None,
        *headers: tuple[str, str],
        upstream: str = "orders",
    ) -> Request:
        pairs = [*headers]
        if token is not None:
            pairs.append(("authorization", f"Bearer {token}"))
        if isinstance(body, bytes):
            pairs.append(("content-length", str(len(body))))
        if body is not None and not any(name == "content-type" for name, _ in pairs):
            pairs.append(("content-type", "application/json"))
        raw = target.encode() if isinstance(target, str) else target
        path, _, query = raw.partition(b"?")
        return Request(
            method=method,
            upstream=upstream,
            path=path,
            query=query,
            headers=tuple((name.lower().encode(), value.encode("latin-1")) for name, value in pairs),
            source="127.0.0.1",
            body=Pieces(body[:5], body[5:]) if isinstance(body, bytes) else body or Pieces(),
        )

    async def ask(
        self, token: str | None, method: str, target: str | bytes, body: Any = None, *headers: tuple[str, str]
    ) -> Said:
        """One request, its answer read to its end. Raises what the surface raises."""
        return await heard(await self.surface.handle(self.request(token, method, target, body, *headers)))

    async def refused(
        self, token: str | None, method: str, target: str | bytes, body: Any = None, *headers: tuple[str, str]
    ) -> Error:
        """One request that has to be refused."""
        try:
            said = await self.ask(token, method, target, body, *headers)
        except Error as refusal:
            return refusal
        raise AssertionError(f"it was answered: {said}")

    def entries(self, event: str) -> list[Mapping[str, Any]]:
        """What the journal says of an event, oldest first; a member that was left out is None."""
        said = (found.members for found in self.journal.entries)
        return [defaultdict(lambda: None, members) for members in said if members["event"] == event]

    async def close(self) -> None:
        await self.door.close()


async def heard(reply: Reply) -> Said:
    body = b"".join([piece async for piece in reply.body])
    return Said(reply.status, {name.decode(): value.decode("latin-1") for name, value in reply.headers}, body)


@asynccontextmanager
async def opened(patience: Patience | None = None) -> AsyncIterator[World]:
    world = World(patience) if patience else World()
    try:
        yield world
    finally:
        await world.close()
