"""Amounts as whole numbers, so that no sum of them is ever rounded; and reservations as they are counted in them.

A `Decimal` is exact on paper and rounded in arithmetic: the ambient context has 28 digits and belongs to
whoever set it last, so a meter that adds many tiny costs to a large sum may stay where it was. An amount
therefore enters as a whole number of the smallest unit that we count, 10⁻¹⁸, and whole numbers neither
round nor overflow. What is negative, is no number, or has more than 18 digits on either side of the point is
refused, before anything was drawn.

A token's reservations are the same objects on every call, so what follows from one (its whole numbers, the name of its
meter) is worked out once and kept with it. It says nothing that the reservation does not say, and takes no part when
two of them are compared, printed or written down.
"""

import decimal
import re
from decimal import Context, Decimal, DecimalException
from functools import lru_cache
from typing import Final, NamedTuple

from gatepass.access import MeterKind, Reservation
from gatepass.errors import Malformed

__all__ = ["UNIT", "Counted", "Key", "amount", "counted_of", "units"]

PLACES: Final = 18
UNIT: Final[int] = 10**PLACES
"""One act, or one unit of money, as it is counted."""

_LONGEST: Final = 80
"""Digits that an amount may be written with, the zeros at its end included."""

LONGEST_PERIOD: Final = 3_650 * 86_400_000
_LARGEST: Final = 999_999_999_999_999
"""The largest integer of a structured field: RFC 9651, section 3.3.1."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

_EXACT: Final = Context(
    prec=_LONGEST,
    rounding=decimal.ROUND_DOWN,
    Emin=-999,
    Emax=999,
    clamp=0,
    flags=[],
    traps=[decimal.Clamped, decimal.Inexact, decimal.InvalidOperation, decimal.Overflow, decimal.Underflow],
)


def units(given: Decimal, what: str) -> int:
    """`given` as a whole number of units. Raises `Malformed` (`malformed_amount`), which names `what`."""
    counted = _counted(given) if given.is_finite() else None  # a signalling NaN has no hash to be remembered by
    if counted is None:
        raise Malformed(
            "malformed_amount", f"{what} is not 0 or more with at most {PLACES} digits on either side of the point"
        )
    return counted


@lru_cache(maxsize=1024)
def _counted(given: Decimal) -> int | None:
    """The same few amounts come again and again."""
    if given.is_zero():
        return 0
    if given < 0 or given.adjusted() >= PLACES:
        return None
    try:
        return int(_EXACT.to_integral_exact(_EXACT.scaleb(given, PLACES)))
    except DecimalException:
        return None


def amount(counted: int) -> Decimal:
    """The amount that `counted` units make. Never below 0."""
    return _EXACT.scaleb(Decimal(max(counted, 0)), -PLACES).normalize(_EXACT)


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
