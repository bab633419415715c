"""The recipe: `scripts/bench [ROW...] [--quick] [--rounds N]`.

Every row is written to the result's file as soon as it is done, so that a run that was interrupted is gone on with
(`--resume`). A quick run tries everything with little of it and writes nothing that is committed.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final

from bench.load import Loading
from bench.peers.subjects import Ground
from bench.reporting.comparing import changes, worse
from bench.reporting.results import RESULTS, Figure, Measured, Result, RowResult, committed
from bench.reporting.tables import LATEST, README, document, put_into_readme, summary
from bench.rows.calling import CALLING
from bench.rows.contest import Row, Size, contested
from bench.rows.deciding import DECIDING, PERMISSIONS
from bench.rows.hops import DURABLE, LATENCY, MCP, REST
from bench.rows.journalling import JOURNAL
from bench.rows.revoking import REVOCATION
from bench.rows.starting import START
from bench.stage import Cores, Disk, Failed, Machine

ROWS: Final = {
    row.name: row for row in (DECIDING, CALLING, REST, LATENCY, DURABLE, JOURNAL, PERMISSIONS, MCP, REVOCATION, START)
}
ROOT: Final = Path(__file__).parents[1]
WORK: Final = ROOT / ".bench"
ROUNDS: Final = 7
QUICK_ROUNDS: Final = 2
MOST_LOAD: Final = 0.5
"""A load average before the run over which others are at work here."""
ON: Final = (
    "durability, limits, redaction and the journal on; secrets sealed in custody and injected; no TLS for anybody"
)


def say(text: str) -> None:
    """Progress, for people."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def main() -> int:
    asked = _asked()
    signal.signal(signal.SIGTERM, _stopped)
    size, rounds = Size(asked.quick), asked.rounds or (QUICK_ROUNDS if asked.quick else ROUNDS)
    if asked.quick:
        shutil.rmtree(WORK / "quick", ignore_errors=True)
    machine, before = Machine.here(), committed()
    where = (asked.results or (WORK / "quick" if asked.quick else RESULTS)).resolve()
    target = where / f"{machine.date}-{machine.commit}.json"
    home = (asked.folder or WORK).resolve()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="run-") as folder:
        result = _result(target, machine, Path(folder), size)
        done = {row.name for row in result.rows} if asked.resume else set()
        for name in asked.rows or ROWS:
            if name not in done:
                result.put(_run(ROWS[name], Path(folder), size, rounds), tuple(ROWS))
                result.save(target)
    found = list(changes(before, result))
    text = document(result, found)
    if where == RESULTS:
        README.write_text(put_into_readme(README.read_text(), result))
    (where / LATEST.name).write_text(text)
    say(f"written: {target}{', latest.md beside it, the figures of the README' if where == RESULTS else ''}")
    sys.stdout.write(f"{text if asked.verbose else summary(result)}\n")
    for change in found:
        sys.stdout.write(f"{change}\n")
    return 1 if asked.gate and (worse(found) or _missed(result)) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="little of everything, and nothing is kept")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS}, or {QUICK_ROUNDS} when quick")
    parser.add_argument("--resume", action="store_true", help="leave out rows that this commit's result of today has")
    parser.add_argument("--folder", type=Path, help="where data folders go: the disk is part of what is measured")
    parser.add_argument("--results", type=Path, help="where the result goes, in the place of bench/results")
    parser.add_argument("--verbose", action="store_true", help="print every row, not only the summary")
    parser.add_argument(
        "--gate", action="store_true", help="exit 1 when a goal is missed by over 15 %% or a figure got worse"
    )
    return parser.parse_args()


def _stopped(_number: int, _frame: FrameType | None) -> None:
    """A run that is told to end ends what it started."""
    raise KeyboardInterrupt


def _result(target: Path, machine: Machine, folder: Path, size: Size) -> Result:
    """The one that is gone on with, or a new one."""
    if target.exists():
        return Result.load(target.read_text())
    cores = Cores.divided()
    load = os.getloadavg()[0]
    apart = f"subject on core {min(cores.subject)}, load and upstream on core {min(cores.load)}"
    conditions = {
        "what was on": ON,
        "cores": apart if cores.apart else "one core for subject and load: figures are worth little",
        "load average before": f"{load:.2f}" + (": others were at work on this machine" if load > MOST_LOAD else ""),
        "size": "quick: figures are worth little" if size.quick else "full",
    }
    return Result(asdict(machine), asdict(Disk.under(folder)), conditions)


def _run(row: Row, folder: Path, size: Size, rounds: int) -> RowResult:
    """One row, from its start to its end."""
    begun = time.monotonic()
    say(f"{row.name}: {row.title}")
    here, cores = folder / row.name, Cores.divided()
    here.mkdir()
    facts: dict[str, str] = {}
    absent: dict[str, str] = {}
    subjects: tuple[Measured, ...] = ()
    with Loading.opened(cores, here) as loading:
        try:
            with row.open(Ground(here, cores, loading), size, say) as contest:
                subjects = contested(contest, rounds, say)
                facts, absent = contest.facts, contest.absent
        except (Failed, OSError) as failed:
            absent = {name: str(failed) for goal in row.goals for name in (goal.subject,)} | absent
            say(f"    no figures: {failed}")
    shutil.rmtree(here)
    done = RowResult(
        name=row.name,
        title=row.title,
        rounds=rounds,
        load_average=round(os.getloadavg()[0], 2),
        subjects=subjects,
        goals=row.goals,
        shows=row.shows,
        floor=row.floor,
        absent=absent,
        facts=facts,
    )
    for figure in done.figures():
        say(f"    {_line(figure)}")
    say(f"    done in {time.monotonic() - begun:.0f} s")
    return done


def _line(figure: Figure) -> str:
    value, goal = figure.value, figure.goal
    return f"{goal.what}: {value.median:.3g} {goal.unit} ({value.low:.3g} to {value.high:.3g}), {figure.verdict}"


def _missed(result: Result) -> bool:
    return any(figure.verdict == "missed" for row in result.rows for figure in row.figures())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped; everything that it had started is ended")
        sys.exit(130)
