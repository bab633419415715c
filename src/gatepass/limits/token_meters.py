"""The meters that a token's own limits stand for.

A meter's key is the id of whoever's meters the token draws on and the name of the limit: `crd_…/calls`. It
holds no number, so a limit can be changed in the record and the count goes on; and it outlives a rotation,
because the new token keeps the id of the first of its line. Nobody else's key can be the same: ids contain
no `/`.

Attempts are drawn before anything is decided, so that a loop of refused calls is throttled too. The others
are drawn by permitted calls only. Both functions are remembered, because they are asked the same on every call.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from gatepass.access import ActionClass, MeterKind, Reservation

__all__ = ["ATTEMPTS", "CALLS", "REQUESTS", "WRITES", "attempts", "drawn_by_call"]

ATTEMPTS: Final = "attempts"
CALLS: Final = "calls"
WRITES: Final = "writes"
REQUESTS: Final = "requests"

MINUTE: Final = 60_000
DAY: Final = 86_400_000


@lru_cache(maxsize=4096)
def attempts(meters: str, count: int, period: int) -> Reservation:
    """One presentation of a token that verified: `count` per `period` milliseconds, whatever comes of them."""
    return Reservation(f"{meters}/{ATTEMPTS}", MeterKind.RATE, Decimal(count), period=period)


@lru_cache(maxsize=4096)
def drawn_by_call(
    meters: str,
    kind: ActionClass,
    *,
    calls: tuple[int, int],
    writes_per_minute: int | None = None,
    requests_per_day: int | None = None,
) -> tuple[Reservation, ...]:
    """What one permitted call of class `kind` draws. `calls` is a count and its period in milliseconds.

    Every class but `read` is a write here: deleting and administering change things too.
    """
    count, period = calls
    drawn = [Reservation(f"{meters}/{CALLS}", MeterKind.RATE, Decimal(count), period=period)]
    if writes_per_minute is not None and kind is not ActionClass.READ:
        drawn.append(Reservation(f"{meters}/{WRITES}", MeterKind.QUOTA, Decimal(writes_per_minute), period=MINUTE))
    if requests_per_day is not None:
        drawn.append(Reservation(f"{meters}/{REQUESTS}", MeterKind.QUOTA, Decimal(requests_per_day), period=DAY))
    return tuple(drawn)
