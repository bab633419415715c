"""Which proofs were used, in a file of their own: a `credentials.proofs.ReplayStore`.

The law: of all who claim one use, in whatever process, one is told yes, and only when the claim is on the disk. Who
comes while the disk is busy shares the next commit. Nothing is forgotten before its time, and what is past it is swept
away; a store that is full, or that cannot write, lets nobody pass.

The file is no write-ahead log: several processes may write it, and versions of SQLite before 3.51.3 can damage a log
that two connections write at once. It may be lost without harm: what began before a start needs a fresh nonce.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Self

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.storage.sqlite.connections import trouble_of

__all__ = ["MOST_USES", "REPLAY", "SqliteReplay"]

REPLAY: Final = "proofs.db"
"""The file's name in the data folder."""
MOST_USES: Final = 500_000
"""Uses that are remembered at once: some 4,000 a second, for as long as a proof can be used."""
_MOST_WAITING: Final = 10_000
_MOST_TOGETHER: Final = 1_000
_SWEEP: Final = 10_000
"""Milliseconds between two sweeps."""
_PATIENCE: Final = 2_000
"""Milliseconds that a claim waits for another process's."""


class _Claim(NamedTuple):
    use: bytes
    until: Instant
    answer: "asyncio.Future[bool]"


class SqliteReplay:
    """Opened in the event loop that asks. Close it when nobody asks any more."""

    def __init__(self, path: Path, clock: Callable[[], Instant], *, most: int = MOST_USES) -> None:
        """Open or make the file. Raises `Unavailable`."""
        self._clock, self._most = clock, most
        self._path = path
        self._waiting: list[_Claim] = []
        self._at_work: asyncio.Task[None] | None = None
        self._swept = Instant(0)
        self._kept = 0
        self._broken: str | None = None
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gatepass-proofs")

    @classmethod
    async def open(cls, path: Path, clock: Callable[[], Instant], *, most: int = MOST_USES) -> Self:
        """Open or make the file. Raises `Unavailable`."""
        made = cls(path, clock, most=most)
        try:
            made._connection = await asyncio.get_running_loop().run_in_executor(made._pool, made._connect)
        except sqlite3.Error as error:
            made._pool.shutdown()
            raise _unavailable(error) from None
        return made

    async def first(self, use: bytes, until: Instant, /) -> bool:
        """See `credentials.proofs.ReplayStore`."""
        if self._broken is not None or self._closed or len(self._waiting) >= _MOST_WAITING:
            why = self._broken or ("it is closed" if self._closed else "more is asked than the disk takes")
            raise Unavailable("storage_unavailable", f"the uses of proofs cannot be recorded: {why}")
        claim = _Claim(use, until, asyncio.get_running_loop().create_future())
        self._waiting.append(claim)
        if self._at_work is None:
            self._at_work = asyncio.ensure_future(self._work())
        return await claim.answer

    async def close(self) -> None:
        """Answer who waits, and close the file."""
        self._closed = True
        if self._at_work is not None:
            await self._at_work
        await asyncio.get_running_loop().run_in_executor(self._pool, self._connection.close)
        self._pool.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
                try:
                    answers = await loop.run_in_executor(self._pool, self._claim, batch)
                except (sqlite3.Error, Unavailable) as error:
                    self._refuse(batch, error)
                    continue
                for claim, first in zip(batch, answers, strict=True):
                    if not claim.answer.done():
                        claim.answer.set_result(first)
        finally:
            self._at_work = None

    def _refuse(self, batch: Sequence[_Claim], error: sqlite3.Error | Unavailable) -> None:
        if isinstance(error, sqlite3.Error):
            trouble = trouble_of(error)
            if trouble is not None and trouble.final:
                self._broken = trouble.why
        for claim in batch:
            if not claim.answer.done():
                claim.answer.set_exception(_unavailable(error))

    # -- in the thread

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in (
            f"busy_timeout = {_PATIENCE}",
            "journal_mode = TRUNCATE",
            "synchronous = FULL",
            "fullfsync = ON",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("CREATE TABLE IF NOT EXISTS uses (use BLOB PRIMARY KEY, until INTEGER) WITHOUT ROWID")
        connection.execute("CREATE INDEX IF NOT EXISTS uses_by_until ON uses (until)")
        self._kept = connection.execute("SELECT count(*) FROM uses").fetchone()[0]
        return connection

    def _claim(self, batch: Sequence[_Claim]) -> list[bool]:
        """One transaction, one commit."""
        connection, now = self._connection, self._clock()
        connection.execute("BEGIN IMMEDIATE")
        try:
            gone = self._sweep(connection, now)
            self._check_room(self._kept - gone + len(batch))
            answers = [
                connection.execute("INSERT OR IGNORE INTO uses VALUES (?, ?)", (claim.use, claim.until)).rowcount == 1
                for claim in batch
            ]
            connection.execute("COMMIT")
        except BaseException:  # whatever it was, nobody has used anything
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._kept += sum(answers) - gone
        return answers

    def _check_room(self, wanted: int) -> None:
        if wanted > self._most:
            raise Unavailable("storage_unavailable", "the uses of proofs cannot be recorded: there are too many")

    def _sweep(self, connection: sqlite3.Connection, now: Instant) -> int:
        if 0 <= now - self._swept < _SWEEP and self._kept < self._most:
            return 0
        self._swept = now
        return connection.execute("DELETE FROM uses WHERE until < ?", (now,)).rowcount

    _connection: sqlite3.Connection


def _unavailable(error: sqlite3.Error | Unavailable) -> Unavailable:
    if isinstance(error, Unavailable):
        return Unavailable(error.code, error.message)
    trouble = trouble_of(error)
    why = trouble.why if trouble is not None else "the database reports an error"
    return Unavailable("storage_unavailable", f"the uses of proofs cannot be recorded: {why}")
