"""Both stores of uses keep to the contract; the one on disk also across processes, restarts and a killed process."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.contracts.replay import MINUTE, NOON, ReplayContract, use

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.storage import MemoryReplay, SqliteReplay

CHILD = """
import asyncio, sys
from pathlib import Path
from gatepass.access import Instant
from gatepass.storage import SqliteReplay

async def main():
    store = await SqliteReplay.open(Path(sys.argv[1]), lambda: Instant(1_800_000_000_000))
    print("ready", flush=True)
    for line in sys.stdin:
        first = int(line)
        uses = [number.to_bytes(32, "big") for number in range(first, first + 50)]
        claims = [store.first(each, Instant(1_800_000_060_000)) for each in uses]
        print(*[int(won) for won in await asyncio.gather(*claims)], flush=True)

asyncio.run(main())
"""


class TestMemory(ReplayContract):
    """The one that forgets."""

    @asynccontextmanager
    async def open(self, most: int = 1000) -> AsyncIterator[MemoryReplay]:
        yield MemoryReplay(self.clock, most=most)


class TestSqlite(ReplayContract):
    """The one on disk."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "proofs.db"

    @asynccontextmanager
    async def open(self, most: int = 1000) -> AsyncIterator[SqliteReplay]:
        store = await SqliteReplay.open(self.path, self.clock, most=most)
        try:
            yield store
        finally:
            await store.close()

    def test_a_restart_forgets_nothing(self) -> None:
        async def claim() -> bool:
            async with self.open() as store:
                return await store.first(use(1), Instant(NOON + MINUTE))

        assert [asyncio.run(claim()) for _ in range(3)] == [True, False, False]

    def test_a_store_that_was_closed_lets_nobody_pass(self) -> None:
        async def story() -> None:
            async with self.open() as store:
                pass
            with pytest.raises(Unavailable):
                await store.first(use(1), Instant(NOON + MINUTE))

        asyncio.run(story())

    def test_what_is_no_database_is_not_opened(self) -> None:
        self.path.write_bytes(b"something else, and long enough to be looked at" * 40)

        async def story() -> None:
            with pytest.raises(Unavailable):
                async with self.open():
                    pass

        asyncio.run(story())

    def test_a_lock_that_stays_is_a_refusal_and_no_yes(self) -> None:
        async def story() -> None:
            async with self.open() as store:
                other = sqlite3.connect(self.path, isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(Unavailable) as refused:
                    await store.first(use(1), Instant(NOON + MINUTE))
                assert "another program has locked the database" in refused.value.message
                other.execute("ROLLBACK")
                other.close()
                assert await store.first(use(1), Instant(NOON + MINUTE)), "what was refused was not used"

        asyncio.run(story())

    def test_of_two_processes_exactly_one_wins_and_kill_gives_nothing_back(self) -> None:
        def start() -> subprocess.Popen[str]:
            command = [sys.executable, "-c", CHILD, str(self.path)]
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        with start() as one, start() as other:
            try:
                pipes = [(each.stdin, each.stdout) for each in (one, other)]
                for _, said in pipes:
                    assert said is not None
                    assert said.readline() == "ready\n"
                for first in range(0, 500, 50):
                    for ask, _ in pipes:
                        assert ask is not None
                        ask.write(f"{first}\n")
                        ask.flush()
                    won = [[int(each) for each in said.readline().split()] for _, said in pipes if said]
                    assert [a + b for a, b in zip(*won, strict=True)] == [1] * 50
            finally:
                for each in (one, other):
                    os.kill(each.pid, signal.SIGKILL)

        async def after() -> list[bool]:
            async with self.open() as store:
                return [await store.first(use(each), Instant(NOON + MINUTE)) for each in range(500)]

        assert not any(asyncio.run(after()))
