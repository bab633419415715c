"""Amounts as whole numbers, so that no sum of them is ever rounded.

A `Decimal` is exact on paper and rounded in arithmetic: the ambient context has 28 digits and belongs to
whoever set it last, so a meter that adds many tiny costs to a large sum may stay where it was. An amount
therefore enters as a whole number of the smallest unit that we count, 10⁻¹⁸, and whole numbers neither
round nor overflow. What is negative, is no number, or has more than 18 digits on either side of the point is
refused, before anything was drawn.
"""

import decimal
from decimal import Context, Decimal, DecimalException
from functools import lru_cache
from typing import Final

from gatepass.errors import Malformed

__all__ = ["UNIT", "amount", "units"]

PLACES: Final = 18
UNIT: Final[int] = 10**PLACES
"""One act, or one unit of money, as it is counted."""

_LONGEST: Final = 80
"""Digits that an amount may be written with, the zeros at its end included."""

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
