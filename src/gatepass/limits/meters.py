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

from typing import NamedTuple, TypeAlias

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Malformed
from gatepass.limits.amounts import UNIT, amount, units
from gatepass.limits.ledger import Exhausted, Level

__all__ = ["Flow", "State", "Total", "Window", "draw", "ends", "give_back", "level", "spent"]

LONGEST_PERIOD = 3_650 * 86_400_000


class Flow(NamedTuple):
    """A rate: `owed` unit-milliseconds at `at`, under the limit and period that it was last drawn with."""

    at: int
    owed: int
    limit: int
    period: int


class Window(NamedTuple):
    """A quota: `used` units in the window of `period` that began at `start`."""

    start: int
    period: int
    used: int


class Total(NamedTuple):
    """A total: `used` units, ever."""

    used: int


State: TypeAlias = Flow | Window | Total


class _Asked(NamedTuple):
    """A reservation as whole numbers. `whole`: acts are counted, so a part of one is none."""

    kind: MeterKind
    limit: int
    cost: int
    period: int
    whole: bool


def draw(state: State | None, reservation: Reservation, now: Instant) -> tuple[State, Level] | Exhausted:
    """Draw `reservation`, or say why not. Raises `Malformed` for what cannot be counted."""
    asked = _asked(reservation)
    stands = _at(state, asked, now)
    if isinstance(stands, Flow):
        owed = stands.owed + asked.cost * asked.period
        if owed <= asked.limit * asked.period:
            stands = stands._replace(owed=owed)
            return stands, _level(stands, stands, reservation, asked, now)
    elif stands.used + asked.cost <= asked.limit:
        stands = stands._replace(used=stands.used + asked.cost)
        return stands, _level(stands, stands, reservation, asked, now)
    return Exhausted(_level(stands, state, reservation, asked, now), _wait(stands, state, asked, now))


def give_back(state: State | None, reservation: Reservation, at: Instant) -> State | None:
    """Undo one draw of `reservation` that was made at `at`.

    Never more than the draw took, and nothing that time has given back already: a quota whose window is
    over gives nothing, a rate what can still be owed of it.
    """
    asked = _asked(reservation)
    if isinstance(state, Total) and asked.kind is MeterKind.TOTAL:
        return Total(max(state.used - asked.cost, 0))
    if isinstance(state, Window) and asked.kind is MeterKind.QUOTA:
        same = state.period == asked.period and state.start == at // state.period * state.period
        return state._replace(used=max(state.used - asked.cost, 0)) if same else state
    if isinstance(state, Flow) and (state.limit, state.period) == (asked.limit, asked.period):
        owing = asked.cost * asked.period - (state.at - at) * asked.limit if state.at >= at else 0
        return state._replace(owed=max(state.owed - max(owing, 0), 0))
    return state


def level(state: State | None, reservation: Reservation, now: Instant) -> Level:
    """How the meter stands. Raises `Malformed` for what cannot be counted."""
    asked = _asked(reservation)
    return _level(_at(state, asked, now), state, reservation, asked, now)


def spent(reservation: Reservation, now: Instant) -> State:
    """The state of a meter of which nothing is left at `now`."""
    asked = _asked(reservation)
    full = _at(None, asked, now)
    if isinstance(full, Flow):
        return full._replace(owed=asked.limit * asked.period)
    return full._replace(used=asked.limit)


def ends(state: State) -> Instant | None:
    """From when on the state says no more than None would. None: never."""
    if isinstance(state, Flow):
        return Instant(state.at + (_up(state.owed, state.limit) if state.owed else 0))
    if isinstance(state, Window):
        return Instant(state.start + state.period)
    return None


# -- where a meter stands


def _at(state: State | None, asked: _Asked, now: int) -> State:
    """The state at `now` under the limit asked for, before anything is drawn. A state of another kind says nothing."""
    if asked.kind is MeterKind.RATE:
        return _flow_at(state, asked, now) if isinstance(state, Flow) else Flow(now, 0, asked.limit, asked.period)
    if asked.kind is MeterKind.QUOTA:
        if isinstance(state, Window) and state.period == asked.period and now < state.start + state.period:
            return state
        return Window(now // asked.period * asked.period, asked.period, 0)
    return state if isinstance(state, Total) else Total(0)


def _flow_at(state: Flow, asked: _Asked, now: int) -> Flow:
    owed = max(state.owed - max(now - state.at, 0) * state.limit, 0)
    if owed and (state.limit, state.period) != (asked.limit, asked.period):
        owed = _up(owed * asked.limit * asked.period, state.limit * state.period)
    return Flow(max(now, state.at), owed, asked.limit, asked.period)


def _level(stands: State, state: State | None, reservation: Reservation, asked: _Asked, now: int) -> Level:
    if isinstance(stands, Flow):
        left = (asked.limit * asked.period - stands.owed) // asked.period
        full = ends(state if isinstance(state, Flow) else stands)
        return Level(reservation, amount(left, whole=asked.whole), max((full or now) - now, 0))
    left = asked.limit - stands.used
    reset = stands.start + stands.period - now if isinstance(stands, Window) else None
    return Level(reservation, amount(left, whole=asked.whole), reset)


def _wait(stands: State, state: State | None, asked: _Asked, now: int) -> int | None:
    """Milliseconds until the draw that was just refused would succeed; None: it never would.

    What is owed is paid off at the pace that it was drawn with, until the next draw succeeds.
    """
    if asked.cost > asked.limit or asked.limit == 0 or isinstance(stands, Total):
        return None
    if isinstance(stands, Window):
        return stands.start + stands.period - now
    owing = state if isinstance(state, Flow) else stands
    room = (asked.limit - asked.cost) * owing.limit * owing.period // asked.limit
    return owing.at - now + _up(owing.owed - room, owing.limit)


def _asked(reservation: Reservation) -> _Asked:
    limit, cost = units(reservation.limit, "a meter's limit"), units(reservation.cost, "a meter's cost")
    period = reservation.period
    if reservation.kind is MeterKind.TOTAL:
        period = 0
    elif period is None or not 0 < period <= LONGEST_PERIOD:
        raise Malformed("malformed_amount", "a meter's period is not between a millisecond and ten years")
    return _Asked(reservation.kind, limit, cost, period, limit % UNIT == 0 and cost % UNIT == 0)


def _up(part: int, whole: int) -> int:
    """Divided and rounded up: against whoever draws."""
    return -(-part // whole)
