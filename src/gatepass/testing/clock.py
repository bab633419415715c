"""Time that passes when somebody says so, and randomness that is the same in every run."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from gatepass.access import Instant

__all__ = ["START", "Clock", "Numbered"]

START: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""A Tuesday, noon."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Clock:
    """A clock turned by hand. Called, it gives the instant in milliseconds, as rooms want it."""

    def __init__(self, at: datetime = START, turned: Callable[[], None] = lambda: None) -> None:
        """`turned` is called whenever the time has changed."""
        self._at = _instant(at)
        self._turned = turned

    def __call__(self) -> Instant:
        """The instant, in milliseconds since 1970."""
        return self._at

    @property
    def now(self) -> datetime:
        """The time, UTC."""
        return _EPOCH + self._at * _MILLISECOND

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, milliseconds: float = 0
    ) -> None:
        """Let time pass, and have everything done that is due. Below 0 the clock is set back, as clocks are."""
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        self._at = Instant(self._at + span // _MILLISECOND)
        self._turned()

    def set(self, at: datetime) -> None:
        """Make it `at`, which says its time zone, and have everything done that is due."""
        self._at = _instant(at)
        self._turned()


class Numbered:
    """Randomness that repeats: each draw differs, each run is the same. For tests and nothing else."""

    def __init__(self, seed: int | bytes = 0) -> None:
        self._seed = seed if isinstance(seed, bytes) else str(seed).encode()
        self._draws = 0

    def __call__(self, size: int) -> bytes:
        """The next `size` bytes."""
        self._draws += 1
        return hashlib.shake_256(self._seed + b"\0" + str(self._draws).encode()).digest(size)


def _instant(at: datetime) -> Instant:
    if at.tzinfo is None:
        raise ValueError("the clock is set to a time that says its time zone")
    return Instant((at - _EPOCH) // _MILLISECOND)
