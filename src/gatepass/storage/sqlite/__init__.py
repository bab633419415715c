"""The embedded store: one SQLite file, one thread that writes to it, a few that read."""

from gatepass.storage.sqlite.database import Database, SqliteJournal, SqliteStore
from gatepass.storage.sqlite.reading import SqliteArchive

__all__ = ["Database", "SqliteArchive", "SqliteJournal", "SqliteStore"]
