"""Failed verifications, counted rather than listed: strangers can neither fill the disk nor hide.

Whoever presents a credential that is not ours gets a refusal, and one line a minute and source in the
journal says how often and why. Memory is bounded: past `MOST_SOURCES` in a minute, the rest share one
line with no source. Time is an argument.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import CredentialId, Instant, Outcome
from gatepass.audit import Entry

__all__ = ["MOST_SOURCES", "Strangers"]

MINUTE: Final = 60_000
MOST_SOURCES: Final = 1024
"""Sources that get a line of their own in one minute; the rest are summed up under no source."""


@dataclass(slots=True)
class Strangers:
    """Counts of refusals in the current minute, by event, source and credential."""

    _minute: int = 0
    _counts: dict[tuple[str, str | None, CredentialId | None], Counter[str]] = field(default_factory=dict)

    def count(
        self, event: str, code: str, source: str | None, credential: CredentialId | None, now: Instant
    ) -> tuple[Entry, ...]:
        """Count one refusal. Returns the summaries of the minute that has ended, if it just did."""
        ended = self.turn(now)
        key = (event, source, credential)
        if key not in self._counts and len(self._counts) >= MOST_SOURCES:
            key = (event, None, None)
        self._counts.setdefault(key, Counter())[code] += 1
        return ended

    def turn(self, now: Instant) -> tuple[Entry, ...]:
        """Close the minute if another has begun. Called now and then, lest the last one wait for the next refusal."""
        minute = now // MINUTE
        if minute == self._minute:
            return ()
        entries = self.close(now)
        self._minute = minute
        return entries

    def close(self, now: Instant) -> tuple[Entry, ...]:
        """Hand out what was counted, and begin anew."""
        counts, self._counts = self._counts, {}
        return tuple(
            Entry(
                at=now,
                event=event,
                outcome=Outcome.DENY,
                source=source,
                credential=credential,
                details=_details(counter),
            )
            for (event, source, credential), counter in counts.items()
        )


def _details(counter: Mapping[str, int]) -> dict[str, str]:
    return {code: str(count) for code, count in sorted(counter.items())}
