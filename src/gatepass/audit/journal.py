"""The journal as the rooms see it: those that write to it, and those that read it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from gatepass.access import CredentialId, Instant, RunId
from gatepass.audit.chain import Head
from gatepass.audit.entries import Entry
from gatepass.audit.search import Page, Query, Story
from gatepass.audit.tally import Counted
from gatepass.audit.verify import Report

__all__ = ["Archive", "Journal", "Ticket"]


class Ticket(Protocol):
    """The receipt of an entry that has its place in the chain but may not be on the disk yet."""

    async def durable(self) -> None:
        """Return once the entry has been forced to the disk. Raises `Unavailable` when it cannot be."""
        ...


class Journal(Protocol):
    """Appends entries in order. Every implementation passes `tests/contracts/journal.py`."""

    def append(self, entry: Entry, /) -> Ticket:
        """Give `entry` its place in the chain, now, and hand back its receipt.

        Raises `Unavailable` (`journal_unavailable`) when the journal has failed or its queue is full:
        whoever cannot record must not act. Raises `Malformed` (`too_large`) for an entry that cannot be
        abridged to fit.
        """
        ...


class Archive(Protocol):
    """Reads what was written, without ever holding up who writes. Every implementation passes the same suite.

    All of it raises `Unavailable`: `storage_unavailable` when it cannot be read, `journal_damaged` when an
    entry that has to be shown is none.
    """

    async def search(self, query: Query) -> Page:
        """A page of the entries that `query` asks for, newest first."""
        ...

    async def story(self, of: RunId | CredentialId) -> Story:
        """Everything about one run (`run_…`) or one credential (`crd_…`), joined."""
        ...

    async def verify(self, saved: Sequence[Head] = ()) -> Report:
        """Check the whole chain, and that it still holds the heads that somebody kept."""
        ...

    async def head(self) -> Head:
        """Where the chain stands on the disk."""
        ...

    def export(self, after: int = 0) -> AsyncIterator[bytes]:
        """Every entry after the number `after`, a line each, as `docs/journal.md` says."""
        ...

    async def counts(self, first: int, last: int) -> Counted:
        """The decisions among the entries from number `first` to `last`, added up by minute and by whose they are.

        It reads all of them: a caller asks for tens of thousands at a time, not for millions.
        """
        ...

    async def last_calls(self, credentials: Sequence[CredentialId]) -> Mapping[CredentialId, Instant]:
        """When a call was last decided under each; credentials that made none are left out."""
        ...
