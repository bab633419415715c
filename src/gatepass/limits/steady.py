"""The instants that meters are evaluated at, by whoever keeps their states and a clock that may go back.

A meter alone stands still until the clock is where it was. That is not enough for many that are kept:

- States that have ended are forgotten, and a meter that is not known is taken for a full one. After a step
  back, one that was forgotten would be full before its time.
- After a clock was a year ahead and has been put right, a meter that was drawn on meanwhile would stand still for
  a year.

So a reading that is earlier than the latest stands still, for all of them. Once readings have gone on for `GRACE`
without reaching the latest again, by more than which they were behind, the clock did step back: a meter that was
drawn on beyond that, or may have been forgotten beyond it, is taken as spent at that instant. It fills again at its own
pace, and nothing was given back. One late reading, of a caller that took its time, moves nothing.
"""

from typing import Final

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.limits.meters import Flow, State, Total, Window, spent

__all__ = ["Steady"]

GRACE: Final = 60_000
"""Milliseconds that a clock may be behind, and then be followed, before it is believed."""


class Steady:
    """Follows the readings of one clock, and what was forgotten by it."""

    __slots__ = ("_behind_since", "_forgotten", "_latest", "_lost", "_stepped")

    def __init__(self) -> None:
        self._latest: Instant | None = None
        self._behind_since: Instant | None = None
        """The earliest reading since the latest was last reached, if there is one far behind it."""
        self._stepped: Instant | None = None
        """When it was last believed that the clock has gone back."""
        self._forgotten: dict[MeterKind, int] = {}
        """The latest end of the states that were forgotten, by kind."""
        self._lost: dict[MeterKind, int] = {}
        """The same as it was when the clock went back, where it is after the instant that the clock went back to."""

    def read(self, now: Instant) -> Instant:
        """The instant to take for a reading of the clock."""
        latest, since = self._latest, self._behind_since
        if latest is None or now >= latest:
            self._latest, self._behind_since = now, None
            return now
        if latest - now <= GRACE:
            self._behind_since = None
            return latest
        if since is None or now - since < GRACE:
            self._behind_since = now if since is None else min(now, since)
            return latest
        self._latest = self._stepped = now
        self._behind_since = None
        self._lost = {kind: end for kind, end in self._forgotten.items() if end > now}
        return now

    @property
    def stepped(self) -> bool:
        """Whether it was ever believed that the clock has gone back: if not, every state stands as it is kept."""
        return self._stepped is not None

    def forgot(self, kind: MeterKind, end: int) -> None:
        """Take note that a state that ended at `end` is no longer kept."""
        self._forgotten[kind] = max(end, self._forgotten.get(kind, end))

    def stands(self, state: State | None, reservation: Reservation, at: Instant) -> State | None:
        """What to take a kept state for, or one that is not kept, in a draw at `at`. None: all is left."""
        stepped, period = self._stepped, reservation.period
        if stepped is None or period is None or reservation.kind is MeterKind.TOTAL:
            return state
        if state is not None:
            return spent(reservation, stepped) if _drawn_after(state, at) else state
        lost = self._lost.get(reservation.kind)
        if lost is None:
            return None
        if reservation.kind is MeterKind.QUOTA:  # it may be its next window that was used already
            return spent(reservation, Instant(min(lost - 1, stepped + period)))
        return spent(reservation, stepped)


def _drawn_after(state: State, at: Instant) -> bool:
    match state:
        case Flow(at=drawn) | Window(start=drawn):
            return drawn > at
        case Total():
            return False
