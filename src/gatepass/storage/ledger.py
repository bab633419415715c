"""The ledger of a deployment that is one process: states in memory, every draw one uninterrupted step.

No method awaits between reading a state and writing it. That is the whole of its atomicity: an `await` put there
lets two callers read the same state, and `tests/limits` turns red. What must survive a restart is written by
whoever journals the intent, and handed to `rebuild` before the first permit.

Memory is bounded. A rate or quota whose period is over is forgotten, which gives nothing back: whenever one is
added, a few of the others are looked at. Totals are kept until `forget` says that nobody can present a credential that
draws on them any more. Beyond `most` meters a new one is refused.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Final

from gatepass.access import Instant, MeterKind, Reservation
from gatepass.errors import Unavailable
from gatepass.limits import Drawn, Exhausted, Key, Level, Spent, Steady, counted_of, meters, restored

__all__ = ["InProcessLedger"]

LOOKED_AT: Final = 4
"""States that are looked at, and forgotten if they have ended, for each one that is added."""

LINGER: Final = 60_000
"""Milliseconds that a state is kept beyond its end while there is room, so that it is not added anew at each call."""

_TOTAL: Final = -1
"""What a total has for a period in its key."""


class InProcessLedger:
    """A `limits.Ledger`. Not to be shared between threads."""

    def __init__(self, *, most: int = 1_000_000, linger: int = LINGER) -> None:
        self._most = most
        self._linger = linger
        self._states: dict[Key, meters.State] = {}
        self._round: deque[Key] = deque()
        """The keys of rates and quotas, in the order in which they are looked at next."""
        self._totals: dict[str, set[Key]] = {}
        """The keys of totals, by whose they are."""
        self._steady = Steady()

    def __len__(self) -> int:
        return len(self._states)

    def rebuild(self, used: Mapping[str, Decimal], windows: Iterable[Spent] = ()) -> None:
        """Take over what is durably spent: `used` of each total, and rows of quotas. Never less than is known.

        Raises `Malformed` for a row that cannot be counted: whoever starts with it must not permit anything.
        """
        for row in chain((Spent(meter, amount) for meter, amount in used.items()), windows):
            state = restored(row)
            key = (row.meter, row.period or _TOTAL)
            known = self._states.get(key)
            if known is None or known < state:
                self._put(key, state)

    async def draw(self, reservations: Sequence[Reservation], now: Instant) -> Drawn | Exhausted:
        """See `limits.Ledger`. What is drawn twice in one call is drawn twice."""
        steady, states = self._steady, self._states
        at = steady.read(now)
        after: dict[Key, meters.State] = {}
        levels: list[Level] = []
        worst: Exhausted | None = None
        added = 0
        for reservation in reservations:
            key = counted_of(reservation).key
            state = after.get(key)
            if state is None:
                state = states.get(key)
                added += state is None
                if steady.stepped:
                    state = steady.stands(state, reservation, at)
            drawn = meters.draw(state, reservation, at)
            if isinstance(drawn, Exhausted):
                worst = drawn if worst is None else _longer(worst, drawn)
            else:
                after[key], level = drawn
                levels.append(level)
        if worst is not None:
            return worst
        if added:
            self._make_room(added, at)
            for key, state in after.items():
                self._put(key, state)
        else:
            states.update(after)
        return Drawn(tuple(reservations), tuple(levels), at)

    async def give_back(self, drawn: Drawn) -> None:
        """See `limits.Ledger`."""
        for reservation in drawn.reservations:
            key = counted_of(reservation).key
            state = meters.give_back(self._states.get(key), reservation, drawn.at)
            if state is not None:
                self._states[key] = state

    async def levels(self, reservations: Sequence[Reservation], now: Instant) -> tuple[Level, ...]:
        """See `limits.Ledger`."""
        at = self._steady.read(now)
        states = [self._steady.stands(self._states.get(counted_of(one).key), one, at) for one in reservations]
        return tuple(meters.level(state, one, at) for state, one in zip(states, reservations, strict=True))

    def forget(self, owner: str) -> None:
        """Drop the totals of `owner`, the part of their keys before `/`, when its line is over: they are given back."""
        for key in self._totals.pop(owner, ()):
            self._states.pop(key, None)

    def _put(self, key: Key, state: meters.State) -> None:
        if key not in self._states:
            if key[1] == _TOTAL:
                self._totals.setdefault(key[0].partition("/")[0], set()).add(key)
            else:
                self._round.append(key)
        self._states[key] = state

    def _make_room(self, added: int, at: Instant) -> None:
        """Forget some of what has ended; raise `Unavailable` if `added` states more are too many."""
        before = at - self._linger if len(self._states) < self._most // 2 else at
        for _ in range(min(LOOKED_AT * added, len(self._round))):
            key = self._round.popleft()
            state = self._states.get(key)
            end = None if state is None else state.ends()
            if end is not None and end <= before:
                del self._states[key]
                self._steady.forgot(MeterKind.QUOTA if key[1] else MeterKind.RATE, end)
            elif state is not None:
                self._round.append(key)
        if len(self._states) + added > self._most:
            raise Unavailable("limits_unavailable", "there are more meters than can be kept")


def _longer(one: Exhausted, other: Exhausted) -> Exhausted:
    if one.retry_after is None or (other.retry_after is not None and other.retry_after <= one.retry_after):
        return one
    return other
