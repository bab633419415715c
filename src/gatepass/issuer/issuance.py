"""What a client gets, and where it is kept before it goes out.

The law: what was issued says itself in the notations of OAuth, and says the same in each.
"""

from dataclasses import dataclass, field
from typing import Protocol

from gatepass.access import Instant, Json
from gatepass.audit import Entry
from gatepass.credentials import IssuedRecord
from gatepass.credentials.access_tokens.notation import scope_of, write_authority

__all__ = ["Book", "Issuance"]


class Book(Protocol):
    """Where what is issued is kept."""

    def place(self, at: Instant, /) -> int:
        """A status that nobody has had: the number of a list, and a place in it."""
        ...

    async def keep(self, record: IssuedRecord, entry: Entry, /) -> None:
        """Durable, and on the live list, when it returns. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Issuance:
    """What a client gets."""

    text: str = field(repr=False)
    record: IssuedRecord
    exchanged: bool
    capability: bool = False
    """Whether the text is a capability's first link, and no access token."""

    @property
    def lifetime(self) -> int:
        """Whole seconds, counted from now."""
        return (self.record.expires - self.record.issued) // 1000

    @property
    def scope(self) -> str:
        """What holds without a condition."""
        return scope_of(self.record.authority)

    @property
    def details(self) -> Json:
        """All of it."""
        return write_authority(self.record.authority)
