"""How the database is opened, for the one connection that writes and the few that read; and what its errors mean.

SQLite versions before 3.51.3 can corrupt a database when two connections write or checkpoint at once, and
distributions ship them. So there is one connection that writes, it alone checkpoints, and readers are opened so
that they can do neither.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from gatepass.errors import Unavailable

__all__ = ["APPLICATION_ID", "Trouble", "open_reader", "open_writer", "trouble_of"]

APPLICATION_ID: Final = 0x67704A31
"""`gpJ1` in the file's header: tells our database from somebody else's."""

_STATEMENTS: Final = 256


def open_writer(path: Path, *, patience: int, unsafe_unsynced: bool = False) -> Engine:
    """The engine of the one connection that writes. `patience`: milliseconds to wait for a foreign lock.

    `unsafe_unsynced` gives up durability. It is there so that the proof of durability can be seen to fail.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, cached_statements=_STATEMENTS)
        for pragma in (
            f"busy_timeout = {patience}",
            "journal_mode = WAL",
            f"synchronous = {'OFF' if unsafe_unsynced else 'FULL'}",
            "fullfsync = ON",
            "checkpoint_fullfsync = ON",
            "wal_autocheckpoint = 0",
            "journal_size_limit = 16777216",
            "foreign_keys = ON",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "cache_size = -16384",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.close()
            raise Unavailable(
                "folder_unusable", "the data folder is on a disk without shared memory, such as a network's"
            )
        return connection

    # AUTOCOMMIT leaves transactions to us: the writer begins, saves and commits them itself.
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, isolation_level="AUTOCOMMIT")


def open_reader(path: Path, connections: int) -> Engine:
    """The engine of at most `connections` connections that can only look."""
    location = f"file:{quote(str(path))}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(location, uri=True, isolation_level=None, check_same_thread=False)
        for pragma in ("busy_timeout = 1000", "query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an error of the database means. `final`: writing on would be unsafe until the database is opened anew."""

    why: str
    damaged: bool
    final: bool

    def __str__(self) -> str:
        return self.why

    def error(self) -> Unavailable:
        """For whoever wanted something of the store."""
        if self.damaged:
            return Unavailable("store_damaged", self.why)
        return Unavailable("storage_unavailable", f"the store cannot be used: {self.why}")

    def journal_error(self) -> Unavailable:
        """For whoever wanted to write to the journal."""
        return Unavailable("journal_unavailable", f"the journal cannot be written: {self.why}")


_WHY: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program has locked the database",
    sqlite3.SQLITE_LOCKED: "another program has locked the database",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_PERM: "the database is not ours to open",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "the database is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not a database of ours",
}
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNSYNCED: Final = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
"""After a failed fsync the system may take unwritten pages for written: asking again proves nothing."""


def trouble_of(error: DBAPIError | sqlite3.Error) -> Trouble | None:
    """What went wrong with the database, or None when the error is about what was asked of it."""
    raw = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(raw, sqlite3.OperationalError) and type(raw) is not sqlite3.DatabaseError:
        return None
    code = getattr(raw, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    damaged = code & 0xFF in _DAMAGE
    return Trouble(_WHY.get(code & 0xFF, "the database reports an error"), damaged, damaged or code in _UNSYNCED)
