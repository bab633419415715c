"""A process of its own that writes to a data folder: to be traced, starved and killed by the tests.

python -m tests.storage.child trace  FOLDER PORT synced|unsynced
python -m tests.storage.child load   FOLDER
python -m tests.storage.child starve FOLDER limit|FILLER
python -m tests.storage.child hurt   FOLDER
"""

import asyncio
import json
import os
import resource
import secrets
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.contracts.journal import decided, finished, total
from tests.contracts.store import ADA, BOT
from tests.storage.databases import opened

from gatepass.access import AgentId, Instant
from gatepass.audit import Query
from gatepass.errors import Error, Unavailable
from gatepass.storage import Database


def now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


async def trace(folder: Path, port: int, *, unsynced: bool) -> None:
    """After each thing that is said to be durable, say so to a socket."""
    with socket.create_connection(("127.0.0.1", port)) as told:
        async with opened(folder, now, unsafe_unsynced=unsynced) as database:
            for number in range(5):
                await database.journal.append(decided(number, correlation=f"marker-entry-{number}.")).durable()
                told.send(f"after-entry-{number}.".encode())
            await database.store.commit((replace(ADA, name="marker-record-0."),))
            told.send(b"after-record-0.")


async def load(folder: Path) -> None:
    """Write from many sides at once; say on stdout what was acknowledged, one line each, and never more."""
    async with opened(folder, now) as database:
        with suppress(Error):
            await database.store.commit((ADA,))
        await asyncio.gather(*(_worker(database, secrets.token_hex(4)) for _ in range(16)))


async def _worker(database: Database, name: str) -> None:
    number = 0
    while True:
        number += 1
        decision = f"dec_{name}_{number}"
        entry = decided(number, decision=decision, at=now(), reservations=(total(),))
        await database.journal.append(entry).durable()
        _say("permit", decision)
        if number % 3 == 0:
            back = finished(number, decision=decision, at=now(), reservations=(total(),))
            await database.journal.append(back).durable()
            _say("back", decision)
        if number % 20 == 0:
            agent = replace(BOT, id=AgentId(f"agt_{name}_{number}"), name=f"{name}-{number}")
            await database.store.commit((agent,), entries=(entry.amended(event="agent.created", subject=agent.id),))
            _say("agent", agent.id)


def _say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())  # one write: a line is there whole or not at all


async def starve(folder: Path, how: str) -> dict[str, Any]:
    """Take the room away, see that everything is refused and nothing half there, give it back, go on."""
    async with opened(folder, now) as database:
        await database.store.commit((ADA,))
        acknowledged = await _until_refused(database, folder, how)
        error = acknowledged.pop()
        refusals = [error, *(await _refusals(database))]
        kept = await database.store.load()
        _give_room(how)
        waited = await _until_accepted(database)
        report = await database.archive.verify([await database.archive.head()])
        page = await database.archive.search(Query(event="journal.recovered"))
        present = {found.labels.decision for found in await _everything(database)}
        return {
            "acknowledged": len(acknowledged),
            "missing": [decision for decision in acknowledged if decision not in present],
            "refusals": refusals,
            "agents": len(kept.agents),
            "waited": waited,
            "intact": report.intact,
            "recovered": [dict(found.members["details"]) for found in page.entries],  # type: ignore[arg-type]
            "spent": [str(spent.used) for spent in await database.store.load_spent(now())],
            "permits": sum(found.labels.event == "call.decided" for found in await _everything(database)),
        }


async def _until_refused(database: Database, folder: Path, how: str) -> list[Any]:
    """Decisions that were acknowledged, and last the error that ended it."""
    acknowledged: list[Any] = []
    for number in range(100_000):
        if number == 50:
            _take_room(folder, how)
        decision = f"dec_{number:06}"
        entry = decided(number, decision=decision, at=now(), reservations=(total(),), details={"fill": "x" * 2000})
        try:
            await database.journal.append(entry).durable()
        except Unavailable as error:
            return [*acknowledged, [error.code, str(error)]]
        acknowledged.append(decision)
    raise AssertionError("the disk never became full")


async def _refusals(database: Database) -> list[list[str]]:
    """Whoever cannot record is refused at once, and so is whoever wants to change a record."""
    found = []
    try:
        database.journal.append(decided(1))
    except Unavailable as error:
        found.append([error.code, str(error)])
    try:
        await database.store.commit((BOT,))
    except Unavailable as error:
        found.append([error.code, str(error)])
    return found


def _take_room(folder: Path, how: str) -> None:
    if how == "limit":
        size = (folder / "gatepass.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, resource.RLIM_INFINITY))
        return
    with Path(how).open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)


def _give_room(how: str) -> None:
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        Path(how).unlink()


async def _until_accepted(database: Database) -> float:
    begun = time.monotonic()
    async with asyncio.timeout(15):
        for _ in range(500):
            with suppress(Unavailable):
                await database.journal.append(decided(1, decision="dec_afterwards", reservations=(total(),))).durable()
                break
            await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def _everything(database: Database) -> list[Any]:
    found: list[Any] = []
    query = Query(limit=500)
    while True:
        page = await database.archive.search(query)
        found += page.entries
        if page.next is None:
            return found
        query = replace(query, before=page.next)


async def hurt(folder: Path) -> dict[str, Any]:
    """Write on and on; the tracer makes some system call fail. Say what was refused, and whether it passed."""
    async with opened(folder, now) as database:
        refused: list[str] = []
        accepted = 0
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            try:
                await database.journal.append(decided(accepted, decision=None, at=now())).durable()
                accepted += 1
            except Unavailable as error:
                refused.append(str(error))
            await asyncio.sleep(0.01)
        report = await database.archive.verify()
        return {
            "accepted": accepted,
            "refused": sorted(set(refused)),
            "last": database.trouble is None,
            "intact": report.intact,
        }


def main() -> None:
    command, folder, *rest = sys.argv[1:]
    path = Path(folder)
    if command == "trace":
        asyncio.run(trace(path, int(rest[0]), unsynced=rest[1] == "unsynced"))
    elif command == "load":
        asyncio.run(load(path))
    elif command == "starve":
        print(json.dumps(asyncio.run(starve(path, rest[0]))))  # noqa: T201  what the parent reads
    else:
        print(json.dumps(asyncio.run(hurt(path))))  # noqa: T201  what the parent reads


if __name__ == "__main__":
    main()
