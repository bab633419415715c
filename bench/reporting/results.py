"""A run's result as it is kept: every sample of every subject, and all that a reader has to know of the run.

One file a commit and day under `bench/results/`; a row that is run again takes the place of what it was. Everything
that is printed can be made again from the file.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.reporting.statistics import How, Middle, combined, middle

__all__ = ["RESULTS", "Figure", "Goal", "Measured", "Result", "RowResult", "committed"]

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "bench" / "results"
MARGIN: Final = 1.15
"""What a goal allows for noise before it counts as missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal of the design: what of whom, held against whom, and how much it may be."""

    number: int
    what: str
    metric: str
    subject: str
    beside: str | None = None
    how: How = How.RATIO
    bound: float
    at_most: bool = True
    unit: str = "x"

    def holds(self, value: float, margin: float = 1.0) -> bool:
        """Whether a value is within the bound, with this much to spare."""
        return value <= self.bound * margin if self.at_most else value >= self.bound / margin


@dataclass(frozen=True, slots=True)
class Measured:
    """One subject of a row: what it was, and its samples, one a round for each metric."""

    name: str
    version: str = ""
    settings: str = ""
    ready_s: float | None = None
    samples: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """A goal, and what this run has to say of it."""

    goal: Goal
    value: Middle

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.goal.holds(self.value.median):
            return "met"
        return "within 15 %" if self.goal.holds(self.value.median, MARGIN) else "missed"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What one row came to."""

    name: str
    title: str
    rounds: int
    load_average: float
    subjects: tuple[Measured, ...]
    goals: tuple[Goal, ...]
    shows: Mapping[str, str]
    """Metrics that the table shows, with their headings."""
    floor: str | None = None
    """Whose figures the others are set against."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Who has no figure, and why."""
    facts: Mapping[str, str] = field(default_factory=dict)

    def subject(self, name: str) -> Measured | None:
        """One of them, if it ran."""
        return next((one for one in self.subjects if one.name == name), None)

    def figures(self) -> Iterator[Figure]:
        """Every goal whose subjects ran."""
        for goal in self.goals:
            values = self.values(goal)
            if values:
                yield Figure(goal, middle(values))

    def values(self, goal: Goal) -> list[float]:
        """What each round said of a goal; nothing when somebody who is needed did not run."""
        ours, beside = self.subject(goal.subject), self.subject(goal.beside or goal.subject)
        if ours is None or beside is None:
            return []
        return combined(goal.how, ours.samples.get(goal.metric, []), beside.samples.get(goal.metric, []))

    def why_not(self, goal: Goal) -> str:
        """Why there is no figure for a goal."""
        reasons = (self.absent.get(name) for name in (goal.subject, goal.beside or ""))
        return next((reason for reason in reasons if reason), "it did not run")


@dataclass(slots=True)
class Result:
    """A run."""

    machine: dict[str, Any]
    disk: dict[str, Any]
    conditions: dict[str, str]
    rows: list[RowResult] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What its file is called, without the ending."""
        return f"{self.machine['date']}-{self.machine['commit']}"

    def put(self, row: RowResult, order: tuple[str, ...]) -> None:
        """Add a row, or put it in the place of what it was."""
        kept = [one for one in self.rows if one.name != row.name]
        self.rows = sorted([*kept, row], key=lambda one: order.index(one.name))

    def save(self, path: Path) -> None:
        """Write it whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, text: str) -> "Result":
        """Read what `save` wrote."""
        told = json.loads(text)
        return cls(told["machine"], told["disk"], told["conditions"], [_row(row) for row in told["rows"]])


def _row(told: dict[str, Any]) -> RowResult:
    goals = tuple(Goal(**{**goal, "how": How(goal["how"])}) for goal in told["goals"])
    subjects = tuple(Measured(**subject) for subject in told["subjects"])
    return RowResult(**{**told, "goals": goals, "subjects": subjects})


def committed(folder: Path = RESULTS) -> Result | None:
    """The newest result that is committed, as it was committed; None where there is none."""
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*words: str) -> str:
        done = subprocess.run([git, "-C", folder.parent, *words], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    names = ask("log", "-1", "--format=", "--name-only", "--diff-filter=AM", "--", f"{folder.name}/*.json").split()
    if not names:
        return None
    text = ask("show", f"HEAD:{max(names)}")
    return Result.load(text) if text else None
