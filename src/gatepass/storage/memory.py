"""The journal and the store in memory: for tests, ours and our users', and for a deployment that may forget.

They pass the same suites as the ones on disk. What a disk can do to a caller can be asked for by hand: `hold`
keeps entries from becoming durable until `release`, `fail` refuses everything until `mend`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from gatepass.access import CredentialId, Instant, Outcome, RunId
from gatepass.administration import Record, Records
from gatepass.audit import (
    DECIDED,
    ISSUED,
    OPENED,
    ORIGIN,
    Cell,
    Counted,
    Entry,
    Found,
    Head,
    Page,
    Query,
    Report,
    Row,
    Story,
    Verifier,
    WriterId,
    labels_of,
    line_of,
    link,
    members_of,
    tell,
)
from gatepass.audit.search import MOST_STORY, is_run
from gatepass.credentials import IssuedRecord, TokenRecord, WithdrawnLink
from gatepass.errors import Conflict, Unavailable
from gatepass.keys import IssuerKey, SealedSecret
from gatepass.limits import Spent
from gatepass.registry import Agent, AgentKey, Person, Role, Run, TrustRule, Upstream
from gatepass.revocation import ListRecord
from gatepass.storage.lines import EXACT, Line, line_for

__all__ = ["MemoryJournal", "MemoryStore"]

Kept = TypeVar(
    "Kept",
    WithdrawnLink,
    ListRecord,
    Person,
    Agent,
    Role,
    Upstream,
    SealedSecret,
    Run,
    TokenRecord,
    IssuedRecord,
    IssuerKey,
    TrustRule,
    AgentKey,
)

_WRITER: Final = WriterId("wrt_memory")


class _Ticket:
    """Durable at once, unless the journal is held."""

    def __init__(self, held: asyncio.Event, refused: list[str]) -> None:
        self._held, self._refused = held, refused

    async def durable(self) -> None:
        await self._held.wait()
        if self._refused:
            raise _unavailable(self._refused[0])


class MemoryJournal:
    """An `audit.Journal` and an `audit.Archive`."""

    def __init__(self, at: int = 0) -> None:
        self.rows: list[Row] = []
        self.draws: dict[tuple[str, str, int], Spent] = {}
        self._why: str | None = None
        self._held: list[Line] | None = None
        self._released, self._refused = _set_event(), list[str]()
        self.store_lines([line_for(Entry(at=Instant(at), event=OPENED, actor="system", details={"writer": _WRITER}))])

    @property
    def entries(self) -> tuple[Found, ...]:
        """All that is durable, oldest first."""
        return tuple(map(Found, self.rows))

    # -- what a disk can do

    def hold(self) -> None:
        """From now on nothing becomes durable until `release`."""
        self._held = []
        self._released, self._refused = asyncio.Event(), []

    def release(self) -> None:
        """Let what was held become durable."""
        held, self._held = self._held or [], None
        self.store_lines(held)
        self._released.set()

    def fail(self, why: str = "the disk is full") -> None:
        """What is held is lost; from now on everything is refused, until `mend`."""
        self._why, self._held = why, None
        self._refused.append(why)
        self._released.set()

    def mend(self) -> None:
        """Take entries again."""
        self._why = None
        self._released, self._refused = _set_event(), []

    # -- writing

    def append(self, entry: Entry, /) -> _Ticket:
        """See `audit.Journal`."""
        line = line_for(entry)
        self.require_room()
        if self._held is not None:
            self._held.append(line)
        else:
            self.store_lines([line])
        return _Ticket(self._released, self._refused)

    def require_room(self) -> None:
        """Raises `Unavailable` after `fail`."""
        if self._why is not None:
            raise _unavailable(self._why)

    def store_lines(self, lines: Sequence[Line]) -> None:
        """Put entries at the end of the chain, all or none."""
        if any((decision, spent.meter, spent.period) in self.draws for line in lines for decision, spent in line.drawn):
            raise Conflict("conflict", "the decision has been journalled before")
        for line in lines:
            seq, prev = len(self.rows) + 1, self.rows[-1].hash if self.rows else ORIGIN
            self.rows.append(Row(seq, _WRITER, prev, link(_WRITER, seq, prev, line.body), line.body))
            for decision, spent in line.drawn:
                self.draws[decision, spent.meter, spent.period] = spent
            for key in line.released:
                self.draws.pop(key, None)

    # -- reading

    async def search(self, query: Query) -> Page:
        """See `audit.Archive`."""
        found = [row for row in reversed(self.rows) if _matches(query, row)]
        shown = found[: query.limit]
        return Page(tuple(map(Found, shown)), shown[-1].seq if len(found) > len(shown) else None)

    async def story(self, of: RunId | CredentialId) -> Story:
        """See `audit.Archive`."""
        is_run(of)
        labelled = [(row, labels_of(row.body)) for row in self.rows]
        line = {of}
        for _, labels in labelled:  # what is exchanged comes after what it is exchanged from
            if labels.event == ISSUED and labels.subject in line and labels.credential is not None:
                line.add(CredentialId(labels.credential))
        own = [labels for _, labels in labelled if labels.credential in line or of in {labels.run, labels.subject}]
        decisions = {labels.decision for labels in own} - {None}
        credentials = {labels.credential for labels in own} - {None}
        told = [
            Found(row)
            for row, labels in labelled
            if of == labels.run
            or labels.credential in line
            or labels.decision in decisions
            or labels.subject in {of, *credentials}
        ]
        return tell(told[:MOST_STORY], whole=len(told) <= MOST_STORY)

    async def verify(self, saved: Sequence[Head] = ()) -> Report:
        """See `audit.Archive`."""
        verifier = Verifier(saved)
        verifier.see((*row, *msgspec.structs.astuple(labels_of(row.body))) for row in self.rows)
        return verifier.finish()

    async def head(self) -> Head:
        """See `audit.Archive`."""
        last = self.rows[-1]
        return Head(last.writer, last.seq, last.hash)

    async def export(self, after: int = 0) -> AsyncIterator[bytes]:
        """See `audit.Archive`."""
        for row in self.rows[after:]:
            yield line_of(row)

    async def counts(self, first: int, last: int) -> Counted:
        """See `audit.Archive`."""
        labelled = [labels_of(row.body) for row in self.rows[max(first, 1) - 1 : last]]
        counts: dict[tuple[int, str | None, str | None], list[int]] = {}
        for labels in labelled:
            if labels.event == DECIDED:
                key = (labels.at - labels.at % 60_000, labels.credential, labels.agent)
                counts.setdefault(key, [0, 0])[labels.outcome != Outcome.PERMIT] += 1
        cells = tuple(Cell(*key, *count) for key, count in counts.items())
        return Counted(cells, Instant(labelled[0].at) if labelled else None)

    async def last_calls(self, credentials: Sequence[CredentialId]) -> Mapping[CredentialId, Instant]:
        """See `audit.Archive`."""
        asked = set(credentials)
        labelled = (labels_of(row.body) for row in self.rows)
        return {
            CredentialId(labels.credential): Instant(labels.at)
            for labels in labelled
            if labels.event == DECIDED and labels.credential in asked
        }


class MemoryStore:
    """An `administration.Store`, and what meters have given out. Its entries go to the journal that it is given."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._records: dict[tuple[type, str], Record] = {}

    async def load(self) -> Records:
        """See `administration.Store`."""
        return Records(
            people=self._all(Person),
            agents=self._all(Agent),
            roles=self._all(Role),
            upstreams=self._all(Upstream),
            secrets=self._all(SealedSecret),
            runs=self._all(Run),
            tokens=self._all(TokenRecord),
            issued=self._all(IssuedRecord),
            links=self._all(WithdrawnLink),
            signing=self._all(IssuerKey),
            lists=self._all(ListRecord),
            trust_rules=self._all(TrustRule),
            agent_keys=self._all(AgentKey),
        )

    async def commit(
        self, puts: Sequence[Record] = (), removals: Sequence[Record] = (), entries: Sequence[Entry] = ()
    ) -> None:
        """See `administration.Store`."""
        lines = [line_for(entry) for entry in entries]
        self._journal.require_room()
        after = dict(self._records)
        for record in removals:
            after.pop(_key(record), None)
        for record in puts:
            after[_key(record)] = record
        _check(after)
        self._journal.store_lines(lines)
        self._records = after

    async def load_spent(self, now: Instant) -> tuple[Spent, ...]:
        """What totals, and quotas whose window is not over, have given out."""
        sums: dict[tuple[str, int, int], Decimal] = {}
        for spent in self._journal.draws.values():
            if not spent.period or spent.start + spent.period > now:
                key = spent.meter, spent.period, spent.start
                sums[key] = EXACT.add(sums.get(key, Decimal(0)), spent.used)
        return tuple(Spent(meter, used, period, start) for (meter, period, start), used in sums.items())

    async def tidy(self, now: Instant) -> int:
        """Forget quotas that are over. Returns how many rows went."""
        draws = self._journal.draws
        over = [key for key, spent in draws.items() if spent.period and spent.start + spent.period <= now]
        for key in over:
            del draws[key]
        return len(over)

    def _all(self, kind: type[Kept]) -> tuple[Kept, ...]:
        return tuple(sorted((record for record in self._records.values() if isinstance(record, kind)), key=_order))


