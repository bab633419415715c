"""Threads with connections that can only look. What they cost is bounded by time, but for what a start has to read."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gatepass.errors import Unavailable
from gatepass.storage.sqlite.connections import open_reader, trouble_of

__all__ = ["Reader", "code_of", "raw_of"]

T = TypeVar("T")

_READERS: Final = 2
_PATIENCE: Final = 5.0
"""Seconds that one statement may take."""
_OPERATIONS: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock."""


class Reader:
    """A few threads with a connection each. Whatever is asked of the database besides writing goes through here."""

    def __init__(self, path: Path, flushed: Callable[[], Awaitable[None]]) -> None:
        """`flushed` returns when what was queued to be written can be read."""
        self._flushed = flushed
        self._engine = open_reader(path, _READERS)
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="gatepass-reader")

    async def run(self, read: Callable[[Connection], T], *, patience: float | None = _PATIENCE) -> T:
        """Do `read` in a thread. Raises `Unavailable` when the database cannot, or not in `patience` seconds.

        None: it takes as long as it takes.
        """
        await self._flushed()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read, patience)

    def _read(self, read: Callable[[Connection], T], patience: float | None) -> T:
        deadline = None if patience is None else time.monotonic() + patience
        try:
            with self._engine.connect() as connection:
                raw = raw_of(connection)
                raw.set_progress_handler(_clock(deadline), _OPERATIONS)
                return read(connection)
        except (DBAPIError, sqlite3.Error) as error:
            if code_of(error) == sqlite3.SQLITE_INTERRUPT:
                raise Unavailable("search_unfinished", f"nothing was found within {patience or 0:g} seconds") from None
            trouble = trouble_of(error)
            if trouble is None:
                raise
            raise trouble.error() from None

    async def close(self) -> None:
        """Wait for what is being read, and close the connections. What has not begun is dropped."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._engine.dispose()


def _clock(deadline: float | None) -> Callable[[], bool] | None:
    """What ends a statement that takes too long; None for one that may."""
    return None if deadline is None else lambda: time.monotonic() > deadline


def raw_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection beneath."""
    return connection.connection.dbapi_connection  # type: ignore[return-value]


def code_of(error: BaseException) -> int | None:
    """SQLite's code, or None for what the driver raises by itself, as for text that is none."""
    raw = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(raw, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
