"""The shape of a run."""

from typing import Literal

from gatepass.web.management.answers.shapes.things import Moment, Shape

__all__ = ["Budget", "Run", "RunLimits"]


class Budget(Shape):
    """At most `limit` of `currency` in the whole run; `unit` is null where the upstreams know one currency."""

    limit: str
    currency: str
    amount: str
    unit: str | None


class RunLimits(Shape):
    """How much the whole run may do; null where nothing is said."""

    calls: int | None
    writes: int | None
    budgets: list[Budget]


class Run(Shape):
    """A run. `ended_at` is when somebody ended it, or when the deployment noted that its time was over."""

    id: str
    agent: str | None
    agent_id: str
    label: str | None
    purpose: str | None
    limits: RunLimits
    state: Literal["open", "ended"]
    opened_at: Moment
    opened_by: str
    closes_at: Moment
    ended_at: Moment | None
    ended_because: str | None
