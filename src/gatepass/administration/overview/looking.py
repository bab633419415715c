"""Looking: the deployment, its records, what a token could do, and the journal. Nothing here changes anything.

Reading needs the role of an auditor. A person without any role sees what is theirs: their agents, their tokens.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from gatepass.access import ActionClass, CredentialId, Instant, Json, PersonId, RunId
from gatepass.administration.changes import Desk, missing
from gatepass.administration.operators import Act, Operator
from gatepass.administration.overview.activity import Activity, Measured
from gatepass.administration.overview.attention import Concern, concerns, unused_candidates
from gatepass.administration.overview.facts import Facts, SettingFact
from gatepass.administration.tokens.reach import BlastRadius, Ceiling, as_token, blast_radius, widest
from gatepass.administration.tokens.terms import starting
from gatepass.audit import Archive, Head, Page, Query, Report, Story
from gatepass.audit.tally import DAY, HOUR
from gatepass.authority import Authority, Catalogue, Grant, Scope
from gatepass.credentials import IssuedRecord, TokenKind, TokenLimits, TokenRecord
from gatepass.errors import Malformed
from gatepass.keys import SealedSecret
from gatepass.limits import Ledger, attempts, drawn_by_call
from gatepass.registry import Agent, Person, Role, Run, Upstream

__all__ = ["Explain", "Overview", "Status", "TokenState"]

Explain = Callable[[CredentialId, Mapping[str, Json]], Awaitable[Json]]
"""The gateway's own decision about an attempt that is not made, step by step."""


