"""A gateway in this process with its journal on the disk: steps 1 to 10 without a network around them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from bench.peers import ours
from gatepass.access import Access, Action, ActionClass, AgentId, Instant, PersonId, Resource, UpstreamId
from gatepass.audit import Ticket
from gatepass.authority import Authority, Permission
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord, issue
from gatepass.gateway.admission import Admission
from gatepass.gateway.requests import Request
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.keys import Digests, Keyring, LiveKeyring
from gatepass.registry import Agent, OperatorRole, Person, Role, Upstream, UpstreamKind
from gatepass.revocation import Live
from gatepass.storage import Database, DataFolder, InProcessLedger
from gatepass.vault import Custody

__all__ = ["Gateway"]

PLENTY: Final = TokenLimits(
    attempts=Rate(900_000_000, 60_000), calls=Rate(900_000_000, 60_000), writes_per_minute=900_000_000
)
GROUP: Final = 500
"""Calls after which the journal's disk is waited for: a writer is never further behind under load."""


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


class _Empty:
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


@dataclass(slots=True)
class Gateway:
    """One token that was seen before, and everything that decides about its calls."""

    runner: asyncio.Runner
    admission: Admission
    database: Database
    request: Request
    keyring: LiveKeyring

    @classmethod
    @contextmanager
    def opened(cls, runner: asyncio.Runner, folder: Path, scope: str) -> Iterator["Gateway"]:
        """On a new data folder."""
        folder.mkdir(parents=True)
        with DataFolder.open(folder / "data") as data:
            database = runner.run(Database.open(data, clock=now))
            try:
                keyring = LiveKeyring(Keyring.create(now(), os.urandom), lambda _: None)
                admission = Admission(
                    snapshot=Snapshot(live=Live()),
                    ledger=InProcessLedger(),
                    journal=database.journal,
                    custody=Custody(keyring),
                    clock=now,
                    entropy=os.urandom,
                    digest=Digests(keyring).digest,
                    strangers=Strangers(),
                )
                yield cls(runner, admission, database, _request(_token(admission.snapshot, scope)), keyring)
            finally:
                runner.run(database.close())

    def measured(self, times: int) -> dict[str, float]:
        """Processor time of one call, the journal's writer included, all of it durable at the end."""
        begun = time.process_time()
        self.runner.run(self._calls(times))
        return {"cpu_us": (time.process_time() - begun) / times * 1e6}

    async def _calls(self, times: int) -> None:
        for number in range(times):
            caller = await self.admission.meet(self.request, "rest")
            access = Access(
                caller.subject,
                Action("refund", ActionClass.READ),
                Resource("orders", ("order-12345",)),
                caller.context,
                {"amount": Decimal("49.50"), "currency": "USD"},
            )
            passage = await self.admission.admit(caller, access, arguments=b'{"amount":49.5,"currency":"USD"}')
            passage.leave()
            if number % GROUP == GROUP - 1 or number == times - 1:
                ticket: Ticket | None = passage._intent  # noqa: SLF001 - nobody outside waits for a read's intent
                assert ticket is not None
                await ticket.durable()


def _token(snapshot: Snapshot, scope: str) -> str:
    """The text of a token with twenty permissions, this one last; its role permits the type."""
    owner = Person(id=PersonId("per_ada"), name="ada", operator=OperatorRole.ADMIN, created=now())
    agent = Agent(id=AgentId("agt_bot"), name="bot", owner=owner.id, role="worker", created=now())
    until = Instant(now() + 86_400_000)
    role = Role(name="worker", scopes=("orders:*",), bearer_until=until, bearer_because="the bearer's row")
    upstream = Upstream(
        id=UpstreamId("ups_orders"),
        name="orders",
        kind=UpstreamKind.REST,
        target="http://127.0.0.1:9",
        operations=ours.OPERATIONS,
        secret=None,
        injection=None,
    )
    issued = issue(TokenKind.MACHINE, now(), os.urandom)
    others = (f"orders:invoice:order-{number}" for number in range(ours.PERMISSIONS - 1))
    record = TokenRecord(
        id=issued.id,
        kind=TokenKind.MACHINE,
        name="bench",
        hash=issued.hash,
        owner=owner.id,
        agent=agent.id,
        authority=Authority.of(*map(Permission.parse, (*others, scope))),
        limits=PLENTY,
        issued=now(),
        expires=Instant(now() + 36_000_000),
        issuer=owner.id,
        meters=issued.id,
    )
    for one in (upstream, owner, role, agent, record):
        snapshot.put(one)
    return issued.reveal()


def _request(token: str) -> Request:
    head = ((b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json"))
    return Request(
        method="POST",
        upstream="orders",
        path=b"/orders/order-12345/refunds",
        query=b"",
        headers=head,
        source="127.0.0.1",
        body=_Empty(),
    )
