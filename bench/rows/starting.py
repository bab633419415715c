"""How long `gatepass up` takes to its first answer, and what it holds in memory, empty and with 100,000 live tokens."""

import http.client
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers import ours
from bench.peers.subjects import Ground
from bench.reporting.results import Goal
from bench.reporting.statistics import How
from bench.rows.contest import Contest, Measuring, Row, Say, Size, Taker
from bench.stage import until
from gatepass import __version__
from gatepass.access import Instant
from gatepass.credentials import TokenKind, issue, new_id
from gatepass.storage.sqlite.database import DATABASE

__all__ = ["START"]

EACH: Final = 10
"""Tokens of an agent."""
PERMISSIONS: Final = 3
"""Of each of them: one order to watch, and its refund over REST and over MCP, bounded by three limits each."""
BATCH: Final = 1_000
SETTLED: Final = 1.0
"""Seconds that a server is left alone before its memory is read."""
EMPTY: Final = "Gatepass, empty"
FULL: Final = "Gatepass, full"


def started(ground: Ground, data: Path | None) -> Measuring:
    """Start it on a folder that is filled, or on a new one each time."""

    def measure() -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=ground.folder) as fresh:
            folder = data or Path(fresh) / "data"
            with ours.up(ground, "starting", ours.UP, folder) as (running, said):
                port = int(str(said["people_url"]).rpartition(":")[2])
                took = until(running, lambda: _unready(port))
                time.sleep(SETTLED)
                return {"start_s": took, "memory_mb": running.memory() / 1e6}

    return measure


def _unready(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        status = connection.getresponse().status
    finally:
        connection.close()
    return "" if status == 200 else f"/readyz was answered {status}"


def filled(ground: Ground, many: int) -> Path:
    """A data folder with so many live tokens, ten an agent: rows as administration writes them."""
    home = ground.folder / "full"
    shutil.rmtree(home, ignore_errors=True)
    with ours.deployed(ground, "full") as running:
        ours.refunding(running, permissions=PERMISSIONS)
    _fill(home / "data" / DATABASE, many)
    return home / "data"


def _fill(database: Path, many: int) -> None:
    """Rows as the store wrote the first of their kind, with names, ids, hashes and orders of their own."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        agent = dict(connection.execute("SELECT * FROM agents").fetchone())
        model = dict(connection.execute("SELECT * FROM tokens WHERE kind = ?", (TokenKind.MACHINE.value,)).fetchone())
        agents = [{**agent, "id": _id("agt"), "name": f"bot-{number}"} for number in range(many // EACH)]
        _insert(connection, "agents", agents)
        now = _now()
        for begun in range(0, many, BATCH):
            tokens = []
            for number in range(begun, min(begun + BATCH, many)):
                made = issue(TokenKind.MACHINE, Instant(now - number), os.urandom)  # an id tells its millisecond
                authority = model["authority"].replace("order-12345", f"order-{number}")
                own = {
                    "id": made.id,
                    "hash": made.hash,
                    "meters": made.id,
                    "name": f"t{number}",
                    "authority": authority,
                }
                tokens.append({**model, **own, "agent": agents[number // EACH]["id"]})
            _insert(connection, "tokens", tokens)


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = ", ".join(rows[0])
    places = ", ".join(f":{name}" for name in rows[0])
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - our own names


def _id(kind: str) -> str:
    return new_id(kind, _now(), os.urandom)


def _now() -> Instant:
    return Instant(time.time_ns() // 1_000_000)


@contextmanager
def opened(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:
    """Both folders, ready to be started on."""
    many = size.many(100_000, 5_000)
    say(f"    filling a folder with {many:,} tokens")
    data = filled(ground, many)
    settings = f"{many:,} live tokens of {many // EACH:,} agents, {PERMISSIONS} permissions each"
    yield Contest(
        takers={
            EMPTY: Taker(measure=started(ground, None), version=__version__, settings="a new data folder"),
            FULL: Taker(measure=started(ground, data), version=__version__, settings=settings),
        },
        facts={"tokens": f"{many:,}"},
    )


START: Final = Row(
    name="start",
    title="Start and memory",
    floor=EMPTY,
    shows={"start_s": "s to the first answer", "memory_mb": "MB"},
    goals=(
        Goal(
            number=17,
            what="memory of 100,000 live credentials over idle",
            metric="memory_mb",
            subject=FULL,
            beside=EMPTY,
            how=How.DIFFERENCE,
            bound=400,
            unit="MB",
        ),
        Goal(
            number=18,
            what="start of `gatepass up`, empty",
            metric="start_s",
            subject=EMPTY,
            how=How.VALUE,
            bound=3,
            unit="s",
        ),
        Goal(
            number=18,
            what="start of `gatepass up` with 100,000 credentials",
            metric="start_s",
            subject=FULL,
            how=How.VALUE,
            bound=10,
            unit="s",
        ),
    ),
    open=opened,
)
