"""The journal as the rooms that write to it see it."""

from typing import Protocol

from gatepass.audit.entries import Entry

__all__ = ["Journal", "Ticket"]


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
        whoever cannot record must not act.
        """
        ...
