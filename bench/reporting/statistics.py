"""The statistics of a run: a median, and the half of the rounds that lies closest around it.

Ratios and differences are taken within a round, between subjects that were measured one after the other, and only
then is their median taken: what slowed a whole round down is in both and falls out.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["How", "Middle", "combined", "middle"]


class How(StrEnum):
    """How a figure comes from what a subject measured and what it is held against."""

    RATIO = "ratio"
    DIFFERENCE = "difference"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Middle:
    """A median, the quartiles around it, and of how many rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def spread(self) -> float:
        """How far apart the quartiles are, as a part of the median."""
        return (self.high - self.low) / abs(self.median) if self.median else 0.0


def middle(values: Iterable[float]) -> Middle:
    """The middle of at least one value."""
    found = sorted(values)
    if len(found) == 1:
        return Middle(found[0], found[0], found[0], 1)
    low, median, high = statistics.quantiles(found, n=4, method="inclusive")
    return Middle(median, low, high, len(found))


def combined(how: How, ours: Sequence[float], beside: Sequence[float]) -> list[float]:
    """One value a round. `beside` is not looked at for a value by itself."""
    if how is How.VALUE:
        return list(ours)
    pairs = list(zip(ours, beside, strict=True))
    if how is How.DIFFERENCE:
        return [one - other for one, other in pairs]
    return [one / other for one, other in pairs if other]