class TokenState(StrEnum):
    """Which tokens to list."""

    LIVE = "live"
    """Honoured now."""
    ENDED = "ended"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How it stands."""

    facts: Facts
    person: Person
    credential: TokenRecord
    head: Head | None
    """Where the journal stands; None for whoever may not read it."""
    counts: Mapping[str, int]
    """Of what whoever asks may see."""
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What can be looked at."""

    desk: Desk
    ledger: Ledger
    archive: Archive
    explain_: Explain
    limits: TokenLimits
    """What tokens start with where nobody says otherwise."""
    facts: Facts = field(default_factory=lambda: Facts(version=""))
    seen: Callable[[CredentialId], Instant | None] = lambda _: None
    """When a person's token was last presented here, since the start of the process."""
    verifying: asyncio.Lock = field(default_factory=asyncio.Lock)
    activity_: Activity = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "activity_", Activity(self.archive))

    async def status(self, operator: Operator) -> Status:
        """The deployment, and who asks. Who has no role is told of what is theirs, and of nothing else."""
        person, everything = await self._sight(operator)
        register, now = self.desk.register, self.desk.clock()
        agents = sum(everything or agent.owner == person.id for agent in register.agents.values())
        live = sum(
            token.kind is TokenKind.MACHINE
            and token.revoked is None
            and token.expires > now
            and (everything or token.owner == person.id)
            for token in register.tokens.values()
        )
        counts = {"agents": agents, "live_tokens": live}
        if everything:
            counts = {
                "people": len(register.people),
                "agents": agents,
                "roles": len(register.roles),
                "upstreams": len(register.upstreams),
                "secrets": len(register.secrets),
                "live_tokens": live,
            }
        return Status(
            facts=self.facts,
            person=person,
            credential=register.tokens[operator.credential],
            head=await self.archive.head() if everything else None,
            counts=counts,
            faults=self.faults() if everything else (),
        )

    def faults(self) -> tuple[str, ...]:
        """What is configured and comes to nothing, in lines for people."""
        register, catalogues = self.desk.register, self.desk.catalogues
        of_files = (f"upstream `{name}`: {why}" for name, why in catalogues.faults.items())
        of_roles = (
            f"role `{role.name}`: {why}" for role in register.roles.values() for why in catalogues.faults_of(role)
        )
        return (*of_files, *of_roles)

    # -- how it is used, and how it was set

    async def activity(
        self,
        operator: Operator,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        step: int | None = None,
        credential: str | None = None,
        agent: str | None = None,
    ) -> Measured:
        """Permitted and refused calls over time; of one token or agent where it is named, by id or name."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        register = self.desk.register
        return await self.activity_.measured(
            self.desk.clock(),
            since=since,
            until=until,
            step=step,
            credential=register.token(credential).id if credential and "_" not in credential else credential,
            agent=register.agent(agent).id if agent and "_" not in agent else agent,
        )

    async def attention(self, operator: Operator) -> tuple[Concern, ...]:
        """What somebody should look at, the most serious first."""
        await self.desk.permit(operator, Act.READ)
        now = self.desk.clock()
        tally = await self.activity_.tally(now, Instant(now - HOUR - DAY))
        asked = [token.id for token in unused_candidates(self.desk.register.tokens.values(), now)]
        used = await self.archive.last_calls(asked[:_MOST_LOOKED_UP])
        unknown = dict.fromkeys(asked[_MOST_LOOKED_UP:], now)
        return concerns(self.desk, self.facts, tally, {**unknown, **used}, now)

    async def settings(self, operator: Operator) -> tuple[SettingFact, ...]:
        """Every setting in force, and who said so."""
        await self.desk.permit(operator, Act.READ)
        return self.facts.settings

    async def last_used(self, tokens: Sequence[TokenRecord]) -> Mapping[CredentialId, Instant]:
        """When each was last used: a machine's by the journal, a person's as far as this process remembers."""
        machines = [token.id for token in tokens if token.kind is TokenKind.MACHINE]
        used = dict(await self.archive.last_calls(machines)) if machines else {}
        for token in tokens:
            if token.kind is not TokenKind.MACHINE and (at := self.seen(token.id)) is not None:
                used[token.id] = at
        return used

    # -- the records

    async def people(self, operator: Operator) -> list[Person]:
        """Everybody."""
        await self.desk.permit(operator, Act.READ)
        return list(self.desk.register.people.values())

    async def person(self, operator: Operator, ref: str) -> Person:
        """One person."""
        await self.desk.permit(operator, Act.READ)
        return self.desk.register.person(ref)

    async def agents(self, operator: Operator) -> list[Agent]:
        """All agents, or one's own."""
        person, everything = await self._sight(operator)
        return [agent for agent in self.desk.register.agents.values() if everything or agent.owner == person.id]

    async def agent(self, operator: Operator, ref: str) -> Agent:
        """One agent."""
        person, everything = await self._sight(operator)
        agent = self.desk.register.agent(ref)
        if not everything and agent.owner != person.id:
            raise missing("agent", ref)
        return agent

    async def runs(self, operator: Operator, agent: str | None = None) -> list[Run]:
        """All runs, or those of one's own agents; of one agent, where it is named."""
        person, everything = await self._sight(operator)
        register = self.desk.register
        of = register.agent(agent).id if agent is not None else None
        agents = {each.id for each in register.agents.values() if everything or each.owner == person.id}
        return [run for run in register.runs.values() if run.agent in agents and of in {None, run.agent}]

    async def run(self, operator: Operator, ref: str) -> Run:
        """One run."""
        person, everything = await self._sight(operator)
        run = self.desk.register.run(ref)
        agent = self.desk.register.agents.get(run.agent)
        if not everything and (agent is None or agent.owner != person.id):
            raise missing("run", ref)
        return run

    async def tokens(
        self,
        operator: Operator,
        agent: str | None = None,
        owner: str | None = None,
        state: TokenState = TokenState.ALL,
    ) -> list[TokenRecord]:
        """All machine and person tokens, or one's own; of one agent or owner, or in one state, where it is named."""
        person, everything = await self._sight(operator)
        register, now = self.desk.register, self.desk.clock()
        of = register.agent(agent).id if agent is not None else None
        owned_by = None if owner is None else register.person(owner).id if everything else _own(person, owner)
        return [
            token
            for token in register.tokens.values()
            if token.kind is not TokenKind.SESSION
            and (everything or token.owner == person.id)
            and of in {None, token.agent}
            and owned_by in {None, token.owner}
            and (state is TokenState.ALL or register.alive(token, now) is (state is TokenState.LIVE))
        ]

    async def token(self, operator: Operator, ref: str) -> TokenRecord:
        """One token; or an access token, by its id."""
        person, everything = await self._sight(operator)
        issued = self.desk.register.issued.get(CredentialId(ref))
        token = self.desk.register.token(ref) if issued is None else self._as_token(issued)
        if not everything and token.owner != person.id:
            raise missing("token", ref)
        return token

    def _as_token(self, issued: IssuedRecord) -> TokenRecord:
        """An access token has the limits of its root as they are now, or those that its agent's tokens start with."""
        root = self.desk.register.tokens.get(issued.root) if issued.root else None
        if root is not None:
            return as_token(issued, root.limits)
        agent = self.desk.register.agents.get(issued.agent)
        return as_token(issued, self.limits if agent is None else starting(self.limits, agent.limits))

    async def roles(self, operator: Operator) -> list[Role]:
        """All roles."""
        await self.desk.permit(operator, Act.READ)
        return list(self.desk.register.roles.values())

    async def role(self, operator: Operator, name: str) -> Role:
        """One role."""
        await self.desk.permit(operator, Act.READ)
        return self.desk.register.role(name)

    async def upstreams(self, operator: Operator) -> list[Upstream]:
        """All upstreams."""
        await self.desk.permit(operator, Act.READ)
        return list(self.desk.register.upstreams.values())

    async def upstream(self, operator: Operator, ref: str) -> Upstream:
        """One upstream."""
        await self.desk.permit(operator, Act.READ)
        return self.desk.register.upstream(ref)

    async def secrets(self, operator: Operator) -> list[SealedSecret]:
        """All secrets, by their names. There is no more to be had of them."""
        await self.desk.permit(operator, Act.READ)
        return list(self.desk.register.secrets.values())

    async def secret(self, operator: Operator, ref: str) -> SealedSecret:
        """One secret: its name and where it goes."""
        await self.desk.permit(operator, Act.READ)
        return self.desk.register.secret(ref)

    async def catalogues(self, operator: Operator) -> list[tuple[Upstream, Catalogue]]:
        """What each upstream declares: what scopes are made of."""
        await self.desk.permit(operator, Act.READ)
        by_upstream = self.desk.catalogues.by_upstream
        return [
            (upstream, by_upstream[upstream.id])
            for upstream in self.desk.register.upstreams.values()
            if upstream.id in by_upstream
        ]

    async def ceiling(self, operator: Operator, role: str) -> Authority:
        """What a role comes to now, in named actions, nothing said twice: the most that a token under it can have."""
        await self.desk.permit(operator, Act.READ)
        by_action: dict[tuple[str, str], list[Grant]] = {}
        for grant in self.desk.catalogues.ceiling(self.desk.register.role(role)).grants:
            by_action.setdefault((grant.permission.type, grant.permission.action), []).append(grant)
        return Authority(tuple(grant for grants in by_action.values() for grant in widest(tuple(grants))))

    # -- what a token could do

    async def explain(self, operator: Operator, ref: str, attempt: Mapping[str, Json]) -> Json:
        """What would happen to `attempt`, and why, without making it."""
        token = await self.token(operator, ref)
        return await self.explain_(token.id, attempt)

    async def blast_radius(self, operator: Operator, ref: str) -> BlastRadius:
        """Everything that a token can reach now, how much, and until when."""
        token = await self.token(operator, ref)
        register, catalogues, now = self.desk.register, self.desk.catalogues, self.desk.clock()
        if token.kind is not TokenKind.MACHINE:
            raise Malformed("malformed_request", "a person's token reaches no upstream", hint=_OF_MACHINES)
        limits = token.limits
        drawn = drawn_by_call(
            token.meters,
            ActionClass.WRITE,
            calls=(limits.calls.count, limits.calls.period),
            writes_per_minute=limits.writes_per_minute,
            requests_per_day=limits.requests_per_day,
        )
        tries = attempts(token.meters, limits.attempts.count, limits.attempts.period)
        run = register.runs.get(token.run) if token.run else None
        return blast_radius(
            token,
            ceiling=self._ceiling(token),
            upstreams=register.upstreams.values(),
            catalogues=catalogues.by_upstream,
            dead=register.why_dead(token, now),
            levels=await self.ledger.levels((tries, *drawn, *(run.meters() if run else ())), now),
        )

    def _ceiling(self, token: TokenRecord) -> Ceiling | None:
        agent = self.desk.register.agents.get(token.agent) if token.agent else None
        role = self.desk.register.roles.get(agent.role) if agent else None
        if role is None:
            return None
        catalogues = self.desk.catalogues
        faulty = (text for text in role.asks_person if not catalogues.knows(text))
        return Ceiling(
            role=role.name,
            authority=catalogues.ceiling(role),
            asked=catalogues.asked(role),
            bearers=role.bearer_until is not None and self.desk.clock() < role.bearer_until,
            faulty=frozenset(Scope.parse(text).type for text in faulty),
        )

    # -- the journal

    async def search(self, operator: Operator, query: Query) -> Page:
        """A page of entries, newest first. The agent may be named by its name."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        if query.agent is not None and "_" not in query.agent:
            query = replace(query, agent=self.desk.register.agent(query.agent).id)
        return await self.archive.search(query)

    async def story(self, operator: Operator, of: RunId | CredentialId) -> Story:
        """Everything about a run or a credential, joined."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        return await self.archive.story(of)

    async def verify(self, operator: Operator, saved: Sequence[Head] = ()) -> Report:
        """Check the whole chain."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        async with self.verifying:  # it reads everything there is: one at a time
            return await self.archive.verify(saved)

    async def head(self, operator: Operator) -> Head:
        """Where the chain stands."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        return await self.archive.head()

    async def export(self, operator: Operator, after: int = 0) -> AsyncIterator[bytes]:
        """Every entry, a line each."""
        await self.desk.permit(operator, Act.READ_JOURNAL)
        return self.archive.export(after)

    async def _sight(self, operator: Operator) -> tuple[Person, bool]:
        """Who asks, and whether they see what is not theirs."""
        person = await self.desk.permit(operator, Act.READ_OWN)
        return person, person.operator is not None


def _own(person: Person, ref: str) -> PersonId:
    """One's own id, if that is who is named: nobody learns here who else there is."""
    if ref not in {person.id, person.name}:
        raise missing("person", ref)
    return person.id


_MOST_LOOKED_UP: Final = 5_000
"""Tokens of which attention asks whether they were ever used."""
_OF_MACHINES: Final = "Ask for a machine's token; a person's acts here, within that person's role."
