"""What the live snapshot is told, and when.

A change is announced after it is on the disk: nothing is permitted that a restart would forget. A withdrawal
is announced before: nothing is permitted any more once its answer is out, whatever the disk does. Withdrawals
speak in the words of `revocation`, whose live list they are for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gatepass.administration.store import LiveRecord, Trust
from gatepass.revocation import Reinstated, Withdrawn

__all__ = ["Announce", "Announcement", "Put", "Removed"]


@dataclass(frozen=True, slots=True)
class Put:
    """The record is new, or it replaces the one of the same id."""

    record: LiveRecord | Trust


@dataclass(frozen=True, slots=True)
class Removed:
    """The record is gone. Never a token's: those are withdrawn, and dropped when their life is over."""

    record: LiveRecord | Trust


Announcement: TypeAlias = Put | Removed | Withdrawn | Reinstated
Announce: TypeAlias = Callable[[Announcement], None]
"""Tells the live snapshot, synchronously: when it returns, the next decision knows."""
