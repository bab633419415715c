"""The journal as objects, oldest first: what was permitted, what was refused and why, what was changed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gatepass.access import CredentialId, Json
from gatepass.audit import Found, Page, Query
from gatepass.audit.search import MOST_PAGE
from gatepass.storage import MemoryJournal
from gatepass.testing.traffic import LoopThread

__all__ = ["JournalEntry", "LocalJournal"]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry. `docs/journal.md` says what each member means."""

    seq: int
    at: datetime
    event: str
    """`call.decided`, `call.finished`, `token.issued`, ..."""
    outcome: str | None
    """`permit`, `deny` or `step_up`, where something was decided."""
    code: str | None
    """Why it was refused: the code of the error."""
    action: str | None
    resource: str | None
    credential: str | None
    agent: str | None
    decision: str | None
    details: Mapping[str, Json] = field(repr=False)
    """What there is to say of this event and no other."""
    members: Mapping[str, Json] = field(repr=False)
    """Everything that it says."""


@dataclass(frozen=True, slots=True)
class LocalJournal:
    """Asks the journal of a deployment."""

    loop: LoopThread
    journal: MemoryJournal

    def entries(self, *, event: str | None = None, credential: str | None = None) -> tuple[JournalEntry, ...]:
        """All entries; of one event, or of one credential."""
        return self.loop.run(self._entries(event, credential))

    def calls(self, credential: str | None = None) -> tuple[JournalEntry, ...]:
        """What was decided, one entry a call; of one credential."""
        return tuple(entry for entry in self.entries(event="call.decided", credential=credential))

    def whole(self) -> bool:
        """Whether the chain of all entries holds."""
        return not self.loop.run(self.journal.verify()).faults

    async def _entries(self, event: str | None, credential: str | None) -> tuple[JournalEntry, ...]:
        found: list[Found] = []
        before: int | None = None
        while True:
            named = CredentialId(credential) if credential is not None else None
            page: Page = await self.journal.search(Query(event=event, credential=named, before=before, limit=MOST_PAGE))
            found += page.entries
            if page.next is None:
                return tuple(_entry(one) for one in reversed(found))
            before = page.next
            await asyncio.sleep(0)


def _entry(found: Found) -> JournalEntry:
    labels, members = found.labels, found.members
    details = members.get("details")

    def text(name: str) -> str | None:
        value = members.get(name)
        return value if isinstance(value, str) else None

    return JournalEntry(
        seq=found.seq,
        at=datetime.fromtimestamp(labels.at / 1000, UTC),
        event=labels.event,
        outcome=labels.outcome,
        code=text("code"),
        action=text("action"),
        resource=text("resource"),
        credential=labels.credential,
        agent=labels.agent,
        decision=labels.decision,
        details=details if isinstance(details, Mapping) else {},
        members=members,
    )
