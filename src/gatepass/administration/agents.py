"""Agents: machine identities, each in one role, each with one person who answers for it.

Disabling one refuses everything that it does, at once and for good: its tokens are revoked, and enabling it
again lets it have new ones. No other agent and no secret is touched. Moving one to another role changes what
all its tokens may do from the next call on. Its limits are what its tokens start with: those tokens that still have
them as given follow when they change, and one that was tuned by hand stays as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gatepass.access import AgentId, PersonId
from gatepass.administration.changes import Desk, Fallen, Turn, check_by_hand, checked_name
from gatepass.administration.configuration.following import Terms, follow, limits_fault
from gatepass.administration.operators import Act, Operator
from gatepass.administration.tokens.terms import AgentLimitChanges
from gatepass.administration.tokens.terms import told as limits_told
from gatepass.audit import Entry
from gatepass.credentials import TokenRecord, new_id
from gatepass.errors import Conflict, Denied, Malformed
from gatepass.registry import Agent, AgentLimits, Person
from gatepass.revocation import Scope

__all__ = ["Agents"]


@dataclass(frozen=True, slots=True)
class Agents:
    """What can be done with agents."""

    desk: Desk
    terms: Terms

    async def create(
        self,
        operator: Operator,
        name: str,
        role: str,
        owner: str | None = None,
        limits: AgentLimitChanges | None = None,
    ) -> Agent:
        """Add an agent in an existing role. Its owner is whoever makes it, unless another person is named."""
        async with self.desk.turn(operator, Act.CREATE_AGENT) as turn:
            register = self.desk.register
            if any(agent.name == checked_name(name) for agent in register.agents.values()):
                raise Conflict("conflict", f"there is an agent `{name}` already")
            agent = Agent(
                id=AgentId(new_id("agt", turn.at, self.desk.entropy)),
                name=name,
                owner=self._owner(owner, turn.person),
                role=register.role(role).name,
                created=turn.at,
                limits=self._limits(AgentLimits(), limits),
            )
            details = {"name": name, "owner": agent.owner, **self._told(AgentLimits(), agent.limits)}
            entry = turn.entry("agent.created", agent.id, details)
            await turn.commit(entry.amended(agent=agent.id, role=role), puts=(agent,))
            return agent

    async def change(
        self,
        operator: Operator,
        ref: str,
        *,
        role: str | None = None,
        owner: str | None = None,
        limits: AgentLimitChanges | None = None,
    ) -> Agent:
        """Move an agent to another role or owner, or let its tokens start with other limits."""

        def act() -> Act:
            before = next((agent for agent in self._all() if ref in {agent.id, agent.name}), None)
            if before is None or role is not None or owner is not None or limits is None:
                return Act.CHANGE_AGENT
            more = self.terms.widens(before.limits, self._limits(before.limits, limits))
            return Act.CHANGE_AGENT if more else Act.NARROW_TOKEN

        async with self.desk.turn(operator, act) as turn:
            register = self.desk.register
            agent = register.agent(ref)
            changed = replace(
                agent,
                role=agent.role if role is None else register.role(role).name,
                owner=self._owner(owner, agent.owner),
                limits=self._limits(agent.limits, limits),
            )
            if changed != agent:
                check_by_hand(agent)
                details = {"name": agent.name, "role_before": agent.role, "owner": changed.owner}
                details |= self._told(agent.limits, changed.limits)
                entry = turn.entry("agent.changed", agent.id, details).amended(agent=agent.id, role=changed.role)
                following, told = self._following(turn, agent, changed)
                await turn.commit(entry, *told, puts=(changed, *following))
            return changed

    async def disable(self, operator: Operator, ref: str) -> Agent:
        """Refuse everything that the agent does, and revoke its tokens. A second time changes nothing."""

        def owns(person: Person) -> bool:
            return any(ref in {agent.id, agent.name} and agent.owner == person.id for agent in self._all())

        actor = await self.desk.permit(operator, Act.DISABLE_AGENT, owns)
        id_ = self.desk.register.agent(ref).id

        def tokens() -> list[TokenRecord]:
            held = self.desk.register.tokens.values()
            return [token for token in held if token.agent == id_ and token.revoked is None]

        def fallen() -> Iterator[Fallen]:
            yield Scope.AGENT, id_
            yield from ((Scope.CREDENTIAL, token.id) for token in tokens())

        async with self.desk.in_force(fallen, actor.id, operator) as turn:
            agent = self.desk.register.agents[id_]
            if agent.disabled is not None:
                return agent
            disabled = replace(agent, disabled=turn.at, fence=turn.at)
            revoked = turn.revoke(tokens(), "its agent was disabled")
            entry = turn.entry("agent.disabled", id_, {"name": agent.name, "tokens": str(len(revoked))})
            await turn.commit(entry.amended(agent=id_, role=agent.role), puts=(disabled,), revoked=revoked)
            return disabled

    async def enable(self, operator: Operator, ref: str) -> Agent:
        """Let the agent have tokens again. Those that it had stay dead."""
        async with self.desk.turn(operator, Act.ENABLE_AGENT) as turn:
            agent = self.desk.register.agent(ref)
            if agent.disabled is None and (Scope.AGENT, agent.id) in self.desk.register.withdrawn:
                hint = "Disable it once more, then enable it."
                raise Conflict("conflict", f"disabling `{agent.name}` could not be recorded", hint=hint)
            if agent.disabled is None:
                return agent
            enabled = replace(agent, disabled=None, owner=self._owner(agent.owner, agent.owner))
            entry = turn.entry("agent.enabled", agent.id, {"name": agent.name})
            await turn.commit(entry.amended(agent=agent.id, role=agent.role), puts=(enabled,))
            self.desk.reinstate(Scope.AGENT, agent.id)
            return enabled

    def _limits(self, stated: AgentLimits, changes: AgentLimitChanges | None) -> AgentLimits:
        """What is stated with what was named. Raises `Malformed` for what no token can start with."""
        limits = replace(stated, **(changes or {}))
        if (fault := limits_fault(self.terms, limits)) is not None:
            raise Malformed("malformed_request", fault)
        return limits

    def _told(self, before: AgentLimits, after: AgentLimits) -> dict[str, str]:
        """What the journal says of limits that changed."""
        then, now = limits_told(self.terms.of(before)), limits_told(self.terms.of(after))
        return {f"limits.{name}": now.get(name, "none") for name in (*then, *now) if then.get(name) != now.get(name)}

    def _following(self, turn: Turn, before: Agent, after: Agent) -> tuple[list[TokenRecord], list[Entry]]:
        """The tokens that have the agent's limits as given, with the new ones, and what the journal says of each."""
        changes, too_many = follow(self.desk.register, self.terms, [(before, after)], turn.at)
        for _, says in too_many:
            raise Denied("ceiling_exceeded", says)
        tokens = [change.wanted for change in changes if isinstance(change.wanted, TokenRecord)]
        earlier = {f"{name}_before": text for name, text in limits_told(self.terms.of(before.limits)).items()}
        return tokens, [
            turn.token_entry("token.changed", token, {**limits_told(token.limits), **earlier, "by": "its agent"})
            for token in tokens
        ]

    def _all(self) -> tuple[Agent, ...]:
        return tuple(self.desk.register.agents.values())

    def _owner(self, ref: str | None, otherwise: PersonId) -> PersonId:
        """The person named, who has to be there: nobody answers for anything after they left."""
        if ref is None:
            return otherwise
        person = self.desk.register.person(ref)
        if person.disabled is not None or (Scope.PERSON, person.id) in self.desk.register.withdrawn:
            raise Conflict(
                "conflict", f"`{person.name}` is disabled and cannot own an agent", hint="Name another owner."
            )
        return person.id
