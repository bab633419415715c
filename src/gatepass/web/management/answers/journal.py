"""What is shown of the journal: entries as they say, with their instants in words that people read."""

from decimal import Decimal

from gatepass.access import Instant
from gatepass.audit import Call, Checkpoint, Found, Head, Report, Story, checkpoint_text
from gatepass.web.management.answers.words import Shown, instant

__all__ = ["entry", "head", "kept_head", "report", "story"]


def entry(found: Found) -> Shown:
    """One entry of the journal, with its number, and its instant in words that people read."""
    members = found.members
    at = members.get("at")
    return {**members, "at": instant(Instant(int(at))) if isinstance(at, Decimal) else None, "seq": found.seq}


def story(told: Story) -> Shown:
    """A run or a credential: what was done to it, and what was done under it, each decision with its outcome."""
    return {
        "credentials": told.credentials,
        "changes": [entry(found) for found in told.changes],
        "calls": [_call(call) for call in told.calls],
        "whole": told.whole,
    }


def report(found: Report) -> Shown:
    """What checking the whole chain came to."""
    faults = [
        {"kind": fault.kind, "first": fault.first, "last": fault.last, "says": str(fault)} for fault in found.faults
    ]
    return {
        "entries": found.entries,
        "intact": found.intact,
        "faults": faults,
        "unnamed": found.unnamed,
        "head": None if found.head is None else head(found.head),
    }


def head(where: Head) -> Shown:
    """Where the chain stands."""
    return {"writer": where.writer, "seq": where.seq, "hash": where.hash.hex()}


def kept_head(where: Head, at: Instant) -> Shown:
    """The same with the text that is to be kept outside."""
    return {**head(where), "at": instant(at), "text": checkpoint_text(Checkpoint(at, (where,)))}


def _call(call: Call) -> Shown:
    return {
        "decision": call.decision,
        "decided": entry(call.decided) if call.decided else None,
        "finished": entry(call.finished) if call.finished else None,
    }
