"""One token's story, or one run's: issued, used, refused, ended, on one line of time.

The API joins each decision with what came of it; here the changes and the calls are put into one order, which is
that of the journal's numbers. A decision without an outcome says so, because a crash can eat one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepass.console.showing.events import OUTCOMES, Fact, facts_of, kind_of, title_of

__all__ = ["Moment", "Tally", "moments_of", "tally_of"]

_REPEATED: Final = frozenset({"credential", "run", "owner", "person", "agent", "role", "purpose"})
"""What every call of a story has alike: the head of the page says it once."""
_CLASSES: Final = ("read", "write", "delete", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened."""

    seq: int
    at: str
    title: str
    kind: str
    outcome: str | None = None
    action_class: str | None = None
    says: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often what happened."""

    permitted: int
    refused: int
    asked: int
    first: str | None
    last: str | None


def moments_of(story: Mapping[str, Any], names: Mapping[str, str]) -> list[Moment]:
    """Everything that happened, oldest first."""
    happened = [_change(entry, names) for entry in story["changes"]]
    happened += [_call(call, names) for call in story["calls"]]
    return sorted(happened, key=lambda moment: moment.seq)


def tally_of(story: Mapping[str, Any]) -> Tally:
    """The calls of a story, counted."""
    decided = [call["decided"] for call in story["calls"] if call["decided"]]
    outcomes = [entry.get("outcome") for entry in decided]
    instants = sorted(str(entry["at"]) for entry in [*decided, *story["changes"]] if entry.get("at"))
    first, last = (instants[0], instants[-1]) if instants else (None, None)
    return Tally(outcomes.count("permit"), outcomes.count("deny"), outcomes.count("step_up"), first, last)


def _change(entry: Mapping[str, Any], names: Mapping[str, str]) -> Moment:
    details = entry.get("details") or {}
    actor = entry.get("actor")
    says = []
    if actor:
        says.append(f"by {names.get(str(actor), str(actor))}")
    if entry.get("event") == "token.issued" and entry.get("role"):
        says.append(f"under the role {entry['role']}")
    if details.get("because"):
        says.append(f"because: {details['because']}")
    return Moment(
        seq=int(entry["seq"]),
        at=str(entry.get("at") or ""),
        title=title_of(entry),
        kind=kind_of(entry),
        says=tuple(says),
        facts=tuple(facts_of(entry, names)),
    )


def _call(call: Mapping[str, Any], names: Mapping[str, str]) -> Moment:
    decided, finished = call["decided"], call["finished"]
    entry = decided or finished
    outcome = entry.get("outcome")
    facts = facts_of(entry, names, _REPEATED)
    if finished and decided:
        facts += [
            fact for fact in facts_of(finished, names) if fact.label in {"upstream answered", "bytes returned", "fault"}
        ]
    return Moment(
        seq=int(entry["seq"]),
        at=str(entry.get("at") or ""),
        title=title_of(entry),
        kind=kind_of(entry) if decided else "plain",
        outcome=OUTCOMES.get(str(outcome), None if outcome is None else str(outcome)),
        action_class=entry.get("action_class") if entry.get("action_class") in _CLASSES else None,
        says=tuple(_came_of(decided, finished)),
        facts=tuple(facts),
        decision=str(call["decision"]),
    )


def _came_of(decided: Mapping[str, Any] | None, finished: Mapping[str, Any] | None) -> list[str]:
    """In words: what came of a decision, or why it was refused."""
    if decided is None:
        return ["what was decided is no longer in reach of this story"]
    if decided.get("outcome") != "permit":
        reasons = [str(each) for each in decided.get("because") or ()]
        return [f"`{decided.get('code')}`", *reasons]
    if finished is None:
        return ["permitted; nothing is known of the outcome yet"]
    if finished.get("status") is not None:
        return [f"the upstream answered {finished['status']}"]
    return [f"did not reach an answer: `{finished.get('code')}`"]