def _key(record: Record) -> tuple[type, str]:
    return type(record), record.name if isinstance(record, Role) else record.id


def _order(record: Record) -> tuple[int, str]:
    match record:
        case TokenRecord() | IssuedRecord():
            at = record.issued
        case Run():
            at = record.opened
        case _:
            at = record.created
    return at, f"{record.number:012}" if isinstance(record, ListRecord) else _key(record)[1]


def _check(records: Mapping[tuple[type, str], Record]) -> None:
    """What the database's own constraints say: one of a name, and nobody's owner is missing."""
    names: set[tuple[type, str]] = set()
    for record in records.values():
        if not isinstance(record, TokenRecord | IssuedRecord | Run):
            if (type(record), record.name) in names:
                raise Conflict("conflict", f"the name `{record.name}` is taken")
            names.add((type(record), record.name))
        owners: list[tuple[type, str]] = []
        if isinstance(record, Agent | TokenRecord | IssuedRecord):
            owners.append((Person, record.owner))
        if isinstance(record, TokenRecord | IssuedRecord) and record.agent is not None:
            owners.append((Agent, record.agent))
        if isinstance(record, Run | AgentKey | TrustRule) and record.agent is not None:
            owners.append((Agent, record.agent))
        if any(owner not in records for owner in owners):
            called = record.id if isinstance(record, Run) else record.name
            raise Conflict("conflict", f"`{called}` belongs to something that is not there, or something belongs to it")


def _matches(query: Query, row: Row) -> bool:
    seq, labels = row.seq, labels_of(row.body)
    asked = (query.agent, query.run, query.decision, query.event, query.outcome)
    said = (labels.agent, labels.run, labels.decision, labels.event, labels.outcome)
    return (
        all(want in {None, have} for want, have in zip(asked, said, strict=True))
        and query.credential in {None, labels.credential, labels.subject}
        and (query.before is None or seq < query.before)
        and (query.since is None or labels.at >= query.since)
        and (query.until is None or labels.at < query.until)
        and (not query.unindexed or query.admits(members_of(row.body)))
    )


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


def _unavailable(why: str) -> Unavailable:
    return Unavailable("journal_unavailable", f"the journal cannot be written: {why}")
