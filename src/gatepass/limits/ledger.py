"""The counters as the rooms that draw on them see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from gatepass.access import Instant, Reservation

__all__ = ["Drawn", "Exhausted", "Ledger", "Level"]


@dataclass(frozen=True, slots=True)
class Level:
    """How one meter stands: `remaining` units of `limit`, full again in `reset` milliseconds (None: never)."""

    reservation: Reservation
    remaining: Decimal
    reset: int | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """All the meters were drawn. `levels` is in the order asked for."""

    reservations: tuple[Reservation, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """None was drawn, because `level`'s meter had too little left. `retry_after` in ms, None when waiting does not help."""

    level: Level
    retry_after: int | None


class Ledger(Protocol):
    """Draws on meters: all at once, or none. Every implementation passes `tests/contracts/ledger.py`."""

    async def draw(self, reservations: Sequence[Reservation], now: Instant) -> Drawn | Exhausted:
        """Draw every reservation, or none. Atomic against every other draw."""
        ...

    async def give_back(self, reservations: Sequence[Reservation], now: Instant) -> None:
        """Undo a draw of which no byte left the house."""
        ...

    async def levels(self, reservations: Sequence[Reservation], now: Instant) -> tuple[Level, ...]:
        """Look, without drawing."""
        ...
