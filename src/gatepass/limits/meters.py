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

from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits.amounts import UNIT, amount, units
from gatepass.limits.ledger import Exhausted, Level

__all__ = ["Flow", "State", "Total", "Window", "draw", "give_back", "level", "spent"]

LONGEST_PERIOD: Final = 3_650 * 86_400_000


class _Asked(NamedTuple):
    """A reservation in units. `whole`: acts are counted, so a part of one is none."""

    kind: MeterKind
    limit: int
    cost: int
    period: int
    whole: bool


class Flow(NamedTuple):
    """A rate: `owed` unit-milliseconds at `at`, under the limit and period that it was last drawn with."""

    at: int
    owed: int
    limit: int
    period: int

    def stands(self, asked: _Asked, now: int) -> "Flow":
        """Under the limit asked for, at `now`. What was owed is paid off at the pace that it was drawn with."""
        at, owed, limit, period = self
        if now > at:
            owed -= (now - at) * limit
            owed, at = (owed, now) if owed > 0 else (0, now)
        if limit != asked.limit or period != asked.period:
            owed = _up(owed * asked.limit * asked.period, limit * period) if owed else 0
        return Flow(at, owed, asked.limit, asked.period)

    def plus(self, asked: _Asked) -> "Flow | None":
        """After the draw; None where too little is left."""
        owed = self.owed + asked.cost * asked.period
        return Flow(self.at, owed, asked.limit, asked.period) if owed <= asked.limit * asked.period else None

    def minus(self, asked: _Asked, at: int) -> "Flow":
        """After a draw made at `at` is undone: what may still be owed of it is taken off."""
        if (self.limit, self.period) != (asked.limit, asked.period) or self.at < at:
            return self
        owing = max(asked.cost * asked.period - (self.at - at) * asked.limit, 0)
        return self._replace(owed=max(self.owed - owing, 0))

    def spent(self, asked: _Asked) -> "Flow":
        """With nothing left."""
        return self._replace(owed=asked.limit * asked.period)

    def left(self, asked: _Asked) -> int:
        """Units that can be drawn."""
        return asked.limit - _up(self.owed, asked.period)

    def ends(self) -> int:
        """From when on it says what None says: it is full."""
        return self.at + (_up(self.owed, self.limit) if self.owed else 0)

    def wait(self, asked: _Asked, now: int) -> int | None:
        """Milliseconds until the draw would succeed; None: it never would."""
        if asked.cost > asked.limit or not asked.limit:
            return None
        room = (asked.limit - asked.cost) * self.limit * self.period // asked.limit
        return self.at - now + _up(self.owed - room, self.limit)


