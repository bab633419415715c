"""What is shown of the journal: entries as they say, with their instants in words that people read."""

from decimal import Decimal
from typing import cast

from gatepass.access import Instant
from gatepass.audit import Call, Checkpoint, Found, Head, Report, Story, checkpoint_text
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.words import instant

__all__ = ["entry", "head", "kept_head", "report", "story"]


def entry(found: Found) -> shapes.JournalEntry:
    """One entry of the journal, with its number, and its instant in words that people read."""
    members = found.members
    at = members.get("at")
    said = {**members, "at": instant(Instant(int(at))) if isinstance(at, Decimal) else None, "seq": found.seq}
    return cast("shapes.JournalEntry", said)


def story(told: Story) -> shapes.Story:
    """A run or a credential: what was done to it, and what was done under it, each decision with its outcome."""
    return shapes.Story(
        credentials=told.credentials,
        changes=[entry(found) for found in told.changes],
        calls=[_call(call) for call in told.calls],
        whole=told.whole,
    )


def report(found: Report) -> shapes.Report:
    """What checking the whole chain came to."""
    return shapes.Report(
        entries=found.entries,
        intact=found.intact,
        faults=[
            shapes.ReportedFault(kind=fault.kind, first=fault.first, last=fault.last, says=str(fault))
            for fault in found.faults
        ],
        unnamed=found.unnamed,
        head=None if found.head is None else head(found.head),
    )


def head(where: Head) -> shapes.Head:
    """Where the chain stands."""
    return shapes.Head(writer=where.writer, seq=where.seq, hash=where.hash.hex())


def kept_head(where: Head, at: Instant) -> shapes.KeptHead:
    """The same with the text that is to be kept outside."""
    text = checkpoint_text(Checkpoint(at, (where,)))
    return shapes.KeptHead(writer=where.writer, seq=where.seq, hash=where.hash.hex(), at=instant(at), text=text)


def _call(call: Call) -> shapes.Decided:
    return shapes.Decided(
        decision=call.decision,
        decided=entry(call.decided) if call.decided else None,
        finished=entry(call.finished) if call.finished else None,
    )
