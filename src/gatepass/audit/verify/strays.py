"""Rows whose own hash does not hold where they stand: changed there, or at home somewhere else.

A row's number is part of its hash, so a genuine row that was moved or renumbered is proven by the number under
which its hash holds again. Neighbours are tried at once; rows from farther away are tried against each other's
places at the end. Runs of rows renumbered by the same amount take the memory of one.
"""

from dataclasses import dataclass, field
from typing import Final

from gatepass.audit.chain import Row, link
from gatepass.audit.verify.faults import FaultKind, Faults

__all__ = ["WINDOW", "Strays"]

WINDOW: Final = 32
"""How far from its place a row is looked for at once."""
_MOST_PLACELESS: Final = 64
_MOST_RUNS: Final = 1024

_Span = tuple[int, int]


@dataclass(slots=True)
class _Run:
    """Rows at the places `first` to `last`, each of which belongs `shift` places before."""

    first: int
    last: int
    shift: int
    grown: bool = False
    """The journal ended here when the rows were moved: what follows, if anything, was written afterwards."""

    @property
    def home(self) -> _Span:
        return self.first - self.shift, self.last - self.shift


@dataclass(slots=True)
class Strays:
    """Collects strays while the rows pass, and says at the end what they amount to."""

    faults: Faults
    _runs: list[_Run] = field(default_factory=list)
    _placeless: list[tuple[Row, bool]] = field(default_factory=list)
    recent: list[bytes | None] = field(default_factory=lambda: [None] * WINDOW)
    """The hashes of the last rows that hold, at their number modulo `WINDOW`; None for one that does not."""

    def add(self, row: Row, *, linked: bool) -> None:
        """Take a row whose hash does not hold. `linked`: it claims to follow on the row before it."""
        self.recent[row.seq % WINDOW] = None
        last = self._runs[-1] if self._runs else None
        current = last.shift if last is not None and row.seq - last.last <= WINDOW else 0
        shift = self._shift(row, current)
        if shift is None:
            self._add_placeless(row, linked=linked)
            return
        if shift > current:
            self._blame_inserted(row, shift - current)
        if last is not None and last.shift == shift and last.last + 1 == row.seq:
            last.last = row.seq
        elif len(self._runs) < _MOST_RUNS:
            self._runs.append(_Run(row.seq, row.seq, shift))
        else:
            self.faults.unnamed += 1

    def settle(self, highest: int) -> None:
        """Name what was collected. `highest` is the last number of the journal as it stands."""
        self._bring_home()
        homes = _union([run.home for run in self._runs])
        for row, linked in self._placeless:
            elsewhere = any(first <= row.seq <= last for first, last in homes)
            self.faults.add(FaultKind.CHANGED if linked and not elsewhere else FaultKind.FOREIGN, row.seq)
        for run in self._runs:
            self.faults.add(FaultKind.MOVED, *run.home, place=run.first)
            run.grown |= run.last == highest
        # Where rows were put in and the journal ended, the last numbers are new: nothing that had them is missing.
        new = [(run.last - run.shift + 1, run.last) for run in self._runs if run.grown and run.shift > 0]
        places = _union([(run.first, run.last) for run in self._runs])
        for first, last in _without(places, _union(homes + new)):
            self.faults.add(FaultKind.MISSING, first, last)

    def grown_on(self, seq: int) -> None:
        """The row after `seq` follows on it as it stands."""
        if self._runs and self._runs[-1].last == seq:
            self._runs[-1].grown = True

    def _shift(self, row: Row, current: int) -> int | None:
        """How many places too late the row stands, or None where no number near makes its hash hold."""
        near = (shift for step in range(1, WINDOW + 1) for shift in (step, -step))
        tried = (current, *near) if len(self._placeless) < _MOST_PLACELESS else (current,)
        for shift in tried:
            if shift and row.seq > shift and link(row.writer, row.seq - shift, row.prev, row.body) == row.hash:
                return shift
        return None

    def _add_placeless(self, row: Row, *, linked: bool) -> None:
        if len(self._placeless) < _MOST_PLACELESS:
            self._placeless.append((row, linked))
        else:
            self.faults.add(FaultKind.CHANGED if linked else FaultKind.FOREIGN, row.seq)

    def _blame_inserted(self, row: Row, count: int) -> None:
        """The rows just before were put in, if they hold where a genuine row, now renumbered, belongs."""
        before = range(row.seq - count, row.seq)
        if all(self.recent[seq % WINDOW] not in {None, row.hash} for seq in before):
            self.faults.add(FaultKind.FOREIGN, before[0], before[-1])

    def _bring_home(self) -> None:
        """Try the rows that fit nowhere near at the places of the other strays."""
        places = [row.seq for row, _ in self._placeless] + [run.first for run in self._runs[:_MOST_PLACELESS]]
        left = []
        for row, linked in self._placeless:
            home = next((seq for seq in places if link(row.writer, seq, row.prev, row.body) == row.hash), None)
            if home is None:
                left.append((row, linked))
            else:
                self._runs.append(_Run(row.seq, row.seq, row.seq - home))
        self._placeless = left


def _union(spans: list[_Span]) -> list[_Span]:
    """The same numbers as spans that neither touch nor overlap, in order."""
    joined: list[_Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _without(spans: list[_Span], taken: list[_Span]) -> list[_Span]:
    """What of `spans` is in none of `taken`; both in order."""
    left = []
    for first, last in spans:
        start = first
        for from_, to in taken:
            if to < start or from_ > last:
                continue
            if from_ > start:
                left.append((start, from_ - 1))
            start = to + 1
        if start <= last:
            left.append((start, last))
    return left
