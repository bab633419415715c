"""The counters as the rooms that draw on them see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from gatepass.access import Instant, Reservation
from gatepass.limits.amounts import UNIT, amount, counted_of

__all__ = ["Drawn", "Exhausted", "Ledger", "Level"]


class Level(NamedTuple):
    """How one meter stands: `left` of `limit`, in the whole units of `amounts`; full again in `reset` milliseconds."""

    reservation: Reservation
    left: int
    reset: int | None
    """None: never."""

    @property
    def remaining(self) -> Decimal:
        """What is left, in the unit of the limit: acts, or an amount of money."""
        acts = counted_of(self.reservation).acts
        return Decimal(self.left // UNIT) if acts else amount(self.left)


class Drawn(NamedTuple):
    """All the meters were drawn, at `at`. `levels` is in the order asked for.

    It is the receipt that a draw is undone with: what a quota gave in one window can only go back to that one.
    """

    reservations: tuple[Reservation, ...]
    levels: tuple[Level, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class Exhausted:
    """None was drawn, because `level`'s meter had too little left.

    `retry_after` is in milliseconds, None when waiting does not help. Where several meters had too little, it
    is the one that takes longest.
    """

    level: Level
    retry_after: int | None


class Ledger(Protocol):
    """Draws on meters: all at once, or none. Every implementation passes `tests/contracts/ledger.py`.

    A reservation that cannot be counted (a cost below 0 or not a number, a rate without a period) raises
    `Malformed` (`malformed_amount`), and then nothing was drawn either. A ledger that cannot say how a meter
    stands raises `Unavailable` (`limits_unavailable`): it never guesses.
    """

    async def draw(self, reservations: Sequence[Reservation], now: Instant) -> Drawn | Exhausted:
        """Draw every reservation, or none. Atomic against every other draw."""
        ...

    async def give_back(self, drawn: Drawn) -> None:
        """Undo a draw of which no byte left the house. To be called at most once for each."""
        ...

    async def levels(self, reservations: Sequence[Reservation], now: Instant) -> tuple[Level, ...]:
        """Look, without drawing."""
        ...
