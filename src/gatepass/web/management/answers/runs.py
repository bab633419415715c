"""What is shown of a run."""

from gatepass import exact
from gatepass.access import Instant
from gatepass.administration.changes import Register
from gatepass.registry import Run
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.words import instant

__all__ = ["run_shown"]


def run_shown(run: Run, register: Register, now: Instant) -> shapes.Run:
    """A run, with its agent's name."""
    agent = register.agents.get(run.agent)
    return shapes.Run(
        id=run.id,
        agent=None if agent is None else agent.name,
        agent_id=run.agent,
        label=run.label,
        purpose=run.purpose,
        limits=shapes.RunLimits(
            calls=run.limits.calls,
            writes=run.limits.writes,
            budgets=[
                shapes.Budget(limit=exact.spell(each.limit), currency=each.currency, amount=each.amount, unit=each.unit)
                for each in run.limits.budgets
            ],
        ),
        state="ended" if register.has_ended(run.id, now) else "open",
        opened_at=instant(run.opened),
        opened_by=run.opened_by,
        closes_at=instant(run.closes),
        ended_at=instant(run.ended),
        ended_because=run.ended_because,
    )
