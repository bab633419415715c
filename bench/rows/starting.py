"""How long `gatepass up` takes to its first answer, and what it holds in memory, empty and with 100,000 live tokens."""

import asyncio
import http.client
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.peers import ours
from bench.peers.subjects import Ground
from bench.reporting.results import Goal
from bench.reporting.statistics import How
from bench.rows.contest import Contest, Measuring, Row, Say, Size, Taker
from bench.stage import until
from gatepass import __version__
from gatepass.access import AgentId, Instant
from gatepass.credentials import TokenKind, issue, new_id
from gatepass.registry import Agent
from gatepass.storage import Database, DataFolder

__all__ = ["START"]

EACH: Final = 10
"""Tokens of an agent."""
PERMISSIONS: Final = 3
"""Of each of them: one order over REST, and its refund over REST and MCP, bounded by three caveats each."""
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
    """A data folder with so many live tokens, ten an agent: made by the store itself, as administration writes them."""
    home = ground.folder / "full"
    shutil.rmtree(home, ignore_errors=True)
    with ours.deployed(ground, "full") as running:
        ours.refunding(running, permissions=PERMISSIONS)
    asyncio.run(_fill(home / "data", many))
    return home / "data"


async def _fill(data: Path, many: int) -> None:
    with DataFolder.open(data) as folder:
        database = await Database.open(folder, clock=_now)
        records = await database.store.load()
        model, agent = next(one for one in records.tokens if one.kind is TokenKind.MACHINE), records.agents[0]
        for begun in range(0, many, BATCH):
            agents, tokens = [], []
            for number in range(begun, min(begun + BATCH, many)):
                if number % EACH == 0:
                    agents.append(_agent(agent, number // EACH))
                made = issue(TokenKind.MACHINE, _now(), os.urandom)
                token = replace(model, id=made.id, name=f"t{number}", hash=made.hash, meters=made.id)
                tokens.append(replace(token, agent=agents[-1].id, expires=Instant(_now() + 36_000_000)))
            await database.store.commit(puts=(*agents, *tokens))
        await database.close()


def _agent(model: Agent, number: int) -> Agent:
    return replace(model, id=AgentId(new_id("agt", _now(), os.urandom)), name=f"bot-{number}")


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
