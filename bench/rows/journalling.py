"""The journal: durable rows a second in batches, chain verified rows a second, a page of 100 among many.

Its floors are measured in the same rounds, on the same bodies: a file that is appended to and synced, and SHA-256 over
what is in memory. The folder lies on the disk under test.
"""

import asyncio
import gc
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from bench.peers.subjects import Ground
from bench.reporting.results import Goal
from bench.reporting.statistics import How
from bench.rows.contest import Contest, Row, Say, Size, Taker
from bench.stage import Failed
from gatepass.access import (
    AgentId,
    CredentialId,
    DecisionId,
    Instant,
    MeterKind,
    Outcome,
    PersonId,
    Reservation,
)
from gatepass.audit import Entry, Query, Ticket, write_body
from gatepass.storage import Database, DataFolder

__all__ = ["JOURNAL"]

BATCH: Final = 1_000
MEASURED: Final = 20_000
PAGES: Final = 20
FILE: Final = "a synced file"
HASHED: Final = "SHA-256 in memory"
QUERIES: Final[Mapping[str, Query]] = {
    "newest": Query(),
    "of a credential": Query(credential=CredentialId("crd_0000000007")),
    "of an agent": Query(agent="agt_0000000000000007"),
    "denials": Query(outcome=Outcome.DENY),
    "by event": Query(event="call.decided"),
    "one decision": Query(decision=DecisionId("dec_0000000000000500")),
}


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


def entry(number: int) -> Entry:
    """A permit as the gateway writes it."""
    credential = CredentialId(f"crd_{number % 1000:010}")
    return Entry(
        at=now(),
        event="call.decided",
        decision=DecisionId(f"dec_{number:016}"),
        outcome=Outcome.PERMIT if number % 10 else Outcome.DENY,
        code="ok",
        because=("grant orders:refund:order-12345?amount<=50&amount>=0", "role support"),
        credential=credential,
        owner=PersonId("per_0TnQm3xAbCdEfGhI"),
        agent=AgentId(f"agt_{number % 100:016}"),
        person=PersonId("per_0TnQm3xAbCdEfGhI"),
        role="support",
        upstream="orders",
        surface="rest",
        action="orders:refund",
        action_class="write",
        resource="order-12345",
        properties={"amount": Decimal("49.50"), "currency": "USD"},
        digest="0" * 64,
        correlation="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        source="127.0.0.1",
        reservations=(Reservation(f"{credential}/calls", MeterKind.RATE, Decimal(60), period=60_000),),
    )


class Spent(NamedTuple):
    """Seconds of the clock and of the processor."""

    clock: float
    cpu: float

    def a_row(self, rows: int) -> dict[str, float]:
        """As a row of the report has it."""
        return {"rows_per_second": rows / self.clock, "cpu_us": self.cpu / rows * 1e6}


def begin() -> Spent:
    return Spent(time.perf_counter(), time.process_time())


def since(begun: Spent) -> Spent:
    return Spent(time.perf_counter() - begun.clock, time.process_time() - begun.cpu)


def synced_file(path: Path, entries: list[Entry]) -> Spent:
    """The floor of writing: encode, hash, append to a file, one fdatasync a batch."""
    begun = begin()
    prev = bytes(32)
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(entries), BATCH):
            lines = []
            for one in entries[start : start + BATCH]:
                body, _ = write_body(one)
                prev = hashlib.sha256(prev + body).digest()
                lines.append(prev + body)
            file.write(b"\n".join(lines))
            os.fdatasync(file.fileno())
    return since(begun)


async def appended(database: Database, entries: list[Entry]) -> Spent:
    """One batch is written while the next is appended, as under load."""
    begun = begin()
    before: Ticket | None = None
    for start in range(0, len(entries), BATCH):
        tickets = [database.journal.append(one) for one in entries[start : start + BATCH]]
        if before is not None:
            await before.durable()
        before = tickets[-1]
    if before is not None:
        await before.durable()
    return since(begun)


def hashed(bodies: list[bytes]) -> Spent:
    """The floor of checking: SHA-256 over bodies in memory, chained."""
    begun = begin()
    prev = bytes(32)
    for body in bodies:
        prev = hashlib.sha256(prev + body).digest()
    return since(begun)


