"""What a draw leaves behind in a store, so that no restart gives anything back.

A total and a quota are spent for good, or until their window is over, so they are rows: written in the transaction
of the intent that drew them, added up there, and read again before the first permit after a start. A rate is
a flow and leaves no row: it is full again within a period, and a restart can give away one burst of it at most.
"""

from decimal import Decimal
from typing import NamedTuple

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits.amounts import units
from gatepass.limits.meters import State, Total, Window

__all__ = ["Spent", "restored", "spent_by"]


class Spent(NamedTuple):
    """`used` of one meter, ever (`period` 0), or in the window of `period` milliseconds that began at `start`.

    A store adds up what has the same `meter`, `period` and `start`; what is given back is taken off again.
    """

    meter: str
    used: Decimal
    period: int = 0
    start: int = 0


def spent_by(reservation: Reservation, at: Instant) -> Spent | None:
    """The row that a draw at `at` adds to, or None where it leaves none."""
    period = reservation.period
    if reservation.kind is MeterKind.TOTAL:
        return Spent(reservation.meter, reservation.cost)
    if reservation.kind is MeterKind.QUOTA and period:
        return Spent(reservation.meter, reservation.cost, period, at // period * period)
    return None


def restored(row: Spent) -> State:
    """The state that a row stands for. Raises `Malformed` for a row that cannot be counted."""
    used = units(row.used, "a kept count")
    if row.period < 0 or (row.period and row.start % row.period):
        raise Malformed("malformed_amount", "a kept count is of no window that there is")
    return Window(row.start, row.period, used) if row.period else Total(used)
