"""Whether a process still hears of withdrawals. If not, it must not permit.

The law: fresh is only who heard the latest change, and heard something within `STALE`. A gap, a beat that names a
change that was never heard, a number that runs backwards, or silence make it stale; only catching up mends the
first three.

Instants here are milliseconds of a monotonic clock: its zero means nothing, and it never steps.
"""

from typing import Final

__all__ = ["HEARTBEAT", "STALE", "Freshness"]

HEARTBEAT: Final = 250
"""Milliseconds between two signs of life of a feed."""
STALE: Final = 750
"""Milliseconds of silence after which a process stops permitting."""


class Freshness:
    """What one follower has heard of one feed."""

    __slots__ = ("_behind", "_heard_at", "_sequence")

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._heard_at: int | None = None
        self._behind = True

    @property
    def sequence(self) -> int | None:
        """The latest change that was taken over."""
        return self._sequence

    def caught_up(self, sequence: int, now: int) -> None:
        """Everything up to `sequence` was read and taken over."""
        self._sequence, self._heard_at, self._behind = sequence, now, False

    def change(self, sequence: int, now: int) -> bool:
        """A change arrived. Whether it is the next one, to be taken over."""
        if self._behind or self._sequence is None:
            return False
        if sequence == self._sequence + 1:
            self._sequence, self._heard_at = sequence, now
            return True
        self._behind = sequence > self._sequence + 1
        return False

    def beat(self, sequence: int, now: int) -> bool:
        """A sign of life arrived that names the latest change. Whether that was heard."""
        if self._behind or sequence != self._sequence:
            self._behind = True
            return False
        self._heard_at = now
        return True

    def stale(self, now: int) -> bool:
        """Whether this process must not permit."""
        return self._behind or self._heard_at is None or not 0 <= now - self._heard_at <= STALE
