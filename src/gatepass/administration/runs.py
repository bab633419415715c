"""Runs: opened for an agent, shown, ended. Ending one takes away everything that it holds, on every surface, for good.

People open runs for agents, and an agent that has shown its credential opens its own; nobody joins another agent's. A
run whose time is over is ended by the deployment itself. What is issued in a run is cut to its closing time, so that
nothing waits for that: the end only says so, and cuts what is still under way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.access import AgentId, CredentialId, Instant, RunId
from gatepass.administration.changes import Desk, Fallen, Turn, missing
from gatepass.administration.operators import Act, Operator
from gatepass.audit import Entry
from gatepass.credentials import TokenRecord, new_id
from gatepass.errors import Conflict, Denied, Malformed
from gatepass.registry import LONGEST_RUN, Agent, Person, Run, RunLimits
from gatepass.revocation import Scope
from gatepass.units import duration_text

__all__ = ["NEW_RUN", "RunForm", "Runs", "described", "run_entry", "run_for"]

NEW_RUN: Final = "new"
"""Asks for a run of its own, whose id is then bound in the token."""
USUAL: Final = 24 * 3_600_000
SHORTEST: Final = 1_000
MOST_OPEN: Final = 256
"""Runs of one agent that are open at once."""
LONGEST_LABEL: Final = 100
LONGEST_PURPOSE: Final = 200
LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RunForm:
    """What is asked for. `lifetime` in milliseconds."""

    label: str | None = None
    purpose: str | None = None
    lifetime: int | None = None
    limits: RunLimits = field(default_factory=RunLimits)


@dataclass(frozen=True, slots=True)
class Runs:
    """What can be done with runs."""

    desk: Desk

    async def open(self, operator: Operator, agent: str, form: RunForm) -> Run:
        """Open a run for an agent that somebody answers for."""
        async with self.desk.turn(operator, Act.OPEN_RUN, lambda person: self._owns_agent(person, agent)) as turn:
            return await self._open(turn, self.desk.register.agent(agent), form)

    async def open_own(self, agent: AgentId, credential: CredentialId | None, form: RunForm) -> Run:
        """Open a run for the agent whose credential was verified just now."""
        async with self.desk.system_turn(agent) as turn:
            known = self.desk.register.agents.get(agent)
            if known is None:
                raise missing("agent", agent)
            return await self._open(turn, known, form, credential)

    async def end(self, operator: Operator, ref: str, because: str = "") -> Run:
        """End a run: everything that it holds falls, now. A second time changes nothing."""

        def owns(person: Person) -> bool:
            run = self.desk.register.runs.get(RunId(ref))
            return run is not None and self._owns_agent(person, run.agent)

        actor = await self.desk.permit(operator, Act.END_RUN, owns)
        run = self.desk.register.run(ref)
        return await self._end(run.id, actor.id, because or "its operator ended it", operator)

    async def end_own(self, agent: AgentId, ref: str, because: str = "") -> Run:
        """End a run of the agent whose credential was verified just now. Another's is not there for it."""
        run = self.desk.register.runs.get(RunId(ref))
        if run is None or run.agent != agent:
            raise missing("run", ref)
        return await self._end(run.id, agent, because or "its agent ended it")

    async def end_overdue(self) -> int:
        """End the runs whose time is over. Returns how many. To be called now and then."""
        now = self.desk.clock()
        over = [run.id for run in self.desk.register.open_runs.values() if run.closes <= now]
        for id_ in over:
            await self._end(id_, "system", "its time was over")
        return len(over)

    # -- how

    async def _open(self, turn: Turn, agent: Agent, form: RunForm, credential: CredentialId | None = None) -> Run:
        register = self.desk.register
        if agent.disabled is not None or (Scope.AGENT, agent.id) in register.withdrawn:
            raise Conflict("conflict", f"the agent `{agent.name}` is disabled", hint="Enable it first.")
        if sum(run.agent == agent.id for run in register.open_runs.values()) >= MOST_OPEN:
            hint = "End those that are done."
            raise Conflict("conflict", f"`{agent.name}` has {MOST_OPEN} open runs, which is the most", hint=hint)
        run = run_for(turn, agent, form)
        await turn.commit(
            run_entry(turn, "run.opened", run, described(run)).amended(credential=credential), puts=(run,)
        )
        return run

    async def _end(self, id_: RunId, actor: str, because: str, operator: Operator | None = None) -> Run:
        def tokens() -> list[TokenRecord]:
            held = self.desk.register.tokens.values()
            return [token for token in held if token.run == id_ and token.revoked is None]

        def fallen() -> Iterator[Fallen]:
            yield Scope.RUN, id_
            yield from ((Scope.CREDENTIAL, token.id) for token in tokens())

        async with self.desk.in_force(fallen, actor, operator) as turn:
            run = self.desk.register.run(id_)
            if run.ended is not None:
                return run
            told = "".join(character if character.isprintable() else " " for character in because[:LONGEST_REASON])
            ended = replace(run, ended=turn.at, ended_because=told)
            revoked = turn.revoke(tokens(), "its run was ended")
            details = {"because": told, "tokens": str(len(revoked))}
            await turn.commit(run_entry(turn, "run.ended", ended, details), puts=(ended,), revoked=revoked)
            return ended

    def _owns_agent(self, person: Person, ref: str) -> bool:
        agents: Iterable[Agent] = self.desk.register.agents.values()
        return any(ref in {agent.id, agent.name} and agent.owner == person.id for agent in agents)


def run_for(turn: Turn, agent: Agent, form: RunForm) -> Run:
    """The record of a new run. Raises `Malformed` and `Denied` (`too_long`) for what cannot be one."""
    lifetime = USUAL if form.lifetime is None else form.lifetime
    if lifetime < SHORTEST:
        raise Malformed("malformed_request", "a run lasts for a second at least, and every run has an end")
    if lifetime > LONGEST_RUN:
        raise Denied(
            "too_long",
            f"a run of {duration_text(lifetime)} was asked for, and the longest is {duration_text(LONGEST_RUN)}",
        )
    form.limits.check()
    return Run(
        id=RunId(new_id("run", turn.at, turn.desk.entropy)),
        agent=agent.id,
        opened=turn.at,
        opened_by=turn.actor,
        closes=Instant(turn.at + lifetime),
        label=_line("label", form.label, LONGEST_LABEL),
        purpose=_line("purpose", form.purpose, LONGEST_PURPOSE),
        limits=form.limits,
    )


def run_entry(turn: Turn, event: str, run: Run, details: dict[str, str]) -> Entry:
    """What the journal says of a run: found by the run, and by its agent."""
    agent = turn.desk.register.agents.get(run.agent)
    entry = turn.entry(event, run.id, details)
    return entry.amended(run=run.id, agent=run.agent, role=agent.role if agent else None, purpose=run.purpose)


def described(run: Run) -> dict[str, str]:
    """What is fixed of a run, in words."""
    limits = run.limits
    budgets = (f"{budget.limit} {budget.currency} by {budget.amount}" for budget in limits.budgets)
    return {
        "label": run.label or "",
        "closes": str(run.closes),
        "calls": "" if limits.calls is None else str(limits.calls),
        "writes": "" if limits.writes is None else str(limits.writes),
        "budgets": ", ".join(budgets),
    }


def _line(name: str, text: str | None, longest: int) -> str | None:
    if text is not None and (len(text) > longest or not text.isprintable()):
        raise Malformed("malformed_request", f"`{name}` is not one line of at most {longest} characters")
    return text or None
