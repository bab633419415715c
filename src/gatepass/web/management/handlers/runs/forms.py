"""The shapes of what is said of runs. Amounts are texts: nothing of money goes through a float."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from gatepass.registry import Budget, RunLimits
from gatepass.web.management.forms import Line, ListQuery, Ref
from gatepass.web.management.limiting import Span, integral
from gatepass.web.management.reading import Form

__all__ = ["RunCreation", "RunQuery"]

Amount = Annotated[
    str,
    StringConstraints(
        max_length=37, pattern=r"^([0-9]{0,17}[1-9][0-9]{0,17}(\.[0-9]{1,18})?|0{1,18}\.[0-9]{0,17}[1-9][0-9]{0,17})$"
    ),
]
"""Above zero: nothing could be spent otherwise."""
Label = Annotated[str, StringConstraints(max_length=100)]
Property = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,16}$")]
Total = Annotated[int, Field(ge=1, le=10**9), BeforeValidator(integral)]


class BudgetForm(Form):
    """At most `limit` of `currency`, by the property `amount`; `unit` is the property that says the currency."""

    limit: Amount
    currency: Currency
    amount: Property = "amount"
    unit: Property | None = "currency"


class RunLimitsForm(Form):
    """How much the whole run may do."""

    calls: Total | None = None
    writes: Total | None = None
    budgets: Annotated[tuple[BudgetForm, ...], Field(max_length=4)] = ()

    def limits(self) -> RunLimits:
        """The same for administration."""
        budgets = (Budget(Decimal(each.limit), each.currency, each.amount, each.unit) for each in self.budgets)
        return RunLimits(calls=self.calls, writes=self.writes, budgets=tuple(budgets))


class RunCreation(Form):
    """A run of one agent."""

    agent: Ref
    label: Label | None = None
    purpose: Line | None = None
    lifetime_seconds: Span | None = None
    limits: RunLimitsForm = RunLimitsForm()


class RunQuery(ListQuery):
    """Which part of a list of runs, of one agent, or of those that are open or have ended."""

    agent: Ref | None = None
    state: Literal["open", "ended", "all"] = "all"
