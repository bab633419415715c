"""The harness on real programs: turns, held peers, wrong answers, dead peers, and a quick row from end to end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.load import Exchange, Load, Loading
from bench.load.upstream import KEY, MARK
from bench.peers.installing import LOCKS, version_of
from bench.peers.subjects import Ground, Subject, mcp_exchange, rest_exchange
from bench.reporting.results import Result
from bench.rows.contest import Contest, Taker, contested, opened
from bench.stage import Cores, Failed, start, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    cores = Cores.divided()
    with Loading.opened(cores, tmp_path) as loading:
        yield Ground(tmp_path, cores, loading)


def quiet(text: str) -> None:
    """Progress that nobody reads."""


def upstream_itself(ground: Ground, exchange: Exchange, name: str = "direct") -> Subject:
    """The upstream as its own subject: the shortest way there is."""
    return Subject(name=name, started=ground.loading.upstream, exchange=exchange, version="", settings="")


KEYED = {"Authorization": f"Bearer {KEY}"}


def test_a_stretch_of_right_answers_is_counted_and_timed(ground: Ground) -> None:
    for exchange in (
        rest_exchange(ground.upstream_port, headers=KEYED),
        mcp_exchange(ground.upstream_port, "/mcp", headers=KEYED, keyed=True),
        mcp_exchange(ground.upstream_port, "/mcp", headers=KEYED, modern=False),
    ):
        asked = ground.loading.ask(ground.loading.upstream, exchange, Load(3, 0.05, warm=0.01, least=50))
        assert asked.answers >= 50
        assert 0 < asked.p50 <= asked.p99
        assert asked.figures["per_second"] > 0


@pytest.mark.parametrize(
    ("headers", "holds", "lacks", "why"),
    [
        ({}, MARK, (), "saw its key 0 times"),
        (KEYED, "never said", (), "wrong answer: status 200"),
        (KEYED, MARK, ('"currency"',), "wrong answer: status 200"),
    ],
)
def test_what_answers_wrongly_has_no_figure(
    ground: Ground, headers: dict[str, str], holds: str, lacks: tuple[str, ...], why: str
) -> None:
    right = rest_exchange(ground.upstream_port, headers=headers)
    exchange = Exchange(
        port=right.port, path=right.path, body=right.body, headers=headers, holds=holds, lacks=lacks, keyed=True
    )
    with pytest.raises(Failed, match=why):
        ground.loading.ask(ground.loading.upstream, exchange, Load(1, 0.02, warm=0.01))


def test_answers_that_the_upstream_did_not_see_are_no_figure(ground: Ground) -> None:
    right = rest_exchange(ground.upstream_port)
    elsewhere = Exchange(
        port=right.port, path=right.path, body=b"", headers=KEYED, holds=MARK, counted="calls", keyed=True
    )
    with pytest.raises(Failed, match="of which the upstream saw 0"):
        ground.loading.ask(ground.loading.upstream, elsewhere, Load(1, 0.02, warm=0.01))


def test_a_peer_that_cannot_be_started_is_reported_and_stops_nobody(ground: Ground) -> None:
    @contextmanager
    def missing(ground: Ground) -> Iterator[Subject]:
        with start("peer", ("/no/such/program",), folder=ground.folder, cores=ground.cores.subject):
            yield upstream_itself(ground, rest_exchange(ground.upstream_port))

    @contextmanager
    def dying(ground: Ground) -> Iterator[Subject]:
        command = (sys.executable, "-c", "import sys; sys.exit('no licence')")
        with start("peer", command, folder=ground.folder, cores=ground.cores.subject) as started:
            until(started, lambda: "not yet")
            yield upstream_itself(ground, rest_exchange(ground.upstream_port))

    @contextmanager
    def direct(ground: Ground) -> Iterator[Subject]:
        with start("idle", ("/bin/sleep", "600"), folder=ground.folder, cores=ground.cores.subject) as started:
            asked = rest_exchange(ground.upstream_port, headers=KEYED)
            yield Subject(name="direct", started=started, exchange=asked, version="1", settings="")

    openings = {"missing": missing, "dying": dying, "direct": direct}
    with opened(ground, openings, {"": Load(1, 0.02, warm=0.01)}, quiet) as contest:
        measured = contested(contest, 2, quiet)
    assert [one.name for one in measured] == ["direct"]
    assert len(measured[0].samples["cpu_us"]) == 2
    assert contest.absent["missing"] == "cannot be started: No such file or directory"
    assert "ended with code 1" in contest.absent["dying"]
    assert "no licence" in contest.absent["dying"]


def test_everybody_takes_turns_and_whoever_fails_is_out() -> None:
    order: list[str] = []

    def turn(name: str) -> dict[str, float]:
        order.append(name)
        if name == "b" and order.count("b") == 2:
            raise Failed("it broke")
        return {"cpu_us": float(len(order))}

    def held(name: str) -> Taker:
        return Taker(
            measure=lambda: turn(name),
            hold=lambda: order.append(f"{name} held"),
            release=lambda: order.append(f"{name} free"),
        )

    contest = Contest(takers={name: held(name) for name in "ab"})
    measured = contested(contest, 3, quiet)
    turns = [step for step in order if len(step) == 1]
    assert turns == ["a", "b", "b", "a", "a"]
    assert order[2:5] == ["a free", "a", "a held"]
    assert [(one.name, len(one.samples["cpu_us"])) for one in measured] == [("a", 3)]
    assert contest.absent == {"b": "in round 2: it broke"}


def test_a_program_is_measured_and_ended_with_everything_that_it_started(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
    busy = "sum(range(4_000_000)); open('done', 'w').close(); import time; time.sleep(600)"
    pids: list[int] = []
    with start("tree", (sys.executable, "-c", code, busy), folder=tmp_path, cores=Cores.divided().subject) as started:
        until(started, lambda: "" if (tmp_path / "done").exists() else "not yet")
        pids = started.pids()
        assert len(pids) == 2
        assert started.cpu() > 0
        assert started.memory() > 1_000_000
        started.hold()
    assert [pid for pid in pids if running(pid)] == []


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_every_peer_is_pinned_whole() -> None:
    for path in LOCKS.glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert lines
        assert [line for line in lines if "==" not in line] == []
    with pytest.raises(Failed):
        version_of("envoy", "no-such-package")


@pytest.mark.parametrize("rows", [("permissions", "durable")])
def test_a_quick_run_works_from_end_to_end(tmp_path: Path, rows: tuple[str, ...]) -> None:
    where = ("--results", str(tmp_path / "results"), "--folder", str(tmp_path))
    command = (sys.executable, "-m", "bench", *rows, "--quick", "--rounds", "1", *where)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    written = next((tmp_path / "results").glob("*.json"))
    found = Result.load(written.read_text())
    assert [row.name for row in found.rows] == sorted(rows)
    assert {row.name: dict(row.absent) for row in found.rows} == {name: {} for name in rows}
    assert "| 8 | durable before forwarding against never synced: CPU |" in done.stdout
    assert json.loads(written.read_text())["conditions"]["size"].startswith("quick")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"], "data folders are gone"
