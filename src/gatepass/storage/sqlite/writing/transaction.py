"""One transaction as those see it who have something to write: records by statement, entries by the chain.

An entry gets its number and hash here, inside the transaction that stores it, and nowhere earlier: the chain grows
by what is written and by nothing else, so an entry whose commit failed leaves no hole, and the next one
follows on what is really there.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from gatepass.audit import ORIGIN, Head, WriterId, links_of
from gatepass.errors import Unavailable
from gatepass.storage.lines import Line
from gatepass.storage.sqlite.schema import draws, journal, labels

__all__ = ["Transaction", "labelled", "read_head"]

SPAN: Final = 1024
"""Entries whose instants are summed up in one row of `spans`."""
MOST_LABELLED: Final = 4096
_MOST_DOUBLINGS: Final = 8
"""2⁸ rows in one statement. Each statement hands the interpreter's lock back and forth, so there should be few."""


class Transaction:
    """What may be done inside one. It is the writer's: nobody keeps it."""

    def __init__(self, connection: Connection, writer: WriterId, seq: int, hash_: bytes) -> None:
        self.connection = connection
        self.raw: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        self._writer = writer
        self.seq, self.hash = seq, hash_

    def append(self, lines: Sequence[Line]) -> None:
        """Put entries at the end of the chain, in order, and make the changes to the meters that they tell of."""
        if not lines:
            return
        values: list[object] = []
        seq, prev, writer = self.seq, self.hash, self._writer
        follow, astuple = links_of(writer), msgspec.structs.astuple
        for line in lines:
            seq += 1
            body = line.body
            hash_ = follow(seq, prev, body)
            values += (seq, writer, prev, hash_, *astuple(line.labels), body)
            prev = hash_
        try:
            self._insert(_JOURNAL, values)
        except sqlite3.IntegrityError:
            # Our place is taken: the head that we know is not the journal's. The fault is the store's, not the entry's.
            raise sqlite3.DatabaseError("somebody else has written to the journal") from None
        self._note_spans(lines)
        self._draw(lines)
        self.seq, self.hash = seq, prev

    def label(self, after: int) -> int:
        """Have the entries after number `after` found by index too: `MOST_LABELLED` at most. Returns the last one."""
        last = min(self.seq, after + MOST_LABELLED)
        self.raw.execute(_LABEL, (after, last))
        return last

    def _draw(self, lines: Sequence[Line]) -> None:
        """Add first, then take away: a call that was settled in the same batch leaves nothing."""
        drawn: list[object] = []
        for line in lines:
            for decision, spent in line.drawn:
                drawn += (decision, spent.meter, spent.period, spent.start, str(spent.used), line.labels.at)
        if drawn:
            self._insert(_DRAWS, drawn)
        released = [key for line in lines for key in line.released]
        if released:
            self.raw.executemany("DELETE FROM draws WHERE decision = ? AND meter = ? AND period = ?", released)

    def _note_spans(self, lines: Sequence[Line]) -> None:
        """Widen the span that each entry falls into."""
        done = 0
        while done < len(lines):
            seq = self.seq + done + 1
            first = seq - (seq - 1) % SPAN
            instants = [line.labels.at for line in lines[done : done + first + SPAN - seq]]
            done += len(instants)
            self.raw.execute(_WIDEN, (first, self.seq + done, min(instants), max(instants)))

    def _insert(self, table: "_Table", values: list[object]) -> None:
        """Few statements for many rows; their sizes are powers of two, so that few different ones are prepared."""
        width, done, rows = table.width, 0, len(values) // table.width
        while done < rows:
            step = min((rows - done).bit_length() - 1, _MOST_DOUBLINGS)
            count = 1 << step
            self.raw.execute(table.statements[step], values[done * width : (done + count) * width])
            done += count


class _Table(NamedTuple):
    """How rows of one table are inserted: the statement for 1, 2, 4, … rows, and the values of each row."""

    statements: tuple[str, ...]
    width: int


def _table(name: str, columns: Sequence[str]) -> _Table:
    row = f"({','.join('?' * len(columns))})"
    head = f"INSERT INTO {name} ({','.join(columns)}) VALUES "  # noqa: S608  names from our own schema
    return _Table(tuple(head + ",".join([row] * (1 << step)) for step in range(_MOST_DOUBLINGS + 1)), len(columns))


_JOURNAL: Final = _table(journal.name, journal.c.keys())
_DRAWS: Final = _table(draws.name, draws.c.keys())
_LABEL: Final = (
    f"INSERT OR REPLACE INTO labels SELECT {', '.join(labels.c.keys())} FROM journal"  # noqa: S608  names from our own schema
    " WHERE seq > ? AND seq <= ?"
)
_WIDEN: Final = (
    "INSERT INTO spans (first, last, earliest, latest) VALUES (?, ?, ?, ?) ON CONFLICT (first) DO UPDATE SET "
    "last = excluded.last, earliest = min(earliest, excluded.earliest), latest = max(latest, excluded.latest)"
)


def labelled(connection: Connection) -> int:
    """The number of the last entry that is found by index; 0 when none is."""
    return connection.exec_driver_sql("SELECT max(seq) FROM labels").scalar() or 0


def read_head(connection: Connection) -> Head | None:
    """Where the chain stands in the database. Raises `Unavailable` (`store_damaged`) for a last row that is none."""
    row = connection.exec_driver_sql("SELECT writer, seq, hash FROM journal ORDER BY seq DESC LIMIT 1").first()
    if row is None:
        return None
    writer, seq, hash_ = row
    if not isinstance(writer, str) or not isinstance(hash_, bytes) or len(hash_) != len(ORIGIN):
        raise Unavailable("store_damaged", f"entry {seq} of the journal is damaged")
    return Head(WriterId(writer), seq, hash_)
