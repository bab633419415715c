"""Adapters for the stores that rooms declare: SQLite, PostgreSQL, Redis protocol, memory."""

from gatepass.storage.folder import DataFolder
from gatepass.storage.ledger import InProcessLedger
from gatepass.storage.memory import MemoryJournal, MemoryStore
from gatepass.storage.replay import MemoryReplay
from gatepass.storage.sqlite import Database
from gatepass.storage.sqlite.replay import SqliteReplay

__all__ = ["DataFolder", "Database", "InProcessLedger", "MemoryJournal", "MemoryReplay", "MemoryStore", "SqliteReplay"]
