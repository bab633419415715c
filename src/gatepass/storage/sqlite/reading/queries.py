"""The statements by which the journal is searched, each made to use one index.

Entries are indexed a thousand at a time, in `labels`. What is asked of them by an index is therefore asked twice: by
the index, of the entries that are there, and one by one, of the few after them.

SQLite keeps no statistics of a journal that only grows, so it cannot know that one credential's entries are few and
the permits many. We know: the first filter of `_NARROWEST` that is there names the index, and the others are
written so (`+column`) that no index of theirs is used.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

import msgspec

from gatepass.access import CredentialId, RunId
from gatepass.audit import ISSUED, Query
from gatepass.audit.search import MOST_STORY, is_run

__all__ = ["PIECE", "ROWS", "labelled_of", "narrowed", "page_queries", "span_of", "story_query"]

_LONGEST: Final = 65_536
"""Bytes of a body that is read at all; ours are shorter."""

_LABELS: Final = ("at", "event", "decision", "outcome", "credential", "agent", "run", "subject")
_ROW: Final = (
    "journal.seq, journal.writer, journal.prev, journal.hash,"
    f" CASE WHEN length(journal.body) <= {_LONGEST} THEN journal.body END AS body"
)
ROWS: Final = f"SELECT {_ROW} FROM journal WHERE journal.seq > ? ORDER BY journal.seq LIMIT ?"  # noqa: S608  names of our own
PIECE: Final = (
    f"SELECT {_ROW}, CASE WHEN journal.seq > ?1 OR ("  # noqa: S608  names of our own
    + " AND ".join(f"labels.{name} IS journal.{name}" for name in _LABELS)
    + ") THEN journal.at END, "
    + ", ".join(f"journal.{name}" for name in _LABELS[1:])
    + " FROM journal LEFT JOIN labels ON labels.seq = journal.seq WHERE journal.seq > ?2 ORDER BY journal.seq LIMIT ?3"
)
"""Rows with their labels in the order of `audit.Labels`; without an instant where `labels`, up to ?1, differs."""

_NARROWEST: Final = ("decision", "run", "credential", "subject", "agent", "outcome", "event")
_HIGHEST: Final = (1 << 63) - 1
_INDEXED_OUTCOMES: Final = frozenset({"deny", "step_up"})

Statement = tuple[str, tuple[object, ...]]


def span_of(raw: sqlite3.Connection, query: Query) -> tuple[int, int] | None:
    """The first and last number between which all lies that `query` can find; None when there is nothing."""
    first, last = 1, _HIGHEST if query.before is None else query.before - 1
    if query.since is not None or query.until is not None:
        since = -_HIGHEST if query.since is None else query.since
        until = _HIGHEST if query.until is None else query.until
        sql = "SELECT min(first), max(last) FROM spans WHERE latest >= ? AND earliest < ?"
        within = raw.execute(sql, (since, until)).fetchone()
        if within[0] is None:
            return None
        first, last = max(first, within[0]), min(last, within[1])
    return (first, last) if first <= last else None


def labelled_of(raw: sqlite3.Connection) -> int:
    """The number of the last entry that is found by index."""
    return raw.execute("SELECT max(seq) FROM labels").fetchone()[0] or 0


def page_queries(query: Query, first: int, last: int, labelled: int) -> Iterator[Statement]:
    """Statements whose results are merged: a credential's entries are those under it and those about it."""
    filters: dict[str, str] = {
        name: value
        for name in ("decision", "run", "agent", "outcome", "event")
        if (value := getattr(query, name)) is not None
    }
    if query.credential is None:
        yield from _page_queries(query, filters, first, last, labelled)
    else:
        for whose in ("credential", "subject"):
            yield from _page_queries(query, {**filters, whose: query.credential}, first, last, labelled)


def narrowed(query: Query) -> bool:
    """Whether a filter is there that leaves few entries. An agent or an outcome may have most of the journal."""
    return query.decision is not None or query.run is not None or query.credential is not None


def _page_queries(query: Query, filters: dict[str, str], first: int, last: int, labelled: int) -> Iterator[Statement]:
    chosen = next((name for name in _NARROWEST if name in filters and _indexed(name, filters[name])), None)
    if chosen is None:
        yield _page_query(query, filters, first, last)
        return
    if first <= labelled:
        yield _page_query(query, filters, first, min(last, labelled), chosen)
    if last > labelled:
        yield _page_query(query, filters, max(first, labelled + 1), last)


