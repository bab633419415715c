"""A deployment's administration in memory: a clock turned by hand, a store that can be slow or full, one admin."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from tests.administration.issuers import NoKeys
from tests.keys.randomness import Numbered

from gatepass.access import CredentialId, Instant, Json
from gatepass.administration import (
    Administration,
    Announcement,
    Facts,
    Issued,
    LimitChanges,
    Operator,
    Put,
    Record,
    Terms,
    TokenForm,
    UpstreamForm,
)
from gatepass.audit import Entry
from gatepass.credentials import Rate, TokenLimits, TokenRecord
from gatepass.errors import Unavailable
from gatepass.gateway.operations import read_operations
from gatepass.keys import IssuerKeys, Keyring, SealedSecret, Sealer
from gatepass.registry import Agent, Injection, InjectionKind, OperatorRole, Person, Role, Run, Upstream, UpstreamKind
from gatepass.revocation import ListRecord, Scope, Withdrawn
from gatepass.storage import InProcessLedger, MemoryJournal, MemoryStore

Kept = TypeVar("Kept", Person, Agent, Role, Upstream, SealedSecret, Run, TokenRecord, ListRecord)

START = Instant(1_795_000_000_000)
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
LIMITS = TokenLimits(attempts=Rate(600, MINUTE), calls=Rate(300, MINUTE))
ACCOUNT = Rate(6_000, MINUTE)
SOURCE = "127.0.0.1"
PASSWORD = "correct horse battery"

ORDERS = """
types:
  orders:
    actions:
      list: {class: read}
      read: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, currency: string}}
      delete: {class: delete}
      reset: {class: admin}
rest:
  - {match: "GET /orders", action: "orders:list", resource: none}
  - {match: "GET /orders/{order}", action: "orders:read", resource: path.order}
  - match: "POST /orders/{order}/refunds"
    action: "orders:refund"
    resource: path.order
    properties: {amount: body.amount, currency: body.currency}
  - {match: "DELETE /orders/{order}", action: "orders:delete", resource: path.order}
  - {match: "POST /reset", action: "orders:reset", resource: none}
"""


def orders_form(target: str = "https://orders.example/v1", operations: str = ORDERS) -> UpstreamForm:
    return UpstreamForm(
        kind=UpstreamKind.REST,
        target=target,
        operations=operations,
        injection=Injection(InjectionKind.HEADER, "Authorization", "Bearer "),
    )


class Store(MemoryStore):
    """Keeps what is committed, as the one in memory does. `hold` makes commits wait, `full` makes them fail."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(START)
        super().__init__(self.journal)
        self.entries: list[Entry] = []
        self.full = False
        self.room: int | None = None
        """How many more commits succeed before the disk is full."""
        self.commits: list[int] = []
        """How many records each commit put."""
        self.hold: asyncio.Event | None = None
        self.held = asyncio.Event()
        """Set while a commit waits for `hold`."""

    def kept(self, kind: type[Kept]) -> dict[str, Kept]:
        """What is kept of one kind, by id; a role by its name."""
        return {key: record for (_, key), record in self._records.items() if isinstance(record, kind)}

    def plant(self, record: Record) -> None:
        """Keep what nobody committed: what an older version, or a hand on the disk, left there."""
        self._records = {
            **self._records,
            (type(record), record.name if isinstance(record, Role) else record.id): record,
        }

    async def commit(
        self, puts: Sequence[Record] = (), removals: Sequence[Record] = (), entries: Sequence[Entry] = ()
    ) -> None:
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        await asyncio.sleep(0)
        if self.room is not None:
            self.full = self.room <= 0
            self.room -= 1
        if self.full:
            raise Unavailable("storage_unavailable", "the disk is full")
        await super().commit(puts, removals, entries)
        self.entries += entries
        self.commits.append(len(puts))

    def events(self) -> list[str]:
        return [entry.event for entry in self.entries]


class SlowlessPasswords:
    """Stands in for Argon2id, whose slowness is tested in `keys`; it counts what it was asked."""

    def __init__(self) -> None:
        self.checked: list[str | None] = []

    async def hash(self, password: str) -> str:
        return hashlib.sha256(password.encode()).hexdigest()

    async def verify(self, stored: str | None, password: str) -> bool:
        self.checked.append(stored)
        await asyncio.sleep(0)
        return stored == hashlib.sha256(password.encode()).hexdigest()


