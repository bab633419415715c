"""One change at a time: who is asking, what they may, the records and what the journal says of it, all or nothing.

    turn         wait for the ones before; then check the operator and their condition against the present; then change
    in_force     announce; only then wait, look again at what has come since, and record. What somebody wants withdrawn
                 on a condition waits for its turn first: whether the condition holds is not known before

A change that is cancelled half-way is finished first: the disk and the memory never disagree. A withdrawal is
in force from its announcement. If it cannot be recorded it stays in force in this process, and the error says
that a restart would forget it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Instant, Outcome, PersonId
from gatepass.administration.changes.announcing import Announce, Put, Removed
from gatepass.administration.changes.catalogues import Catalogues
from gatepass.administration.changes.register import Register
from gatepass.administration.operators import FRESH, Act, Operator, check
from gatepass.administration.store import Record, Store
from gatepass.audit import Entry
from gatepass.credentials import IssuedRecord, TokenRecord, WithdrawnLink, revoke
from gatepass.errors import Denied, Error, Unauthenticated, Unavailable
from gatepass.keys import IssuerKey
from gatepass.registry import Agent, Person, Role, Run, Upstream
from gatepass.revocation import ListRecord, Places, Reinstated, Scope, Withdrawn

__all__ = ["Desk", "Fallen", "Turn"]

SYSTEM: Final = "system"
"""The actor of changes that nobody asked for."""

_SCOPES: Final[Mapping[type[object], Scope]] = {
    TokenRecord: Scope.CREDENTIAL,
    IssuedRecord: Scope.CREDENTIAL,
    IssuerKey: Scope.KEY,
    Agent: Scope.AGENT,
    Run: Scope.RUN,
    Person: Scope.PERSON,
    Upstream: Scope.UPSTREAM,
}

MOST_AT_ONCE: Final = 100
"""Tokens revoked in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One transaction: records, and what the journal says of them."""

    puts: Sequence[Record] = ()
    removals: Sequence[Record] = ()
    entries: Sequence[Entry] = ()


Owns = Callable[[Person], bool]
Fallen = tuple[Scope, str]
"""What falls with a withdrawal: a token, agent, person or run by its id, an upstream by its name."""


def _nobody(_: Person) -> bool:
    return False


def _named(record: Record) -> str:
    """What a withdrawal calls it."""
    return record.name if isinstance(record, Upstream | Role) else record.id


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where every change is made."""

    store: Store
    register: Register
    catalogues: Catalogues
    announce: Announce
    clock: Callable[[], Instant]
    entropy: Callable[[int], bytes]
    fresh: int = FRESH
    """Milliseconds after signing in during which a session may widen anything."""
    places: Places = field(init=False)
    """Which place of which status list the next access token gets."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Go on with the status lists that are kept."""
        self.places = Places(self.entropy)
        for record in self.register.lists.values():
            self.places.know(record, self.clock())

    @asynccontextmanager
    async def turn(
        self, operator: Operator, act: Act | Callable[[], Act], owns: Owns = _nobody
    ) -> AsyncGenerator["Turn", None]:
        """A change by `operator`. Raises why it may not be, after journalling that.

        Where it depends on how things stand which act it is, `act` is asked once the turn has come.
        """
        async with self._lock:
            asked = act if isinstance(act, Act) else act()
            person = await self.permit(operator, asked, owns)
            operator.require()
            try:
                yield Turn(self, self.clock(), person.id, operator)
            except Denied as error:  # such as an issuance that goes too far: somebody should see it
                await self._note_refusal(operator, asked, error)
                raise

    @asynccontextmanager
    async def system_turn(self, actor: str = SYSTEM) -> AsyncGenerator["Turn", None]:
        """A change that the deployment makes by itself, or for an agent whose credential was verified."""
        async with self._lock:
            yield Turn(self, self.clock(), actor, None)

    @asynccontextmanager
    async def in_force(
        self,
        found: Callable[[], Iterable[Fallen]],
        actor: str,
        operator: Operator | None = None,
        *,
        ends: Instant | None = None,
    ) -> AsyncGenerator["Turn", None]:
        """A withdrawal of everything that `found` names, now, and again when its turn has come.

        `ends` is when that ends by itself, where it is known and nobody else knows of it.

        Whoever calls this has asked `permit` first, or needs nobody's leave, as the finder of a leaked token.
        """
        conditional = operator is not None and operator.condition is not None
        if not conditional:
            self.withdraw(found(), ends)
        async with self._lock:
            if operator is not None:
                operator.require()
            self.withdraw(found(), ends)
            try:
                yield Turn(self, self.clock(), actor, operator)
            except Unavailable as error:
                raise Unavailable(
                    error.code,
                    f"{error.message}; what was withdrawn is refused all the same, until this process ends",
                    hint="It is refused now, but not recorded: make room, then withdraw it once more.",
                ) from None

    def withdraw(self, fallen: Iterable[Fallen], ends: Instant | None = None) -> None:
        """Announce what was not announced yet."""
        for scope, id_ in fallen:
            if (scope, id_) not in self.register.withdrawn:
                self.register.withdrawn.add((scope, id_))
                self.announce(Withdrawn(scope, id_, self.clock(), ends))

    def reinstate(self, scope: Scope, id_: str) -> None:
        """Let new tokens of an agent live, or an upstream be called, again. After the commit that says so."""
        self.register.withdrawn.discard((scope, id_))
        self.announce(Reinstated(scope, id_))

    async def permit(self, operator: Operator, act: Act, owns: Owns = _nobody) -> Person:
        """Who `operator` is, if they may do `act` now. A refusal is journalled before it is raised."""
        try:
            return self.checked(operator, act, owns)
        except Error as error:
            await self._note_refusal(operator, act, error)
            raise

    def checked(self, operator: Operator, act: Act, owns: Owns = _nobody) -> Person:
        """The same for those who only look, and whose refusals nobody has to read about."""
        person, credential, now = *self.standing(operator), self.clock()
        check(act, person, credential, now, owner=owns(person), fresh=self.fresh)
        return person

    def standing(self, operator: Operator) -> tuple[Person, TokenRecord]:
        """The person and the credential as they are now. Raises `Unauthenticated` once either has fallen."""
        credential = self.register.tokens.get(operator.credential)
        person = self.register.people.get(operator.person)
        if credential is None or person is None or not self.register.alive(credential, self.clock()):
            raise Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
        return person, credential

    async def commit(self, *parts: Part) -> None:
        """Record changes, one transaction for each part, and make them live.

        Whoever is cancelled meanwhile waits for the end of it all the same.
        """
        work = asyncio.ensure_future(self._commit_each(parts))
        cancelled = None
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            work.exception()
            raise cancelled
        work.result()

    async def _commit_each(self, parts: Iterable[Part]) -> None:
        for part in parts:
            await self._commit(part.puts, part.removals, part.entries)

    async def _commit(self, puts: Sequence[Record], removals: Sequence[Record], entries: Sequence[Entry]) -> None:
        await self.store.commit(puts, removals, entries)
        self.register.apply(puts, removals)
        if any(isinstance(record, Upstream) for record in (*puts, *removals)):
            self.catalogues.learn(self.register.upstreams.values())
        for record in removals:
            # What stood for something whose life is over, the snapshot drops by itself.
            if not isinstance(record, TokenRecord | IssuedRecord | WithdrawnLink | ListRecord):
                self.announce(Removed(record))
        for record in puts:
            if isinstance(record, ListRecord):
                self.places.know(record, self.clock())
            elif not isinstance(record, WithdrawnLink):  # nothing lives by it
                self.announce(Put(record))
                self._repeat(record)
        if any(isinstance(record, Agent | Person) and record.fence is not None for record in puts):
            self.withdraw_fenced()

    def withdraw_fenced(self) -> None:
        """Withdraw the access tokens of agents and people whose tokens all were, those that came meanwhile too."""
        fenced = (issued for issued in self.register.issued.values() if self.register.fenced(issued))
        self.withdraw([(Scope.CREDENTIAL, issued.id) for issued in fenced])

    def _repeat(self, record: Record) -> None:
        """A record that was built before its withdrawal and came after it brings nothing back to life."""
        if isinstance(record, IssuedRecord) and (record.revoked is not None or self.register.fenced(record)):
            self.withdraw([(Scope.CREDENTIAL, record.id)])
        scope = _SCOPES.get(type(record))
        if scope is not None and (scope, named := _named(record)) in self.register.withdrawn:
            self.announce(Withdrawn(scope, named, self.clock()))

    async def _note_refusal(self, operator: Operator, act: Act, error: Error) -> None:
        entry = Entry(
            at=self.clock(),
            event="operator.refused",
            outcome=Outcome.DENY,
            code=error.code,
            actor=operator.person,
            source=operator.source,
            details={"act": act.value, "session": operator.credential},
        )
        try:
            await self.store.commit(entries=(entry,))
        except Unavailable:
            return  # nothing was done, so nothing has to be known before the refusal goes out


