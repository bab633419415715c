"""An entry on its way into a store: its bytes, and what it says that meters have given out.

Meters that have to survive a restart are drawn by the entry of a permit, in the transaction that stores it, and given
back by the entry of an outcome that names them. No other entry touches a meter.
"""

from collections.abc import Sequence
from decimal import Context
from typing import Final, NamedTuple

from gatepass.access import DecisionId, Outcome
from gatepass.audit import DECIDED, FINISHED, Entry, Labels, write_body
from gatepass.limits import Spent, spent_by

__all__ = ["EXACT", "Line", "line_for"]

EXACT: Final = Context(prec=200)
"""Adds amounts without rounding them, whoever has set what context."""


class Line(NamedTuple):
    """An entry on its way into the journal, with what it changes in the meters."""

    body: bytes
    labels: Labels
    drawn: tuple[tuple[str, Spent], ...]
    """Rows to add: the decision, and what it spent of a meter."""
    released: tuple[tuple[str, str, int], ...]
    """Rows to take away: decision, meter, period."""


def line_for(entry: Entry) -> Line:
    """Write the entry down. Raises `Malformed` (`too_large`)."""
    body, labels = write_body(entry)
    decision = entry.decision
    if decision is None or not entry.reservations:
        return Line(body, labels, (), ())
    spends = [spent for one in entry.reservations if (spent := spent_by(one, entry.at)) is not None]
    if entry.event == DECIDED and entry.outcome is Outcome.PERMIT:
        return Line(body, labels, _summed(decision, spends), ())
    if entry.event == FINISHED:
        return Line(body, labels, (), tuple({(decision, spent.meter, spent.period): None for spent in spends}))
    return Line(body, labels, (), ())


def _summed(decision: DecisionId, spends: Sequence[Spent]) -> tuple[tuple[str, Spent], ...]:
    """One row a meter: what one call draws on it twice is drawn twice."""
    rows: dict[tuple[str, int], Spent] = {}
    for spent in spends:
        key = spent.meter, spent.period
        before = rows.get(key)
        rows[key] = spent if before is None else spent._replace(used=EXACT.add(before.used, spent.used))
    return tuple((decision, spent) for spent in rows.values())
