"""Runs: one task of one agent, opened here, with an end that it cannot outlive and limits over all that happens in it.

The law: a run belongs to one agent for ever, and its closing time is fixed when it is opened: no credential of it lives
longer, none is issued once it has ended, and ending it is final. Its limits range over every credential that carries
it: they are counted under the run's own name, however many tokens, exchanges or rotations it takes. A budget counts
every call that is more than a look: one whose amount or currency cannot be read is refused, because nobody could count
it. A look that names no amount spends nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass.access import Access, ActionClass, AgentId, Instant, MeterKind, Reservation, RunId
from gatepass.authority import Spending
from gatepass.authority.scopes.notation import path_of
from gatepass.authority.scopes.permissions import ABSENT, look_up
from gatepass.errors import Denied, Malformed

__all__ = ["LONGEST_RUN", "MOST_BUDGETS", "Budget", "Run", "RunLimits"]

LONGEST_RUN: Final = 30 * 24 * 3_600_000
"""Milliseconds: as long as the longest token."""
MOST_BUDGETS: Final = 4
_MOST: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` of `currency` in the whole run, as the property `amount` of its calls says.

    `unit` is the property that has to say the currency; None only where the upstreams know one currency.
    """

    limit: Decimal
    currency: str
    amount: str = "amount"
    unit: str | None = "currency"

    def caveat(self, run: RunId) -> Spending:
        """The same as the authority counts it, on the run's own meter. Raises `Malformed`."""
        unit = None if self.unit is None else path_of(self.unit)
        return Spending(f"{run}/run", self.limit, self.currency, path_of(self.amount), unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How much a run may do in its whole life; None and no budgets where nothing is said."""

    calls: int | None = None
    writes: int | None = None
    """Permitted calls of any class but `read`."""
    budgets: tuple[Budget, ...] = ()

    def check(self) -> None:
        """Raise `Malformed` for a number out of range, or a budget that nothing could be counted by."""
        for name, count in (("calls", self.calls), ("writes", self.writes)):
            if count is not None and not 1 <= count <= _MOST:
                raise Malformed("malformed_request", f"`limits.{name}`: expected a whole number from 1 to {_MOST}")
        if len(self.budgets) > MOST_BUDGETS:
            raise Malformed("malformed_request", f"`limits.budgets`: {MOST_BUDGETS} at most")
        if len({(budget.currency, budget.amount) for budget in self.budgets}) < len(self.budgets):
            raise Malformed("malformed_request", "`limits.budgets`: two of them count the same")
        for budget in self.budgets:
            try:
                budget.caveat(RunId("run_checked"))
            except Malformed as error:
                raise Malformed("malformed_request", f"`limits.budgets`: {error.message}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run."""

    id: RunId
    agent: AgentId
    opened: Instant
    opened_by: str
    """`per_…` or `agt_…`."""
    closes: Instant
    """When it ends by itself. Never changed."""
    label: str | None = None
    purpose: str | None = None
    """What its credentials are for, where they do not say themselves."""
    limits: RunLimits = RunLimits()
    ended: Instant | None = None
    ended_because: str | None = None

    def is_open(self, now: Instant) -> bool:
        """Whether credentials may be issued in it."""
        return self.ended is None and now < self.closes

    def drawn_by(self, access: Access) -> tuple[Reservation, ...]:
        """What the run's meters have to give for this access. Raises `Denied` (`caveat_veto`): it cannot be counted."""
        limits, looks = self.limits, access.action.kind is ActionClass.READ
        drawn: list[Reservation] = []
        if limits.calls is not None:
            drawn.append(Reservation(f"{self.id}/run-calls", MeterKind.TOTAL, Decimal(limits.calls)))
        if limits.writes is not None and not looks:
            drawn.append(Reservation(f"{self.id}/run-writes", MeterKind.TOTAL, Decimal(limits.writes)))
        for budget in limits.budgets:
            caveat = budget.caveat(self.id)
            if looks and look_up(access.properties, caveat.amount) is ABSENT:
                continue
            if veto := caveat.veto(access):
                what = f"`{access.resource.type}:{access.action.name}`"
                raise Denied(veto.code, f"{what} is not permitted: the run has a budget, and {veto.detail}")
            drawn.append(caveat.reservation(access))
        return tuple(drawn)

    def meters(self) -> tuple[Reservation, ...]:
        """All of its meters, to be looked at."""
        limits, found = self.limits, list[Reservation]()
        for name, count in (("run-calls", limits.calls), ("run-writes", limits.writes)):
            if count is not None:
                found.append(Reservation(f"{self.id}/{name}", MeterKind.TOTAL, Decimal(count)))
        for budget in limits.budgets:
            key = f"{budget.caveat(self.id).meter}/spent/{budget.currency}/{budget.amount}"
            found.append(Reservation(key, MeterKind.TOTAL, budget.limit))
        return tuple(found)