async def paged(database: Database, query: Query) -> float:
    """Ms of one page: the median of some."""
    times = []
    for _ in range(PAGES):
        begun = time.perf_counter()
        await database.archive.search(query)
        times.append(time.perf_counter() - begun)
    return sorted(times)[PAGES // 2] * 1000


class Journalling:
    """A journal with many rows, in a loop of its own."""

    def __init__(self, runner: asyncio.Runner, database: Database, folder: Path) -> None:
        self.runner = runner
        self.database = database
        self.folder = folder
        self.written = 0
        self.batch: list[Entry] = []

    def fill(self, rows: int) -> None:
        while self.written < rows:
            self.append()

    def fresh(self) -> list[Entry]:
        entries = [entry(self.written + number) for number in range(MEASURED)]
        gc.collect()
        gc.freeze()  # the collector would go through what only the bench keeps alive
        return entries

    def append(self) -> Mapping[str, float]:
        entries = self.fresh()
        self.written += MEASURED
        return self.runner.run(appended(self.database, entries)).a_row(MEASURED)

    def file(self) -> Mapping[str, float]:
        return synced_file(self.folder / "floor", self.fresh()).a_row(MEASURED)

    def hash(self) -> Mapping[str, float]:
        return hashed([write_body(one)[0] for one in self.fresh()]).a_row(MEASURED)

    def verify(self) -> Mapping[str, float]:
        begun = begin()
        report = self.runner.run(self.database.archive.verify())
        checked = since(begun)
        if not report.intact:
            raise Failed("the chain does not verify")
        return checked.a_row(report.entries)

    def pages(self) -> Mapping[str, float]:
        times = {name: self.runner.run(paged(self.database, query)) for name, query in QUERIES.items()}
        return {"page_ms": times["newest"], "slowest_ms": max(times.values())}


@contextmanager
def journalling(runner: asyncio.Runner, folder: Path) -> Iterator[Journalling]:
    """A new journal on the disk under test."""
    folder.mkdir()
    with DataFolder.open(folder / "data") as data:
        database = runner.run(Database.open(data, clock=now))
        try:
            yield Journalling(runner, database, folder)
        finally:
            runner.run(database.close())


@contextmanager
def opened(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:
    """A journal with a million rows, or few, and one that begins."""
    rows = size.many(1_000_000, 40_000)
    with (
        asyncio.Runner() as runner,
        journalling(runner, ground.folder / "new") as new,
        journalling(runner, ground.folder / "long") as long,
    ):
        say(f"    filling a journal with {rows:,} rows")
        long.fill(rows)
        yield Contest(
            takers={
                FILE: Taker(measure=long.file, settings=f"encode, chain, append, fdatasync each {BATCH:,} rows"),
                "append": Taker(measure=new.append, settings=f"batches of {BATCH:,}, to a journal that begins"),
                "append to many": Taker(measure=long.append, settings=f"batches of {BATCH:,}, to {rows:,} rows"),
                HASHED: Taker(measure=long.hash, settings="chained over encoded bodies"),
                "verify": Taker(measure=long.verify, settings="the whole chain"),
                "search": Taker(measure=long.pages, settings=", ".join(QUERIES)),
            },
            facts={"rows in the journal": f"{rows:,} and what the rounds added"},
        )
        gc.unfreeze()


def _goal(what: str, metric: str, subject: str, bound: float, unit: str, *, at_most: bool) -> Goal:
    return Goal(
        number=9, what=what, metric=metric, subject=subject, how=How.VALUE, bound=bound, unit=unit, at_most=at_most
    )


JOURNAL: Final = Row(
    name="journal",
    title="Journal",
    floor=None,
    shows={
        "rows_per_second": "rows/s",
        "cpu_us": "CPU µs a row",
        "page_ms": "ms a page of 100, newest",
        "slowest_ms": "the slowest filter",
    },
    goals=(
        _goal("journal: durable rows in batches", "rows_per_second", "append", 30_000, "rows/s", at_most=False),
        _goal("journal: chain verified", "rows_per_second", "verify", 200_000, "rows/s", at_most=False),
        _goal("journal: a page of 100 among a million, the newest", "page_ms", "search", 5, "ms", at_most=True),
        _goal("journal: a page of 100 among a million, slowest filter", "slowest_ms", "search", 5, "ms", at_most=True),
    ),
    open=opened,
)