async def no_explanation(token: CredentialId, attempt: Mapping[str, Json]) -> Json:
    return {"token": token, "attempt": dict(attempt)}


@dataclass
class World:
    """All of it, and short words for what tests do over and over."""

    store: Store
    administration: Administration
    announced: list[Announcement]
    passwords: SlowlessPasswords
    strangers: list[tuple[str, str]]
    keyring: list[Keyring]
    now: list[Instant] = field(default_factory=lambda: [START])

    def later(self, milliseconds: int = SECOND) -> None:
        self.now[0] = Instant(self.now[0] + milliseconds)

    def person(self, name: str) -> Person:
        return self.administration.desk.register.person(name)

    async def signed_in(self, name: str = "ada") -> Operator:
        """A session of `name`, opened a second ago."""
        code = self.administration.sessions.offer(self.person(name))
        issued = await self.administration.sessions.with_code(code.text, SOURCE)
        self.later()
        return await self.administration.sessions.operator(issued.token.reveal(), SOURCE)

    async def with_pat(self, name: str = "ada", **limits: Any) -> Operator:
        """A stored token of `name`."""
        operator = await self.signed_in(name)
        form = TokenForm(name=f"pat-{len(self.store.entries)}", limits=cast("LimitChanges", limits))
        issued = await self.administration.tokens.create(operator, form)
        return await self.administration.sessions.operator(issued.token.reveal(), SOURCE)

    async def joined(self, name: str, role: OperatorRole | None) -> Operator:
        """A new person, signed in."""
        await self.administration.people.create(await self.signed_in(), name, role)
        return await self.signed_in(name)

    async def furnished(self) -> Operator:
        """An upstream, a role, an agent: what a first token needs. Returns the admin's session."""
        operator = await self.signed_in()
        await self.administration.upstreams.create(operator, "orders", orders_form())
        await self.administration.roles.put(
            operator,
            "support",
            scopes=["orders:list", "orders:refund:order-12345?amount<=50&currency=USD", "orders:read:*"],
        )
        await self.administration.agents.create(operator, "support-bot", "support")
        return operator

    async def token(self, operator: Operator, name: str = "laptop", **form: Any) -> Issued:
        asked = {"agent": "support-bot", "scopes": ("orders:list",), **form}
        return await self.administration.tokens.create(operator, TokenForm(name=name, **asked))

    def withdrawn(self) -> set[tuple[Scope, str]]:
        return {(said.scope, said.id) for said in self.announced if isinstance(said, Withdrawn)}

    def put(self, kind: type[Any]) -> list[Any]:
        return [said.record for said in self.announced if isinstance(said, Put) and isinstance(said.record, kind)]


async def opened(store: Store | None = None, *, account: Rate = ACCOUNT, first: str = "ada") -> World:
    """A deployment of which `first` is the admin."""
    store = store or Store()
    announced: list[Announcement] = []
    strangers: list[tuple[str, str]] = []
    passwords = SlowlessPasswords()
    entropy = Numbered(b"administration")
    now = [START]
    keyring = [Keyring.create(START, entropy)]

    def new_key(at: Instant) -> str:
        keyring[0] = keyring[0].rotate(at, entropy)
        return keyring[0].current.id

    administration = await Administration.open(
        store=store,
        announce=announced.append,
        clock=lambda: now[0],
        entropy=entropy,
        read_catalogue=lambda text, name: read_operations(text, name).catalogue,
        seals=Sealer(lambda: keyring[0], entropy),
        new_key=new_key,
        signing_keys=IssuerKeys(lambda: keyring[0], Numbered(b"signing")),
        passwords=passwords,
        ledger=InProcessLedger(),
        archive=store.journal,
        explain=no_explanation,
        proves=NoKeys(),
        stranger=lambda event, code, _source, _credential: strangers.append((event, code)),
        terms=Terms(
            audiences=frozenset({"https://gatepass.example"}),
            limits=LIMITS,
            account=account,
            token_lifetime=8 * HOUR,
            session_lifetime=8 * HOUR,
        ),
        facts=Facts(version="0"),
    )
    world = World(store, administration, announced, passwords, strangers, keyring, now)
    await administration.people.found(first)
    return world


ROOT = Path(__file__).parents[2]
