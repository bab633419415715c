"""Adding up: how many calls were decided in each minute, and when each credential was last used.

A stretch of the journal is read once, in the order in which it lies on the disk, and added up by SQLite; whoever asks
remembers the sums. A credential's last call is among the entries that are not indexed yet, or is found by the index,
from its newest entry backwards.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from gatepass.access import CredentialId, Instant
from gatepass.audit import DECIDED, Cell, Counted
from gatepass.storage.sqlite.reading.queries import labelled_of
from gatepass.storage.sqlite.reading.reader import raw_of

__all__ = ["add_up", "last_calls"]

_COUNTS: Final = (
    "SELECT at - at % 60000 AS minute, credential, agent, sum(outcome IS 'permit'), sum(outcome IS NOT 'permit')"
    " FROM journal WHERE seq BETWEEN ? AND ? AND +event = ? GROUP BY 1, 2, 3"
)
_EARLIEST: Final = "SELECT at FROM journal WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 1"
_LAST_CALL: Final = (
    "SELECT at FROM labels INDEXED BY labels_by_credential WHERE credential = ? AND event = ? ORDER BY seq DESC LIMIT 1"
)
_LATEST_CALLS: Final = "SELECT credential, at FROM journal WHERE seq > ? AND event = ? AND credential > '' ORDER BY seq"


def add_up(connection: Connection, first: int, last: int) -> Counted:
    """See `audit.Archive.counts`."""
    raw = raw_of(connection)
    found = raw.execute(_EARLIEST, (first, last)).fetchone()
    cells = tuple(Cell(*row) for row in raw.execute(_COUNTS, (first, last, DECIDED)))
    return Counted(cells, None if found is None else Instant(found[0]))


def last_calls(connection: Connection, credentials: Sequence[CredentialId]) -> Mapping[CredentialId, Instant]:
    """See `audit.Archive.last_calls`."""
    raw = raw_of(connection)
    latest = dict(raw.execute(_LATEST_CALLS, (labelled_of(raw), DECIDED)))  # those that no index knows yet
    calls: dict[CredentialId, Instant] = {}
    for credential in credentials:
        at = latest.get(credential)
        if at is None:
            row = raw.execute(_LAST_CALL, (credential, DECIDED)).fetchone()
            at = None if row is None else row[0]
        if at is not None:
            calls[credential] = Instant(at)
    return calls
