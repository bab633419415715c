"""A database in a folder, opened and closed around a story."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.contracts.journal import NOON, decided

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.storage import Database, DataFolder
from gatepass.storage.sqlite.migrations import versions

NEWEST = max(path.name[1:5] for path in Path(versions.__path__[0]).glob("s[0-9]*.py"))
"""The schema's revision now."""


@asynccontextmanager
async def opened(path: Path, clock: Callable[[], Instant] = lambda: NOON, **options: Any) -> AsyncIterator[Database]:
    with DataFolder.open(path) as folder:
        database = await Database.open(folder, clock=clock, **options)
        try:
            yield database
        finally:
            await database.close()


def tampered(path: Path, *statements: str) -> None:
    """Do to a closed database what its owner is not supposed to do."""
    with sqlite3.connect(path / "gatepass.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


async def until_accepted(database: Database) -> None:
    begun = time.monotonic()
    while True:
        try:
            return await database.journal.append(decided(900)).durable()
        except Unavailable:
            assert time.monotonic() - begun < 10
            await asyncio.sleep(0.02)
