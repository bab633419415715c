"""What got worse since the last committed result, by more than the noise of the two runs.

Only figures of goals are compared, and they are ratios wherever they can be: a slower machine is no regression. The
noise is how far apart the quartiles of the rounds are, in this run or the last one, and never under a twentieth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.reporting.results import Goal, Result

__all__ = ["Change", "changes", "worse"]

LEAST_NOISE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """A goal's figure then and now."""

    goal: Goal
    before: float
    now: float
    noise: float

    @property
    def worsening(self) -> float:
        """How much worse it is, as a part of what it was; negative where it is better."""
        if not self.before or not self.now:
            return 0.0
        ratio = self.now / self.before if self.goal.at_most else self.before / self.now
        return ratio - 1

    @property
    def worse(self) -> bool:
        """Whether it is worse by more than the noise."""
        return self.worsening > self.noise

    def __str__(self) -> str:
        word = "**worse**" if self.worse else "better" if self.worsening < -self.noise else "as before"
        return (
            f"- goal {self.goal.number}, {self.goal.what}: {self.before:.3g} {self.goal.unit} → "
            f"{self.now:.3g} {self.goal.unit}, {word} (noise {self.noise:.0%})"
        )


def changes(before: Result | None, now: Result) -> Iterator[Change]:
    """Every figure that both have."""
    if before is None or before.name == now.name:
        return
    known = {(row.name, figure.goal.what): figure for row in before.rows for figure in row.figures()}
    for row in now.rows:
        for figure in row.figures():
            then = known.get((row.name, figure.goal.what))
            if then is not None:
                noise = max(LEAST_NOISE, figure.value.spread, then.value.spread)
                yield Change(figure.goal, then.value.median, figure.value.median, noise)


def worse(found: list[Change]) -> list[Change]:
    """Those that a person has to look at."""
    return [change for change in found if change.worse]