def _page_query(query: Query, filters: dict[str, str], first: int, last: int, chosen: str | None = None) -> Statement:
    """One statement: by the index of `chosen`, or entry by entry."""
    table, source = "journal", "journal"
    if chosen is not None:
        table, source = "labels", f"labels INDEXED BY labels_by_{'refusal' if chosen == 'outcome' else chosen}"
        source += " CROSS JOIN journal ON journal.seq = labels.seq"
    terms = [f"{table}.seq BETWEEN ? AND ?"]
    values: list[object] = [first, last]
    for name, value in filters.items():
        if name == chosen == "outcome":
            terms.append(f"labels.outcome = '{'deny' if value == 'deny' else 'step_up'}'")  # all that the index has
            continue
        terms.append(f"{table}.{name} = ?")
        values.append(value)
    for name, text in query.unindexed.items():
        # A body is JSON without spaces, so what it says of a member is these bytes; the entry itself is asked again.
        said = msgspec.json.encode(text)
        terms.append("instr(journal.body, ?) > 0")
        values.append(b'"%s":%s' % (name.encode(), said[:-1] if name == "resource" else said))
    for bound, sign in ((query.since, ">="), (query.until, "<")):
        if bound is not None:
            terms.append(f"{table}.at {sign} ?")
            values.append(bound)
    sql = f"SELECT {_ROW} FROM {source} WHERE {' AND '.join(terms)} ORDER BY {table}.seq DESC LIMIT ?"  # noqa: S608  names of our own
    return sql, (*values, query.limit + 1)


def _indexed(name: str, value: str) -> bool:
    return name != "outcome" or value in _INDEXED_OUTCOMES


_TAIL: Final = (
    "WITH RECURSIVE tail AS MATERIALIZED ("
    "SELECT seq, event, decision, credential, run, subject FROM journal WHERE seq > ?3)"
)
"""The entries that are not indexed yet."""
_OF_RUN: Final = (
    ", own AS (SELECT * FROM (SELECT seq, decision, credential FROM labels WHERE run = ?1 ORDER BY seq LIMIT ?2)"
    " UNION SELECT seq, decision, credential FROM tail WHERE run = ?1)"
)
_ISSUED: Final = f"issued.event = '{ISSUED}' AND +issued.credential IS NOT NULL"
_OF_LINE: Final = (
    ", line (id) AS (SELECT ?1 UNION SELECT issued.credential FROM line CROSS JOIN labels issued"  # noqa: S608
    f" ON issued.subject = line.id WHERE +{_ISSUED}"
    f" UNION SELECT issued.credential FROM line CROSS JOIN tail issued ON issued.subject = line.id WHERE +{_ISSUED}"
    " LIMIT ?2),"
    " own AS (SELECT * FROM (SELECT one.seq, one.decision, one.credential FROM line CROSS JOIN labels one"
    " ON one.credential = line.id ORDER BY one.seq LIMIT ?2)"
    " UNION SELECT seq, decision, credential FROM tail WHERE credential IN (SELECT id FROM line)"
    " UNION SELECT * FROM (SELECT seq, decision, ?1 FROM labels WHERE subject = ?1 ORDER BY seq LIMIT ?2)"
    " UNION SELECT seq, decision, ?1 FROM tail WHERE subject = ?1)"
)
"""A credential, whatever was exchanged from it, and all that was done under any of them."""


def story_query(of: RunId | CredentialId, labelled: int) -> Statement:
    """Everything about a run or a credential, in one statement.

    That is its own entries, those of what was exchanged from it, again and again, those that share a decision with one
    of them, and those about the credentials that took part.
    """
    sql = (
        f"{_TAIL}{_OF_RUN if is_run(of) else _OF_LINE} SELECT {_ROW} FROM journal WHERE seq IN ("  # noqa: S608  names of our own
        "SELECT seq FROM own"
        " UNION SELECT other.seq FROM own JOIN labels other ON other.decision = own.decision"
        " UNION SELECT seq FROM tail WHERE decision IN (SELECT decision FROM own)"
        " UNION SELECT about.seq FROM (SELECT DISTINCT credential FROM own) one JOIN labels about"
        " ON about.subject = one.credential"
        " UNION SELECT seq FROM tail WHERE subject IN (SELECT credential FROM own)"
        ") ORDER BY seq LIMIT ?2"
    )
    return sql, (of, MOST_STORY + 1, labelled)
