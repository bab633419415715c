"""The threads that only look: searching, telling, checking and exporting the journal."""

from gatepass.storage.sqlite.reading.archive import SqliteArchive
from gatepass.storage.sqlite.reading.reader import Reader

__all__ = ["Reader", "SqliteArchive"]
