"""A reservation as it is counted: whole numbers, and what a draw on it needs besides, worked out once.

A token's reservations are the same objects on every call, and nothing of them changes: so what follows from one
is kept with it. The law: what is kept says nothing that the reservation does not say, and takes no part when two of
them are compared, printed or written down.
"""

import re
from typing import Final, NamedTuple

from gatepass.access import MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits.amounts import UNIT, units

__all__ = ["Counted", "Key", "counted_of"]

LONGEST_PERIOD: Final = 3_650 * 86_400_000
_LARGEST: Final = 999_999_999_999_999
"""The largest integer of a structured field: RFC 9651, section 3.3.1."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

Key = tuple[str, int]
"""A meter's name, and the period of a quota, 0 for a rate, -1 for a total: none of them ever stands in for another."""


class Counted(NamedTuple):
    """What one reservation comes to."""

    limit: int
    """In units of `amounts`, as `cost` is."""
    cost: int
    period: int
    """Milliseconds; 1 for a total, which has none."""
    acts: bool
    """Whether whole acts are counted, of which a part is none."""
    key: Key
    """What its state is kept under."""
    name: str | None
    """What headers call it; None where they do not tell of it."""
    policy: str
    """What `RateLimit-Policy` says of it."""


def counted_of(reservation: Reservation) -> Counted:
    """What `reservation` comes to. Raises `Malformed` (`malformed_amount`) for what cannot be counted."""
    try:
        return reservation.counted  # type: ignore[no-any-return]  # this module alone puts it there
    except AttributeError:
        counted = _count(reservation)
        object.__setattr__(reservation, "counted", counted)
        return counted


def _count(reservation: Reservation) -> Counted:
    period, kept = reservation.period, -1
    if reservation.kind is MeterKind.TOTAL:
        period = 1
    elif period is None or not 0 < period <= LONGEST_PERIOD:
        raise Malformed("malformed_amount", "a meter's period is not between a millisecond and ten years")
    else:
        kept = 0 if reservation.kind is MeterKind.RATE else period
    limit, cost = units(reservation.limit, "a meter's limit"), units(reservation.cost, "a meter's cost")
    told = reservation.meter.partition("/")[2].replace("/", ".")
    name = told if reservation.period is not None and _NAME.fullmatch(told) else None
    return Counted(
        limit=limit,
        cost=cost,
        period=period,
        acts=limit % UNIT == 0 and cost % UNIT == 0,
        key=(reservation.meter, kept),
        name=name,
        policy=f'"{name}";q={min(limit // UNIT, _LARGEST)};w={max(-(-(reservation.period or 0) // 1000), 1)}',
    )
