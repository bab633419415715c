"""One way for every row: subjects take turns, round after round, each held still while the others are measured.

The order turns by one place a round, so that nobody always follows the same one. A subject that fails is out of the
row from then on, with its reason in the place of its figures; the others go on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bench.load import Load
from bench.peers.subjects import Ground, Opening, Subject
from bench.reporting.results import Goal, Measured
from bench.stage import Failed

__all__ = ["Contest", "Measuring", "Opens", "Row", "Say", "Size", "Taker", "contested", "nothing", "opened"]

Say: TypeAlias = Callable[[str], None]
"""Where progress goes."""
Measuring: TypeAlias = Callable[[], Mapping[str, float]]
"""Measures a subject once: its metrics."""
Opens: TypeAlias = "Callable[[Ground, Size, Say], AbstractContextManager[Contest]]"
"""Gets a row's subjects ready, for the length of a block."""


def nothing() -> None:
    """What there is to hold of a subject that does not run by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """One who takes turns."""

    measure: Measuring
    version: str = ""
    settings: str = ""
    ready_s: float | None = None
    hold: Callable[[], None] = nothing
    release: Callable[[], None] = nothing


@dataclass(slots=True)
class Contest:
    """Everybody who is ready, and those who are not."""

    takers: dict[str, Taker] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: all of it, or so little that it takes a few minutes."""

    quick: bool

    def seconds(self, full: float) -> float:
        """Of load, for one subject in one round."""
        return full / 4 if self.quick else full

    def many(self, full: int, quick: int) -> int:
        """Of things that are made or repeated."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a run."""

    name: str
    title: str
    goals: tuple[Goal, ...]
    shows: Mapping[str, str]
    open: "Opens"
    floor: str | None = None


def contested(contest: Contest, rounds: int, say: Say) -> tuple[Measured, ...]:
    """Let everybody take their turns; whoever fails moves to the absent."""
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in contest.takers}
    for taker in contest.takers.values():
        taker.hold()
    for number in range(rounds):
        names = [name for name in contest.takers if name not in contest.absent]
        turned = names[number % len(names) :] + names[: number % len(names)] if names else []
        for name in turned:
            taker = contest.takers[name]
            taker.release()
            try:
                for metric, value in taker.measure().items():
                    samples[name].setdefault(metric, []).append(value)
            except (Failed, OSError) as failed:
                contest.absent[name] = f"in round {number + 1}: {failed}"
                say(f"    {name}: {contest.absent[name]}")
            finally:
                taker.hold()
        say(f"    round {number + 1} of {rounds}")
    for taker in contest.takers.values():
        taker.release()
    return tuple(
        Measured(name, taker.version, taker.settings, taker.ready_s, samples[name])
        for name, taker in contest.takers.items()
        if name not in contest.absent
    )


@contextmanager
def opened(ground: Ground, openings: Mapping[str, Opening], loads: Mapping[str, Load], say: Say) -> Iterator[Contest]:
    """Start every program that can be started. Each load's metrics get its name before theirs, where it has one."""
    contest = Contest()
    with ExitStack() as running:
        for name, opening in openings.items():
            say(f"    starting {name}")
            try:
                subject = running.enter_context(opening(ground))
            except (Failed, OSError) as failed:
                contest.absent[name] = str(failed)
                say(f"    {name}: no figure: {failed}")
                continue
            contest.takers[name] = Taker(
                measure=_loaded(ground, subject, loads),
                version=subject.version,
                settings=subject.settings,
                ready_s=round(subject.ready_s, 2),
                hold=subject.started.hold,
                release=subject.started.release,
            )
            subject.started.hold()
        yield contest


MEGABYTE: Final = 1e6


def _loaded(ground: Ground, subject: Subject, loads: Mapping[str, Load]) -> Measuring:
    def measure() -> Mapping[str, float]:
        found: dict[str, float] = {}
        for prefix, load in loads.items():
            asked = ground.loading.ask(subject.started, subject.exchange, load)
            found |= {f"{prefix}{metric}": value for metric, value in asked.figures.items()}
        return {**found, "memory_mb": subject.started.memory() / MEGABYTE}

    return measure
