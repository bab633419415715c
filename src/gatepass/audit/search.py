"""Asking the journal: pages of entries, and stories that join them.

A query names what entries say; all that it names has to hold. Pages go from the newest entry to the oldest, by
their numbers and not by the clock, which may have jumped. A story is read forwards: how a credential came to be, what
was decided under it, and what came of each decision, joined by the decision's id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gatepass.access import CredentialId, DecisionId, Instant, Json, Outcome, RunId
from gatepass.audit.bodies import Labels, labels_of, members_of
from gatepass.audit.chain import Row
from gatepass.errors import Malformed

__all__ = ["MOST_PAGE", "MOST_STORY", "Call", "Found", "Page", "Query", "Story", "is_run", "tell"]

MOST_PAGE: Final = 500
MOST_STORY: Final = 10_000
"""Entries of one story; a longer one says that it is not whole."""
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for. `since` is included, `until` is not; `before` is the number that a page ended with."""

    credential: CredentialId | None = None
    """Entries under it, and entries about it."""
    agent: str | None = None
    run: RunId | None = None
    decision: DecisionId | None = None
    event: str | None = None
    outcome: Outcome | None = None
    surface: str | None = None
    upstream: str | None = None
    action: str | None = None
    resource: str | None = None
    """What the resource begins with."""
    since: Instant | None = None
    until: Instant | None = None
    before: int | None = None
    limit: int = 100

    @property
    def unindexed(self) -> Mapping[str, str]:
        """Those filters that no index bears: the entries themselves have to be read for them."""
        asked = {
            "surface": self.surface,
            "upstream": self.upstream,
            "action": self.action,
            "resource": self.resource,
        }
        return {name: text for name, text in asked.items() if text is not None}

    def admits(self, members: Mapping[str, object]) -> bool:
        """Whether an entry that says `members` is what the unindexed filters ask for."""
        asked = dict(self.unindexed)
        prefix = asked.pop("resource", "")
        exact = all(members.get(name) == text for name, text in asked.items())
        return exact and (self.resource is None or str(members.get("resource", "")).startswith(prefix))

    def __post_init__(self) -> None:
        if not 0 < self.limit <= MOST_PAGE:
            raise Malformed("malformed_request", f"a page has 1 to {MOST_PAGE} entries")
        if self.before is not None and not 0 < self.before < 1 << 63:
            raise Malformed("malformed_request", "the cursor is not one that a page ended with")
        for bound in (self.since, self.until):
            if bound is not None and not -(1 << 62) < bound < 1 << 62:
                raise Malformed("malformed_request", "an instant is out of range")
        for text in (self.credential, self.agent, self.run, self.decision, self.event, *self.unindexed.values()):
            if text is not None and (len(text) > _LONGEST or not text.isprintable()):
                raise Malformed("malformed_request", "a filter is too long or not printable")


@dataclass(frozen=True, slots=True)
class Found:
    """One entry as it was found."""

    row: Row

    @property
    def seq(self) -> int:
        """Its number in the journal."""
        return self.row.seq

    @property
    def labels(self) -> Labels:
        """What it is found by. Raises `Unavailable` (`journal_damaged`)."""
        return labels_of(self.row.body)

    @property
    def members(self) -> Mapping[str, Json]:
        """Everything that it says. Raises `Unavailable` (`journal_damaged`)."""
        return members_of(self.row.body)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and the `before` of the next page; None when this is the last.

    A page may have fewer entries than were asked for, or none, and still a next one: where no index helps, a search
    reads so many entries and no more.
    """

    entries: tuple[Found, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """One decision and what came of it. Either may be missing: a denial has no outcome, and a crash eats one."""

    decision: str
    decided: Found | None
    finished: Found | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about a run or a credential, oldest first.

    `entries` has all of it in order. `credentials` are those that took part, `changes` what was done to them
    (issued, narrowed, rotated, revoked), `calls` what was done under them. `whole` is false when it was cut at
    `MOST_STORY` entries.
    """

    entries: tuple[Found, ...]
    credentials: tuple[str, ...]
    changes: tuple[Found, ...]
    calls: tuple[Call, ...]
    whole: bool = True


def is_run(of: str) -> bool:
    """Whether a story is of a run, and not of a credential. Raises `Malformed` when it is of neither."""
    if len(of) > _LONGEST or not of.isprintable() or not of.startswith(("run_", "crd_")):
        raise Malformed("malformed_request", "a story is of a run (`run_...`) or of a credential (`crd_...`)")
    return of.startswith("run_")


def tell(entries: Iterable[Found], *, whole: bool = True) -> Story:
    """Join the entries of a story, which come in their order."""
    told = tuple(entries)
    credentials: dict[str, None] = {}
    changes: list[Found] = []
    calls: dict[str, tuple[Found | None, Found | None]] = {}
    for found in told:
        labels = found.labels
        if labels.credential is not None:
            credentials.setdefault(labels.credential)
        if labels.decision is None:
            changes.append(found)
            continue
        decided, finished = calls.get(labels.decision, (None, None))
        calls[labels.decision] = (decided, found) if labels.outcome is None else (decided or found, finished)
    joined = tuple(Call(decision, *pair) for decision, pair in calls.items())
    return Story(told, tuple(credentials), tuple(changes), joined, whole)
