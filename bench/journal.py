"""The journal: durable rows a second in batches, chain verified rows a second, a page of 100 among many.

    python bench/journal.py [--rows 1000000] [--rounds 5]

Each figure stands beside a floor that was measured in the same interleaved rounds, on the same bodies: a file that is
appended to and synced, and SHA-256 over what is in memory. The ratios travel to other machines; rows a second do not.
"""

import argparse
import asyncio
import gc
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

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

BATCH = 1_000
MEASURED = 20_000


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


class Round(NamedTuple):
    """One interleaved round of writing and checking, ours beside the floors."""

    file: Spent
    written: Spent
    hashed: Spent
    checked: Spent
    entries: int


def since(begun: Spent) -> Spent:
    return Spent(time.perf_counter() - begun.clock, time.process_time() - begun.cpu)


def begin() -> Spent:
    return Spent(time.perf_counter(), time.process_time())


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


QUERIES = {
    "newest": Query(),
    "of a credential": Query(credential=CredentialId("crd_0000000007")),
    "of an agent": Query(agent="agt_0000000000000007"),
    "denials": Query(outcome=Outcome.DENY),
    "by event": Query(event="call.decided"),
    "one decision": Query(decision=DecisionId("dec_0000000000000500")),
}


async def paged(database: Database, query: Query) -> float:
    begun = time.perf_counter()
    await database.archive.search(query)
    return time.perf_counter() - begun


async def measured(database: Database, folder: Path, first: int) -> Round:
    entries = [entry(first + number) for number in range(MEASURED)]
    gc.collect()
    gc.freeze()  # the collector would go through what only the bench keeps alive
    file = synced_file(folder / "floor", entries)
    written = await appended(database, entries)
    in_memory = hashed([write_body(one)[0] for one in entries])
    begun = begin()
    report = await database.archive.verify()
    checked = since(begun)
    gc.unfreeze()
    assert report.intact
    return Round(file, written, in_memory, checked, report.entries)


async def measure(folder: Path, rows: int, rounds: int) -> None:
    with DataFolder.open(folder / "data") as data:
        database = await Database.open(data, clock=now)
        show_rounds([await measured(database, folder, number * MEASURED) for number in range(rounds)])
        total = rounds * MEASURED
        while total < rows:
            await appended(database, [entry(total + number) for number in range(MEASURED)])
            total += MEASURED
        for name, query in QUERIES.items():
            times = sorted([await paged(database, query) for _ in range(50)])
            show(f"page of 100 among {total:,}: {name}, ms", times[25] * 1000, "5", f"p98 {times[-2] * 1000:.2f}")
        await database.close()


def show_rounds(rounds: list[Round]) -> None:
    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(map(of, rounds))

    wrote, floor = median(lambda one: MEASURED / one.written.clock), median(lambda one: MEASURED / one.file.clock)
    show(f"durable rows/s, batches of {BATCH}", wrote, "30 000", f"{wrote / floor:.2f} of a synced file")
    cpu, least = median(lambda one: one.written.cpu / MEASURED), median(lambda one: one.file.cpu / MEASURED)
    show("  CPU of it, µs a row", cpu * 1e6, "33", f"{cpu / least:.1f} times a synced file's {least * 1e6:.1f}")
    checked = median(lambda one: one.entries / one.checked.clock)
    raw = median(lambda one: MEASURED / one.hashed.clock)
    show("chain verified rows/s", checked, "200 000", f"{checked / raw:.2f} of SHA-256 in memory")
    cpu, least = median(lambda one: one.checked.cpu / one.entries), median(lambda one: one.hashed.cpu / MEASURED)
    show("  CPU of it, µs a row", cpu * 1e6, "5", f"{cpu / least:.1f} times SHA-256's {least * 1e6:.1f}")


def show(name: str, figure: float, goal: str, beside: str) -> None:
    print(f"{name:<50} {figure:>12,.2f}   goal {goal:>8}   {beside}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; the disk is part of what is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(measure(Path(folder), options.rows, options.rounds))


if __name__ == "__main__":
    main()
