"""What one draw does to one meter, as pure functions over its stored state.

    draw(state, reservation, now)       -> the new state and how the meter stands, or why nothing was drawn
    give_back(state, reservation, at)   -> the state after a draw made at `at` is undone
    level(state, reservation, now)      -> how it stands, without drawing

A meter that was never drawn on has the state None. These laws hold whatever is fed in:

1. A total draws at most `limit` in its life, a quota in each of its windows, a rate `limit * (1 + t / period)`
   in any t milliseconds. Sums are whole numbers: nothing is rounded, nothing drifts, nothing overflows.
2. A clock that goes backwards refills nothing: the meter stands where it was until the clock is there again.
3. A refusal changes nothing. Waiting exactly as long as it says is enough, and a millisecond less is not.
4. From `ends` on, a state says what None says: whoever keeps it may forget it.

A limit may change between two draws. A rate keeps the *part* of it that was used, so that tightening takes
hold at once and loosening helps at once; a quota and a total keep the amount. A quota of another period is
another meter.

Rates follow the generic cell rate algorithm (GCRA, ITU-T I.371) with a burst of the whole limit. What is owed is
kept in unit-milliseconds: every millisecond pays off `limit`, every draw adds `cost * period`.
"""

from typing import Final, NamedTuple, TypeAlias

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.limits.amounts import Counted, counted_of
from gatepass.limits.ledger import Exhausted, Level

__all__ = ["Flow", "State", "Total", "Window", "draw", "give_back", "level", "spent"]


class Flow(NamedTuple):
    """A rate: `owed` unit-milliseconds at `at`, under the limit and period that it was last drawn with."""

    at: int
    owed: int
    limit: int
    period: int

    def owes(self, limit: int, period: int, now: int) -> int:
        """What is owed at `now`, under another limit as much as under this one: the same part of it.

        It is paid off at the pace that it was drawn with.
        """
        owed = self.owed - (now - self.at) * self.limit if now > self.at else self.owed
        if owed <= 0:
            return 0
        if limit != self.limit or period != self.period:
            return _up(owed * limit * period, self.limit * self.period)
        return owed

    def plus(self, limit: int, cost: int, period: int, now: int) -> "Flow | None":
        """After a draw; None where too little is left."""
        owed = self.owes(limit, period, now) + cost * period
        if owed > limit * period:
            return None
        return _made(Flow, (max(self.at, now), owed, limit, period))

    def minus(self, limit: int, cost: int, period: int, at: int) -> "Flow":
        """After a draw made at `at` is undone: what may still be owed of it is taken off."""
        if (self.limit, self.period) != (limit, period) or self.at < at:
            return self
        owing = max(cost * period - (self.at - at) * limit, 0)
        return self._replace(owed=max(self.owed - owing, 0))

    def left(self, limit: int, period: int, now: int) -> int:
        """Units that can be drawn at `now`."""
        return limit + -self.owes(limit, period, now) // period

    def ends(self) -> int:
        """From when on it says what None says: it is full."""
        return self.at - -self.owed // self.limit if self.owed else self.at

    def wait(self, limit: int, cost: int, now: int) -> int | None:
        """Milliseconds until a draw that was refused would succeed; None: it never would."""
        if cost > limit or not limit:
            return None
        room = (limit - cost) * self.limit * self.period // limit
        return self.at - now + _up(self.owed - room, self.limit)


class Window(NamedTuple):
    """A quota: `used` units in the window of `period` that began at `start`, and is not over."""

    start: int
    period: int
    used: int

    def plus(self, limit: int, cost: int, period: int, _now: int) -> "Window | None":
        """After a draw; None where too little is left."""
        used = self.used + cost
        return _made(Window, (self.start, period, used)) if used <= limit else None

    def minus(self, _limit: int, cost: int, period: int, at: int) -> "Window":
        """After a draw made at `at` is undone, if it was in this window."""
        drawn_here = self.period == period and self.start == at // period * period
        return self._replace(used=max(self.used - cost, 0)) if drawn_here else self

    def left(self, limit: int, _period: int, _now: int) -> int:
        """Units that can be drawn."""
        return limit - self.used

    def ends(self) -> int:
        """From when on it says what None says: it is over."""
        return self.start + self.period

    def wait(self, limit: int, cost: int, now: int) -> int | None:
        """Milliseconds until a draw that was refused would succeed; None: it never would."""
        return None if cost > limit else self.start + self.period - now


