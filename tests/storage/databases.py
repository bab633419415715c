"""A database in a folder, opened and closed around a story."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.contracts.journal import NOON

from gatepass.access import Instant
from gatepass.storage import Database, DataFolder


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