@dataclass(frozen=True, slots=True)
class Turn:
    """One change in the making. `at` is its instant, `actor` who makes it."""

    desk: Desk
    at: Instant
    actor: str
    operator: Operator | None

    @property
    def person(self) -> PersonId:
        """The actor of a change that an operator makes."""
        return PersonId(self.actor)

    def entry(self, event: str, subject: str, details: Mapping[str, str] | None = None) -> Entry:
        """What the journal says of it: who did it, from where, to what."""
        session = {"session": self.operator.credential} if self.operator else {}
        return Entry(
            at=self.at,
            event=event,
            actor=self.actor,
            subject=subject,
            source=self.operator.source if self.operator else None,
            details={name: value for name, value in {**session, **(details or {})}.items() if value},
        )

    def place(self) -> tuple[int, tuple[Record, ...]]:
        """A status for a new access token, that nobody has had; and what has to be put in the commit of its record."""
        status, promise = self.desk.places.take(self.at)
        return status, () if promise is None else (promise,)

    def token_entry(self, event: str, token: TokenRecord, details: Mapping[str, str] | None = None) -> Entry:
        """The same about a token, with everything by which its calls are found."""
        agent = self.desk.register.agents.get(token.agent) if token.agent else None
        return self.entry(event, token.id, {"name": token.name, **(details or {})}).amended(
            credential=token.id,
            owner=token.owner,
            agent=token.agent,
            run=token.run,
            role=agent.role if agent else None,
            purpose=token.purpose,
        )

    def revoke(self, tokens: Iterable[TokenRecord], because: str) -> list[TokenRecord]:
        """The records of `tokens`, revoked. Those that were already are left out."""
        return [revoke(token, at=self.at, because=because) for token in tokens if token.revoked is None]

    async def commit(
        self,
        *entries: Entry,
        puts: Sequence[Record] = (),
        removals: Sequence[Record] = (),
        revoked: Sequence[TokenRecord] = (),
    ) -> None:
        """Record it, and make it live.

        Tokens that were revoked go first and in parts, so that thousands of them hold up nobody's journal: they
        are withdrawn already. What is said of whoever they belonged to comes last: it says that all are done.
        """
        told = [self.token_entry("token.revoked", token, {"because": token.revoked_because or ""}) for token in revoked]
        parts = [
            Part(puts=revoked[at : at + MOST_AT_ONCE], entries=told[at : at + MOST_AT_ONCE])
            for at in range(0, len(revoked), MOST_AT_ONCE)
        ]
        if len(parts) == 1:  # few: all or nothing after all
            first = parts.pop()
            puts, entries = (*puts, *first.puts), (*entries, *first.entries)
        if entries or puts or removals:
            parts.append(Part(puts=puts, removals=removals, entries=entries))
        await self.desk.commit(*parts)
