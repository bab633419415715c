"""The tables that people read: the goals, the subjects of each row, who is absent and why, under what conditions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.reporting.comparing import Change
from bench.reporting.results import RESULTS, Figure, Measured, Result, RowResult
from bench.reporting.statistics import How, Middle, combined, middle

__all__ = ["BEGIN", "END", "LATEST", "README", "block_of", "document", "put_into_readme", "summary"]

README: Final = Path(__file__).parents[2] / "README.md"
LATEST: Final = RESULTS / "latest.md"
BEGIN: Final = "<!-- figures: written by scripts/bench -->"
END: Final = "<!-- end of figures -->"
SUMMARISED: Final = ("rest", "mcp")
"""Rows whose subjects stand in the README."""


def document(result: Result, changes: Sequence[Change] = ()) -> str:
    """The whole report, as it stands in `bench/results/latest.md`."""
    parts = [f"# Figures of {result.machine['date']}", "", f"From `{result.name}.json`, which holds every sample.", ""]
    parts += [BEGIN, summary(result), END, "", "## Conditions", "", *_conditions(result), ""]
    parts += ["## Every row", ""]
    for row in result.rows:
        parts += [*_row(row), ""]
    if changes:
        parts += ["## Since the last committed result", "", *map(str, changes), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def summary(result: Result) -> str:
    """What the README shows: the run in a sentence, every goal, and the hops beside their peers."""
    machine, disk = result.machine, result.disk
    rounds = sorted({row.rounds for row in result.rows}) or [0]
    said = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    run = (
        f"Run of {machine['date']} at `{machine['commit']}`: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['kernel']}, Python {machine['python']}, {disk['filesystem']} on {disk['device']} with "
        f"{disk['fdatasync_ms']:.2f} ms an fdatasync; medians of {said} interleaved rounds."
    )
    lines = [
        run,
        "",
        *_table(("#", "goal", "figure", "half of the rounds", "bound", ""), _goals(result)),
    ]
    for row in result.rows:
        if row.name in SUMMARISED:
            lines += ["", f"{row.title}:", "", *_table(_headings(row), _subjects(row))]
    return "\n".join(lines)


def put_into_readme(text: str, result: Result) -> str:
    """The README with the figures of this result between its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the README has no place for the figures")
    return f"{before}{BEGIN}\n{summary(result)}\n{END}{after}"


def block_of(text: str) -> str:
    """What stands between the marks of a document."""
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    size = abs(value)
    if size >= 1000:
        return f"{round(value, 3 - len(str(int(size)))):,.0f}" if size >= 10_000 else f"{value:,.0f}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:.{digits}f}"


def _goals(result: Result) -> Iterator[tuple[str, ...]]:
    for row in result.rows:
        told = {figure.goal: figure for figure in row.figures()}
        for goal in row.goals:
            bound = f"{'≤' if goal.at_most else '≥'} {number(goal.bound)} {goal.unit}"
            figure = told.get(goal)
            if figure is None:
                yield str(goal.number), goal.what, "", "", bound, f"no figure: {row.why_not(goal)}"
            else:
                yield str(goal.number), goal.what, _with_unit(figure), _half(figure.value), bound, _verdict(figure)


def _with_unit(figure: Figure) -> str:
    return f"{number(figure.value.median)} {figure.goal.unit}"


def _verdict(figure: Figure) -> str:
    return figure.verdict if figure.verdict == "met" else f"**{figure.verdict}**"


def _half(value: Middle) -> str:
    return f"{number(value.low)} to {number(value.high)}"


def _row(row: RowResult) -> Iterator[str]:
    numbers = ", ".join(str(number) for number in sorted({goal.number for goal in row.goals}))
    yield f"### {row.title}"
    yield ""
    yield f"`scripts/bench {row.name}`, goal {numbers}; {row.rounds} rounds, load average {row.load_average:.1f}."
    yield "".join(f" {name}: {fact}." for name, fact in row.facts.items()).strip()
    yield ""
    yield from _table(_headings(row), _subjects(row))
    told = [subject for subject in row.subjects if subject.settings]
    if told or row.absent:
        yield ""
    for subject in told:
        ready = f"; first right answer after {number(subject.ready_s)} s" if subject.ready_s else ""
        yield f"- {subject.name}{f' {subject.version}' if subject.version else ''}: {subject.settings}{ready}"
    for name, reason in row.absent.items():
        yield f"- **{name}: no figure.** {_plain(reason)}"


def _plain(text: str) -> str:
    """Text of somebody else's, so that it stays in its line and is not read as a table or as markup."""
    return " ".join(text.replace("|", "/").replace("<", "(").replace(">", ")").replace("`", "'").split())


def _headings(row: RowResult) -> tuple[str, ...]:
    beside = (f"against {row.floor}",) if row.floor else ()
    return ("", *tuple(row.shows.values())[:1], *beside, *tuple(row.shows.values())[1:])


def _subjects(row: RowResult) -> Iterator[tuple[str, ...]]:
    first, *others = row.shows
    floor = row.subject(row.floor) if row.floor else None
    for subject in row.subjects:
        cells = [f"{subject.name} {subject.version}".strip(), _cell(subject, first)]
        if row.floor:
            cells.append(_against(subject, floor, first))
        yield (*cells, *(_cell(subject, metric) for metric in others))


def _cell(subject: Measured, metric: str) -> str:
    samples = subject.samples.get(metric)
    if not samples:
        return ""
    one = middle(samples)
    return f"{number(one.median)} (± {one.spread / 2:.0%})" if one.rounds > 1 else number(one.median)


def _against(subject: Measured, floor: Measured | None, metric: str) -> str:
    if floor is None or metric not in subject.samples or metric not in floor.samples:
        return ""
    ratios = combined(How.RATIO, subject.samples[metric], floor.samples[metric])
    return f"{number(middle(ratios).median)} x" if ratios else ""


def _conditions(result: Result) -> Iterator[str]:
    for name, value in {**result.machine, **{f"disk: {key}": value for key, value in result.disk.items()}}.items():
        yield f"- {name}: {value}"
    for name, said in result.conditions.items():
        yield f"- {name}: {said}"


def _table(headings: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "| --- " * len(headings) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