class Window(NamedTuple):
    """A quota: `used` units in the window of `period` that began at `start`."""

    start: int
    period: int
    used: int

    def stands(self, asked: _Asked, now: int) -> "Window":
        """This window, or the one of `now` if this one is over."""
        if self.period == asked.period and now < self.start + self.period:
            return self
        return Window(now // asked.period * asked.period, asked.period, 0)

    def plus(self, asked: _Asked) -> "Window | None":
        """After the draw; None where too little is left."""
        used = self.used + asked.cost
        return Window(self.start, self.period, used) if used <= asked.limit else None

    def minus(self, asked: _Asked, at: int) -> "Window":
        """After a draw made at `at` is undone, if it was in this window."""
        drawn_here = self.period == asked.period and self.start == at // self.period * self.period
        return self._replace(used=max(self.used - asked.cost, 0)) if drawn_here else self

    def spent(self, asked: _Asked) -> "Window":
        """With nothing left."""
        return self._replace(used=asked.limit)

    def left(self, asked: _Asked) -> int:
        """Units that can be drawn."""
        return asked.limit - self.used

    def ends(self) -> int:
        """From when on it says what None says: it is over."""
        return self.start + self.period

    def wait(self, asked: _Asked, now: int) -> int | None:
        """Milliseconds until the draw would succeed; None: it never would."""
        return None if asked.cost > asked.limit else self.start + self.period - now


class Total(NamedTuple):
    """A total: `used` units, ever."""

    used: int

    def stands(self, _asked: _Asked, _now: int) -> "Total":
        """Time changes nothing."""
        return self

    def plus(self, asked: _Asked) -> "Total | None":
        """After the draw; None where too little is left."""
        used = self.used + asked.cost
        return Total(used) if used <= asked.limit else None

    def minus(self, asked: _Asked, _at: int) -> "Total":
        """After a draw is undone."""
        return Total(max(self.used - asked.cost, 0))

    def spent(self, asked: _Asked) -> "Total":
        """With nothing left."""
        return Total(asked.limit)

    def left(self, asked: _Asked) -> int:
        """Units that can be drawn."""
        return asked.limit - self.used

    def ends(self) -> None:
        """Never: forgetting it would give it back."""

    def wait(self, _asked: _Asked, _now: int) -> None:
        """Waiting does not help."""


State: TypeAlias = Flow | Window | Total

_KINDS: Final = {MeterKind.RATE: Flow, MeterKind.QUOTA: Window, MeterKind.TOTAL: Total}


def draw(state: State | None, reservation: Reservation, now: Instant) -> tuple[State, Level] | Exhausted:
    """Draw `reservation`, or say why not. Raises `Malformed` for what cannot be counted."""
    asked = _asked(reservation)
    known = _known(state, asked, now)
    stands = known.stands(asked, now)
    after = stands.plus(asked)
    if after is None:
        return Exhausted(_level(stands, known, reservation, asked, now), known.wait(asked, now))
    return after, _level(after, after, reservation, asked, now)


def give_back(state: State | None, reservation: Reservation, at: Instant) -> State | None:
    """Undo one draw of `reservation` that was made at `at`.

    Never more than the draw took, and nothing that time has given back already: a quota whose window is
    over gives nothing, a rate what can still be owed of it.
    """
    asked = _asked(reservation)
    return state.minus(asked, at) if state is not None and isinstance(state, _KINDS[asked.kind]) else state


def level(state: State | None, reservation: Reservation, now: Instant) -> Level:
    """How the meter stands. Raises `Malformed` for what cannot be counted."""
    asked = _asked(reservation)
    known = _known(state, asked, now)
    return _level(known.stands(asked, now), known, reservation, asked, now)


def spent(reservation: Reservation, now: Instant) -> State:
    """The state of a meter of which nothing is left at `now`."""
    asked = _asked(reservation)
    return _known(None, asked, now).spent(asked)


def _known(state: State | None, asked: _Asked, now: int) -> State:
    """The state, or an untouched one. A state of another kind says nothing."""
    kind = _KINDS[asked.kind]
    if state.__class__ is kind and state is not None:
        return state
    if kind is Flow:
        return Flow(now, 0, asked.limit, asked.period)
    return Total(0) if kind is Total else Window(now // asked.period * asked.period, asked.period, 0)


def _level(stands: State, owing: State, reservation: Reservation, asked: _Asked, now: int) -> Level:
    left = max(stands.left(asked), 0)
    remaining = Decimal(left // UNIT) if asked.whole else amount(left)
    full = owing.ends() if owing.__class__ is Flow else stands.ends()
    return Level(reservation, remaining, None if full is None else max(full - now, 0))


def _asked(reservation: Reservation) -> _Asked:
    if reservation.cost.is_finite() and reservation.limit.is_finite():  # a signalling NaN has no hash to be found by
        return _read(reservation)
    raise Malformed("malformed_amount", "a meter's limit or cost is not a number")


@lru_cache(maxsize=4096)
def _read(reservation: Reservation) -> _Asked:
    """The same few reservations come again and again; what they amount to depends on nothing else."""
    limit, cost = units(reservation.limit, "a meter's limit"), units(reservation.cost, "a meter's cost")
    period = 0 if reservation.kind is MeterKind.TOTAL else reservation.period
    if period is None or (reservation.kind is not MeterKind.TOTAL and not 0 < period <= LONGEST_PERIOD):
        raise Malformed("malformed_amount", "a meter's period is not between a millisecond and ten years")
    return _Asked(reservation.kind, limit, cost, period, limit % UNIT == 0 and cost % UNIT == 0)


def _up(part: int, whole: int) -> int:
    """Divided and rounded up: against whoever draws."""
    return -(-part // whole)
