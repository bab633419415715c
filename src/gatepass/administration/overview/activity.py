"""How much was permitted and refused over time, counted in memory from the journal.

The first look reads the newest part of the journal backwards, as far as is asked for and no further than a bound at
once; later looks add what was written since. So a page that is looked at every few seconds costs what happened in
those seconds, whatever the journal's length. Where the counts do not reach back far enough yet, the answer says since
when they are whole; asking again reads on.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Instant
from gatepass.audit import Archive, Count, Tally
from gatepass.audit.tally import DAY, HOUR, KEPT, MINUTE
from gatepass.errors import Malformed

__all__ = ["MOST_BUCKETS", "Activity", "Measured"]

MOST_BUCKETS: Final = 1_500
PIECE: Final = 25_000
"""Entries that are added up in one go."""
MOST_AT_ONCE: Final = 12
"""Pieces of the past that one look may read."""
MOST_BEHIND: Final = 40
"""Pieces of news; when more was written since the last look, the counts begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Counts in buckets of `step` milliseconds. `whole_since` is None when the counts reach back to `since`."""

    since: Instant
    until: Instant
    step: int
    counts: tuple[Count, ...]
    whole_since: Instant | None


@dataclass(slots=True)
class Activity:
    """Counts of decisions, kept up with the journal."""

    archive: Archive
    _tally: Tally = field(default_factory=Tally)
    _first: int = 0
    """The oldest entry that was counted; 0 before the first look."""
    _last: int = 0
    _earliest: Instant | None = None
    """When the oldest entry that was counted was written."""
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def measured(
        self,
        now: Instant,
        *,
        since: Instant | None = None,
        until: Instant | None = None,
        step: int | None = None,
        credential: str | None = None,
        agent: str | None = None,
    ) -> Measured:
        """Buckets of whole `step`s from `since` to `until`; the last hour by minutes where nothing is said.

        Beyond a day only hours are known, so a shorter step is taken for an hour. Raises `Malformed` for more
        buckets than are drawn, and for a past that is not kept.
        """
        ends = now if until is None else until
        begins = Instant(ends - HOUR) if since is None else since
        width = _step(begins, now, MINUTE if step is None else step)
        _check(begins, ends, width, now)
        begins = Instant(begins - begins % width)
        tally = await self.tally(now, begins)
        counts = tally.buckets(begins, ends, width, credential=credential, agent=agent)
        return Measured(since=begins, until=ends, step=width, counts=counts, whole_since=self._whole_since(begins))

    async def tally(self, now: Instant, since: Instant) -> Tally:
        """The counts, with everything that was written by now, and the past as far as `since` and the bounds allow."""
        async with self._reading:  # it is read once for all who look
            top = (await self.archive.head()).seq
            if not self._first or top - self._last > PIECE * MOST_BEHIND:
                self._tally, self._first, self._last, self._earliest = Tally(), top + 1, top, now
            while self._last < top:
                last = min(self._last + PIECE, top)
                self._tally.add((await self.archive.counts(self._last + 1, last)).cells, now)
                self._last = last
            for _ in range(MOST_AT_ONCE):
                if self._reaches(since):
                    break
                first = max(self._first - PIECE, 1)
                counted = await self.archive.counts(first, self._first - 1)
                self._tally.add(counted.cells, now)
                self._first, self._earliest = first, counted.earliest
            return self._tally

    def _reaches(self, since: Instant) -> bool:
        return self._first <= 1 or (self._earliest is not None and self._earliest < since)

    def _whole_since(self, since: Instant) -> Instant | None:
        return None if self._reaches(since) else self._earliest


def _step(since: Instant, now: Instant, step: int) -> int:
    return max(step, HOUR) if since < now - DAY else step


def _check(since: Instant, until: Instant, step: int, now: Instant) -> None:
    if step % (HOUR if since < now - DAY else MINUTE):
        raise Malformed("malformed_request", "`step_seconds`: expected whole minutes; whole hours beyond a day ago")
    if since >= until:
        raise Malformed("malformed_request", "`since`: expected an instant before `until`")
    if since < now - KEPT:
        raise Malformed("malformed_request", f"`since`: the activity of {KEPT // DAY} days is kept")
    if step > DAY:
        raise Malformed("malformed_request", "`step_seconds`: expected a day at most")
    if until - since > MOST_BUCKETS * step:
        hint = "Ask for a shorter span, or for longer steps."
        raise Malformed("malformed_request", f"more than {MOST_BUCKETS} steps were asked for", hint=hint)