class Total(NamedTuple):
    """A total: `used` units, ever."""

    used: int

    def plus(self, limit: int, cost: int, _period: int, _now: int) -> "Total | None":
        """After a draw; None where too little is left."""
        return Total(self.used + cost) if self.used + cost <= limit else None

    def minus(self, _limit: int, cost: int, _period: int, _at: int) -> "Total":
        """After a draw is undone."""
        return Total(max(self.used - cost, 0))

    def left(self, limit: int, _period: int, _now: int) -> int:
        """Units that can be drawn."""
        return limit - self.used

    def ends(self) -> None:
        """Never: forgetting it would give it back."""

    def wait(self, _limit: int, _cost: int, _now: int) -> None:
        """Waiting does not help."""


_made: Final = tuple.__new__
"""Makes a state without the detour over a named tuple's own `__new__`: one is made by every draw."""

State: TypeAlias = Flow | Window | Total

_KINDS: Final = {MeterKind.RATE: Flow, MeterKind.QUOTA: Window, MeterKind.TOTAL: Total}


def draw(state: State | None, reservation: Reservation, now: Instant) -> tuple[State, Level] | Exhausted:
    """Draw `reservation`, or say why not. Raises `Malformed` for what cannot be counted."""
    asked = counted_of(reservation)
    limit, cost, period = asked.limit, asked.cost, asked.period
    known = _known(state, reservation.kind, limit, period, now)
    after = known.plus(limit, cost, period, now)
    if after is None:
        return Exhausted(_level(known, reservation, asked, now), known.wait(limit, cost, now))
    return after, _level(after, reservation, asked, now)


def give_back(state: State | None, reservation: Reservation, at: Instant) -> State | None:
    """Undo one draw of `reservation` that was made at `at`.

    Never more than the draw took, and nothing that time has given back already: a quota whose window is
    over gives nothing, a rate what can still be owed of it.
    """
    asked = counted_of(reservation)
    if state is None or state.__class__ is not _KINDS[reservation.kind]:
        return state
    return state.minus(asked.limit, asked.cost, asked.period, at)


def level(state: State | None, reservation: Reservation, now: Instant) -> Level:
    """How the meter stands. Raises `Malformed` for what cannot be counted."""
    asked = counted_of(reservation)
    return _level(_known(state, reservation.kind, asked.limit, asked.period, now), reservation, asked, now)


def spent(reservation: Reservation, now: Instant) -> State:
    """The state of a meter of which nothing is left at `now`."""
    asked = counted_of(reservation)
    full = _known(None, reservation.kind, asked.limit, asked.period, now)
    return full._replace(owed=asked.limit * asked.period) if isinstance(full, Flow) else full._replace(used=asked.limit)


def _known(state: State | None, kind: MeterKind, limit: int, period: int, now: int) -> State:
    """The state, or one of which all is left. A state of another kind, or of a window that is over, says nothing."""
    if kind is MeterKind.RATE:
        return state if isinstance(state, Flow) else Flow(now, 0, limit, period)
    if kind is MeterKind.TOTAL:
        return state if isinstance(state, Total) else Total(0)
    if isinstance(state, Window) and state.period == period and now < state.start + period:
        return state
    return Window(now // period * period, period, 0)


def _level(state: State, reservation: Reservation, asked: Counted, now: int) -> Level:
    left, end = state.left(asked.limit, asked.period, now), state.ends()
    reset = None if end is None else end - now if end > now else 0
    return _made(Level, (reservation, max(0, left), reset))


def _up(part: int, whole: int) -> int:
    """Divided and rounded up: against whoever draws."""
    return -(-part // whole)
