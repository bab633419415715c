"""Reading the journal, beside those who write to it and never in their way.

Every piece is read on a connection that can only look, in a thread of its own small pool, in one statement: a long
check or export holds no transaction open between two pieces, so the log can be emptied underneath it. What a search
may cost is bounded by time: it is stopped and says so.
"""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from gatepass.access import CredentialId, Instant, RunId
from gatepass.audit import (
    Counted,
    Found,
    Head,
    Page,
    Query,
    Report,
    Row,
    Story,
    Verifier,
    WriterId,
    line_of,
    tell,
)
from gatepass.audit.search import MOST_STORY
from gatepass.errors import Unavailable
from gatepass.storage.sqlite.reading.queries import (
    PIECE,
    ROWS,
    labelled_of,
    narrowed,
    page_queries,
    span_of,
    story_query,
)
from gatepass.storage.sqlite.reading.reader import Reader, code_of, raw_of
from gatepass.storage.sqlite.reading.tallying import add_up, last_calls
from gatepass.storage.sqlite.writing import read_head

__all__ = ["SqliteArchive"]

_PIECE: Final = 1_000
"""Rows that are read in one go by a check or an export."""
_MOST_SIFTED: Final = 100_000
"""Rows that are looked through for one page of a search that no index helps."""


class SqliteArchive:
    """An `audit.Archive` over the database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def search(self, query: Query) -> Page:
        """See `audit.Archive`."""
        return await self._reader.run(lambda connection: _page(connection, query))

    async def story(self, of: RunId | CredentialId) -> Story:
        """See `audit.Archive`."""

        def read(connection: Connection) -> Story:
            raw = raw_of(connection)
            rows = [_row(row) for row in raw.execute(*story_query(of, labelled_of(raw)))]
            return tell(map(Found, rows[:MOST_STORY]), whole=len(rows) <= MOST_STORY)

        return await self._reader.run(read)

    async def verify(self, saved: Sequence[Head] = ()) -> Report:
        """See `audit.Archive`. Entries that are added while it runs may or may not be looked at."""
        verifier = Verifier(saved)
        top = await self._reader.run(_top)
        seq = 0
        while seq < top:
            seq = await self._reader.run(lambda connection, after=seq: _feed(connection, verifier, after, top))  # type: ignore[misc]
        return verifier.finish()

    async def head(self) -> Head:
        """See `audit.Archive`."""
        head = await self._reader.run(read_head)
        if head is None:
            raise Unavailable("store_damaged", "the journal has lost its first entry")
        return head

    async def export(self, after: int = 0) -> AsyncIterator[bytes]:
        """See `audit.Archive`."""
        seq = after
        while rows := await self._reader.run(lambda connection, after=seq: _piece(connection, after)):  # type: ignore[misc]
            seq = rows[-1][0]
            yield b"".join(line_of(_row(row)) for row in rows)

    async def counts(self, first: int, last: int) -> Counted:
        """See `audit.Archive`."""
        return await self._reader.run(lambda connection: add_up(connection, first, last))

    async def last_calls(self, credentials: Sequence[CredentialId]) -> Mapping[CredentialId, Instant]:
        """See `audit.Archive`."""
        return await self._reader.run(lambda connection: last_calls(connection, credentials))


def _page(connection: Connection, query: Query) -> Page:
    raw = raw_of(connection)
    span = span_of(raw, query)
    if span is None:
        return Page((), None)
    if query.unindexed:
        return _sifted(connection, query, *span)
    found: dict[int, Row] = {}
    for sql, values in page_queries(query, *span, labelled_of(raw)):
        for row in raw.execute(sql, values):
            found[row[0]] = _row(row)
    newest = sorted(found, reverse=True)[: query.limit + 1]
    shown = newest[: query.limit]
    more = len(newest) > query.limit
    return Page(tuple(Found(found[seq]) for seq in shown), shown[-1] if more else None)


def _sifted(connection: Connection, query: Query, first: int, last: int) -> Page:
    """A page where no index bears a filter: of so many entries at most, and it says where to go on."""
    raw = raw_of(connection)
    last = min(last, _top(connection))
    start = first if narrowed(query) else max(first, last - _MOST_SIFTED + 1)
    rows: dict[int, Row] = {}
    for sql, values in page_queries(query, start, last, labelled_of(raw)):
        rows |= {row[0]: _row(row) for row in raw.execute(sql, values)}
    newest = sorted(rows, reverse=True)[: query.limit]
    shown = tuple(found for found in (Found(rows[seq]) for seq in newest) if query.admits(found.members))
    if len(rows) > query.limit:
        return Page(shown, newest[-1])
    return Page(shown, start if start > first else None)


def _row(row: Sequence[Any]) -> Row:
    """A row to be shown. Raises `Unavailable` (`journal_damaged`) when it is none."""
    seq, writer, prev, hash_, body = row[:5]
    if not isinstance(writer, str) or not all(isinstance(part, bytes) for part in (prev, hash_, body)):
        raise Unavailable("journal_damaged", f"entry {seq} of the journal cannot be read")
    return Row(seq, WriterId(writer), prev, hash_, body)


def _top(connection: Connection) -> int:
    top = raw_of(connection).execute("SELECT max(seq) FROM journal").fetchone()[0]
    return top or 0


def _piece(connection: Connection, after: int) -> list[Any]:
    return raw_of(connection).execute(ROWS, (after, _PIECE)).fetchall()


def _feed(connection: Connection, verifier: Verifier, after: int, top: int) -> int:
    """Show the verifier the next piece. Returns the number of its last row."""
    raw = raw_of(connection)
    asked = labelled_of(raw), after, _PIECE
    try:
        rows = raw.execute(PIECE, asked).fetchall()
    except sqlite3.OperationalError as error:
        if code_of(error) is not None:
            raise
        rows = _forgiving(raw, asked)
    verifier.see(rows)
    return rows[-1][0] if rows else top


def _forgiving(raw: sqlite3.Connection, asked: tuple[int, int, int]) -> list[Any]:
    """Text that is no text comes out as replacement characters, for the verifier to find fault with."""
    raw.text_factory = lambda text: text.decode("utf-8", "replace")
    try:
        return raw.execute(PIECE, asked).fetchall()
    finally:
        raw.text_factory = str
