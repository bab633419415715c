"""How every verifier learns of what was issued and withdrawn: numbered changes, and a heartbeat.

A `Feed` hands each change to every follower in the order of its number. `Embedded` is the feed of a deployment that
is one process: what is published there has reached every follower when `publish` returns. A feed between
processes keeps to the same Protocol, and cannot promise that; that is what `Freshness` is for.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gatepass.revocation.events import Event
from gatepass.revocation.freshness import Freshness
from gatepass.revocation.live import Live

__all__ = ["Change", "Embedded", "Feed", "Follower", "Listener"]


@dataclass(frozen=True, slots=True)
class Change:
    """One event and its place: numbers begin at 1 and leave nothing out."""

    sequence: int
    event: Event


class Listener(Protocol):
    """Whoever follows a feed. `now` is in milliseconds of a monotonic clock."""

    def changed(self, change: Change, now: int) -> None:
        """Something was issued, withdrawn or reinstated."""
        ...

    def beat(self, sequence: int, now: int) -> None:
        """The feed is alive, and `sequence` is its latest change."""
        ...


class Feed(Protocol):
    """Where followers hear of changes."""

    def since(self, sequence: int) -> tuple[Change, ...] | None:
        """The changes after `sequence`, in order. None when they are not kept any more: start over from the store."""
        ...

    def follow(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of everything from now on, until the returned function is called."""
        ...


class Embedded:
    """A `Feed` within one process."""

    def __init__(self, *, kept: int = 10_000) -> None:
        self._changes: deque[Change] = deque(maxlen=kept)
        self._latest = 0
        self._listeners: list[Listener] = []

    def publish(self, event: Event, now: int) -> Change:
        """Give `event` its number and hand it to every follower before returning."""
        self._latest += 1
        change = Change(self._latest, event)
        self._changes.append(change)
        for listener in tuple(self._listeners):
            listener.changed(change, now)
        return change

    def beat(self, now: int) -> None:
        """Tell every follower that this feed is alive. To be called every `HEARTBEAT`."""
        for listener in tuple(self._listeners):
            listener.beat(self._latest, now)

    def since(self, sequence: int) -> tuple[Change, ...] | None:
        """See `Feed`."""
        if sequence > self._latest or sequence < self._latest - len(self._changes):
            return None
        return tuple(change for change in self._changes if change.sequence > sequence)

    def follow(self, listener: Listener) -> Callable[[], None]:
        """See `Feed`."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave


class Follower:
    """Keeps a live list up to date with a feed, and knows when it is not."""

    def __init__(self, live: Live, feed: Feed) -> None:
        self._live = live
        self._feed = feed
        self.freshness = Freshness()

    def start(self, sequence: int, now: int) -> Callable[[], None]:
        """Follow, from a live list that holds everything up to `sequence`. Returns how to stop."""
        leave = self._feed.follow(self)
        self._catch_up(sequence, now)
        return leave

    def changed(self, change: Change, now: int) -> None:
        """Take over a change; if some are missing, those first."""
        if self.freshness.change(change.sequence, now):
            self._live.apply(change.event)
        elif self.freshness.stale(now) and self.freshness.sequence is not None:
            self._catch_up(self.freshness.sequence, now)

    def beat(self, sequence: int, now: int) -> None:
        """Note that the feed is alive; if it knows of more, read that."""
        if not self.freshness.beat(sequence, now) and self.freshness.sequence is not None:
            self._catch_up(self.freshness.sequence, now)

    def _catch_up(self, sequence: int, now: int) -> None:
        """Read what was missed. Where the feed does not have it any more, this process stays stale."""
        missed = self._feed.since(sequence)
        if missed is None:
            return
        for change in missed:
            self._live.apply(change.event)
        self.freshness.caught_up(missed[-1].sequence if missed else sequence, now)
