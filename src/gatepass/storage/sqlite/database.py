"""The embedded store, opened: its journal, its records, its archive.

Opening brings the schema up to date and writes the first entry of a new writer, which ties its chain to the one
before. From then on the writer's thread is the only one that writes.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gatepass.access import Instant
from gatepass.administration import Record, Records
from gatepass.audit import OPENED, ORIGIN, Entry, Ticket, WriterId
from gatepass.credentials import new_id
from gatepass.errors import Unavailable
from gatepass.limits import Spent
from gatepass.storage.folder import DataFolder
from gatepass.storage.lines import line_for
from gatepass.storage.sqlite import records
from gatepass.storage.sqlite.connections import APPLICATION_ID, Trouble, open_writer, trouble_of
from gatepass.storage.sqlite.meters import fold, load_spent
from gatepass.storage.sqlite.migrations import revision_of, upgrade
from gatepass.storage.sqlite.reading import Reader, SqliteArchive
from gatepass.storage.sqlite.writing import LABEL_EACH, Transaction, Writer, read_head

__all__ = ["DATABASE", "Database", "SqliteJournal", "SqliteStore"]

DATABASE: Final = "gatepass.db"
_PATIENCE: Final = 1_000
"""Milliseconds that a commit waits for a foreign lock."""
_IN_FLIGHT: Final = 10 * 60_000
"""Milliseconds after which a call gives nothing back any more."""
_ENDED: Final = 3_600_000
"""Milliseconds that access tokens are kept after their end: there may be one for each call."""
_KEPT: Final = 30 * 86_400_000
"""Milliseconds for which a token's record is kept after the end of its life. Its entries in the journal stay."""


class SqliteJournal:
    """An `audit.Journal` over the writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def append(self, entry: Entry, /) -> Ticket:
        """See `audit.Journal`."""
        return self._writer.append(line_for(entry))


class SqliteStore:
    """An `administration.Store`, and what meters have given out."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader

    async def load(self) -> Records:
        """See `administration.Store`. However much there is: a start that gave up would serve nobody."""
        return await self._reader.run(records.load, patience=None)

    async def commit(
        self, puts: Sequence[Record] = (), removals: Sequence[Record] = (), entries: Sequence[Entry] = ()
    ) -> None:
        """See `administration.Store`."""
        lines = [line_for(entry) for entry in entries]

        def work(transaction: Transaction) -> None:
            records.remove(transaction.connection, removals)
            records.put(transaction.connection, puts)
            transaction.append(lines)

        await self._writer.submit(work).result()

    async def load_spent(self, now: Instant) -> tuple[Spent, ...]:
        """What totals, and quotas whose window is not over, have given out. To be read before the first permit."""
        return await self._reader.run(lambda connection: load_spent(connection, now), patience=None)

    async def tidy(self, now: Instant) -> int:
        """Add up old draws, forget what is long over. Returns how many rows went.

        In rounds, so that whoever else writes waits for one of them at most.
        """

        def work(transaction: Transaction) -> int:
            gone = records.expire(transaction.connection, Instant(now - _KEPT), Instant(now - _ENDED))
            return gone + fold(transaction, before=Instant(now - _IN_FLIGHT), now=now)

        gone = 0
        while last := await self._writer.submit(work).result():
            gone += last
        return gone


class Database:
    """An open database. `journal`, `store` and `archive` are what the rooms are given."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer, self._reader = writer, reader
        self.journal = SqliteJournal(writer)
        self.store = SqliteStore(writer, reader)
        self.archive = SqliteArchive(reader)

    @classmethod
    async def open(
        cls,
        folder: DataFolder,
        *,
        clock: Callable[[], Instant],
        entropy: Callable[[int], bytes] = os.urandom,
        unsafe_unsynced: bool = False,
        label_each: int = LABEL_EACH,
    ) -> Self:
        """Open the database in `folder`, in the event loop that will use it.

        Raises `Unavailable`: `store_newer`, `store_damaged`, `storage_unavailable` or `folder_unusable`.
        `label_each` is how many entries are indexed at once. `unsafe_unsynced` gives up durability and is for seeing
        the proof of it fail.
        """
        path = folder.file(DATABASE)
        name = WriterId(new_id("wrt", clock(), entropy))
        writer = Writer(
            name,
            engine=lambda: open_writer(path, patience=_PATIENCE, unsafe_unsynced=unsafe_unsynced),
            prepare=lambda connection: _prepare(connection, name, clock),
            there=_identity(path),
            clock=clock,
            label_each=label_each,
        )
        try:
            await writer.start()
        except (DBAPIError, sqlite3.Error) as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            raise trouble.error() from None
        return cls(writer, Reader(path, writer.flushed))

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be written now, or None."""
        return self._writer.trouble

    async def close(self) -> None:
        """Write what is waiting, and close. Whoever appends afterwards is refused."""
        await self._reader.close()
        await self._writer.close()


def _identity(path: Path) -> Callable[[], bool]:
    """Says later whether the file is still the one that it is now."""
    opened = path.stat()

    def there() -> bool:
        try:
            return os.path.samestat(path.stat(), opened)
        except OSError:
            return False

    return there


def _prepare(connection: Connection, writer: WriterId, clock: Callable[[], Instant]) -> None:
    """Check that it is ours, bring it up to date, and begin the writer's chain: in one transaction."""
    owner = connection.exec_driver_sql("PRAGMA application_id").scalar()
    empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar()
    if owner != APPLICATION_ID and not empty:
        raise Unavailable("store_damaged", "the file is not a database of ours")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        before = None if empty else revision_of(connection)
        upgrade(connection)
        head = read_head(connection)
        details = {"writer": writer, "schema": revision_of(connection) or ""}
        if head is not None:
            details |= {"after_writer": head.writer, "after_seq": str(head.seq), "after_hash": head.hash.hex()}
        if before not in {None, details["schema"]}:
            details["schema_before"] = str(before)
        transaction = Transaction(connection, writer, head.seq if head else 0, head.hash if head else ORIGIN)
        transaction.append([line_for(Entry(at=clock(), event=OPENED, actor="system", details=details))])
        connection.exec_driver_sql("COMMIT")
    except BaseException:  # whatever it is, nothing of it may stay
        if connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")
        raise
