"""How much was decided when: counts of permitted and refused calls, kept by minute, credential and agent.

Only decisions are counted, by what their entries say of the instant; the order in which they are added does not
matter. Minutes are kept for a day and hours for a month; what is kept is bounded, and past the bound the oldest
hours forget whose calls they were. Time is an argument.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from gatepass.access import Instant

__all__ = ["DAY", "HOUR", "KEPT", "MINUTE", "Cell", "Count", "Counted", "Tally"]

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
MINUTES_KEPT: Final = DAY + 2 * HOUR
"""Milliseconds for which single minutes are told apart."""
KEPT: Final = 31 * DAY
"""Milliseconds for which anything is kept."""
MOST_CELLS: Final = 200_000

Whose: TypeAlias = tuple[str | None, str | None]
"""A credential and an agent."""
NOBODYS: Final[Whose] = (None, None)


class Cell(NamedTuple):
    """The decisions of one minute, under one credential of one agent."""

    minute: int
    """Its first instant."""
    credential: str | None
    agent: str | None
    permitted: int
    refused: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a stretch of the journal comes to. `earliest` is the instant of its first entry; None when it is empty."""

    cells: tuple[Cell, ...]
    earliest: Instant | None


class Count(NamedTuple):
    """One bucket."""

    at: Instant
    permitted: int
    refused: int


@dataclass(slots=True)
class Tally:
    """The counts so far."""

    _minutes: dict[int, dict[Whose, list[int]]] = field(default_factory=dict)
    _hours: dict[int, dict[Whose, list[int]]] = field(default_factory=dict)

    def add(self, cells: Iterable[Cell], now: Instant) -> None:
        """Count these too, and let go of what is too old to be kept."""
        for cell in cells:
            _add(self._minutes, cell.minute, (cell.credential, cell.agent), cell.permitted, cell.refused)
        self._coarsen(now)

    def buckets(
        self,
        since: Instant,
        until: Instant,
        step: int,
        *,
        credential: str | None = None,
        agent: str | None = None,
    ) -> tuple[Count, ...]:
        """Counts from `since` (a multiple of `step`, like all that begin a bucket) to `until`, empty ones too."""
        counts = [[0, 0] for _ in range(since, until, step)]
        for at, whose, (permitted, refused) in self._cells(since, until):
            if credential in {None, whose[0]} and agent in {None, whose[1]}:
                bucket = counts[(at - since) // step]
                bucket[0] += permitted
                bucket[1] += refused
        return tuple(Count(Instant(since + number * step), *count) for number, count in enumerate(counts))

    def refused(self, since: Instant, until: Instant) -> dict[str | None, int]:
        """How many calls were refused, by credential."""
        counts: dict[str | None, int] = {}
        for _, (credential, _agent), (_permitted, refused) in self._cells(since, until):
            if refused:
                counts[credential] = counts.get(credential, 0) + refused
        return counts

    def _cells(self, since: int, until: int) -> Iterator[tuple[int, Whose, list[int]]]:
        for table in (self._minutes, self._hours):
            for at, row in table.items():
                if since <= at < until:
                    yield from ((at, whose, count) for whose, count in row.items())

    def _coarsen(self, now: Instant) -> None:
        for minute in [minute for minute in self._minutes if minute < now - MINUTES_KEPT]:
            for whose, count in self._minutes.pop(minute).items():
                _add(self._hours, minute - minute % HOUR, whose, *count)
        for hour in [hour for hour in self._hours if hour < now - KEPT]:
            del self._hours[hour]
        cells = sum(map(len, self._minutes.values())) + sum(map(len, self._hours.values()))
        for table in (self._hours, self._minutes):
            for at in sorted(table):
                if cells <= MOST_CELLS:
                    return
                row = table[at]
                cells -= len(row) - 1
                table[at] = {NOBODYS: [sum(count) for count in zip(*row.values(), strict=True)]}


def _add(table: dict[int, dict[Whose, list[int]]], at: int, whose: Whose, permitted: int, refused: int) -> None:
    count = table.setdefault(at, {}).setdefault(whose, [0, 0])
    count[0] += permitted
    count[1] += refused
