"""The statements by which the journal is searched, each made to use one index.

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

__all__ = ["COLUMNS", "narrowed", "page_queries", "span_of", "story_query"]

_LONGEST: Final = 65_536
"""Bytes of a body that is read at all; ours are shorter."""

COLUMNS: Final = (
    f"seq, writer, prev, hash, CASE WHEN length(body) <= {_LONGEST} THEN body END AS body,"
    " at, event, decision, outcome, credential, agent, run, subject"
)
"""A row, and its labels in the order of `audit.Labels`."""

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


def page_queries(query: Query, first: int, last: int) -> Iterator[Statement]:
    """One statement, or two whose results are merged: a credential's entries are those under it and those about it."""
    filters: dict[str, str] = {
        name: value
        for name in ("decision", "run", "agent", "outcome", "event")
        if (value := getattr(query, name)) is not None
    }
    if query.credential is None:
        yield _page_query(query, filters, first, last)
    else:
        yield _page_query(query, {**filters, "credential": query.credential}, first, last)
        yield _page_query(query, {**filters, "subject": query.credential}, first, last)


def narrowed(query: Query) -> bool:
    """Whether a filter is there that leaves few entries. An agent or an outcome may have most of the journal."""
    return query.decision is not None or query.run is not None or query.credential is not None


def _page_query(query: Query, filters: dict[str, str], first: int, last: int) -> Statement:
    terms = ["seq BETWEEN ? AND ?"]
    values: list[object] = [first, last]
    chosen = next((name for name in _NARROWEST if name in filters and _indexed(name, filters[name])), None)
    for name, value in filters.items():
        if name == chosen == "outcome":
            terms.append(f"outcome = '{'deny' if value == 'deny' else 'step_up'}'")  # the index has only these two
            continue
        terms.append(f"{name if name == chosen else '+' + name} = ?")
        values.append(value)
    for name, text in query.unindexed.items():
        # A body is JSON without spaces, so what it says of a member is these bytes; the entry itself is asked again.
        said = msgspec.json.encode(text)
        terms.append("instr(body, ?) > 0")
        values.append(b'"%s":%s' % (name.encode(), said[:-1] if name == "resource" else said))
    for bound, sign in ((query.since, ">="), (query.until, "<")):
        if bound is not None:
            terms.append(f"at {sign} ?")
            values.append(bound)
    sql = f"SELECT {COLUMNS} FROM journal WHERE {' AND '.join(terms)} ORDER BY seq DESC LIMIT ?"  # noqa: S608  names of our own
    return sql, (*values, query.limit + 1)


def _indexed(name: str, value: str) -> bool:
    return name != "outcome" or value in _INDEXED_OUTCOMES


_OF_LINE: Final = (
    "WITH RECURSIVE line (id) AS (SELECT ?1 UNION SELECT issued.credential FROM line CROSS JOIN journal issued"  # noqa: S608
    f" ON issued.subject = line.id WHERE +issued.event = '{ISSUED}' AND +issued.credential IS NOT NULL LIMIT ?2),"
    " own AS (SELECT * FROM (SELECT one.seq, one.decision, one.credential FROM line CROSS JOIN journal one"
    " ON one.credential = line.id ORDER BY one.seq LIMIT ?2)"
    " UNION SELECT * FROM (SELECT seq, decision, ?1 FROM journal WHERE subject = ?1 ORDER BY seq LIMIT ?2))"
)
"""A credential, whatever was exchanged from it, and all that was done under any of them."""


def story_query(of: RunId | CredentialId) -> Statement:
    """Everything about a run or a credential, in one statement.

    That is its own entries, those of what was exchanged from it, again and again, those that share a decision with one
    of them, and those about the credentials that took part.
    """
    limit = MOST_STORY + 1
    own = (
        "WITH own AS (SELECT seq, decision, credential FROM journal WHERE run = ?1 ORDER BY seq LIMIT ?2)"
        if is_run(of)
        else _OF_LINE
    )
    sql = (
        f"{own} SELECT {COLUMNS} FROM journal WHERE seq IN ("  # noqa: S608  names of our own
        "SELECT seq FROM own"
        " UNION SELECT other.seq FROM own JOIN journal other ON other.decision = own.decision"
        " UNION SELECT about.seq FROM (SELECT DISTINCT credential FROM own) one JOIN journal about"
        " ON about.subject = one.credential"
        f") ORDER BY seq LIMIT {limit}"
    )
    return sql, (of, limit)
