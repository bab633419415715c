"""Access tokens, as the issuer has them kept: a place in a status list, and a record in one commit with its entry.

The law: issuing waits for nobody's turn: it adds a record that nothing else has, and what was withdrawn meanwhile takes
it along as it arrives (`Desk`). The place that a token names is promised on the disk before the token goes out, in the
same commit at the latest.
"""

from dataclasses import dataclass, field

from gatepass.access import Instant
from gatepass.administration.changes import Desk
from gatepass.administration.changes.desk import Part
from gatepass.audit import Entry
from gatepass.credentials import IssuedRecord
from gatepass.revocation import ListRecord

__all__ = ["AccessTokens"]


@dataclass(slots=True)
class AccessTokens:
    """Where the issuer puts what it issues."""

    desk: Desk
    _promises: dict[int, ListRecord] = field(default_factory=dict)
    """By the status that each came with: it has to be on the disk before that status is used."""

    def place(self, at: Instant) -> int:
        """A status that nobody has had."""
        status, promise = self.desk.places.take(at)
        if promise is not None:
            self._promises[status] = promise
        return status

    async def keep(self, record: IssuedRecord, entry: Entry) -> None:
        """Record a token. Durable, and on the live list, when this returns. Raises `Unavailable`."""
        promise = self._promises.pop(record.status, None)
        puts = (record,) if promise is None else (record, promise)
        await self.desk.commit(Part(puts=puts, entries=(entry,)))
