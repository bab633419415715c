"""What was acknowledged is on the disk: seen in the system calls, and by killing the process over and over.

`kill -9` alone proves little: a database that never syncs survives it, because the system's own memory does. So a
tracer shows the sync that covers an entry, before the first thing that the process does once it was told. The same
check on a database opened without syncing has to fail.
"""

import asyncio
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

from tests.contracts.journal import NOON, collected
from tests.storage.databases import opened

from gatepass.audit import Found, Head, Report, read_line

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.storage.child"]
CALLS = "pwrite64,write,writev,sendto,fdatasync,fsync"


def traced(folder: Path, how: str) -> list[str]:
    """The system calls of a child that writes and tells, in order."""
    output = folder.parent / "trace"
    with socket.create_server(("127.0.0.1", 0)) as server:
        tracer = ["strace", "-f", "-y", "-s", "8192", "-e", f"trace={CALLS}", "-o", str(output)]
        with subprocess.Popen(
            [*tracer, *CHILD, "trace", str(folder), str(server.getsockname()[1]), how], cwd=ROOT
        ) as child:
            server.settimeout(30)
            connection, _ = server.accept()
            with connection:
                heard = b""
                while piece := connection.recv(4096):
                    heard += piece
            assert child.wait(30) == 0
    assert heard.count(b"after-entry-") == 5
    assert heard.count(b"after-record-") == 1
    return output.read_text(errors="replace").splitlines()


def covered(calls: list[str], what: str) -> bool:
    """Whether the write that carries `marker-…`, and then a completed sync of the same file, precede `after-…`."""
    told = next(number for number, call in enumerate(calls) if f"after-{what}." in call)
    written = [number for number, call in enumerate(calls[:told]) if f"marker-{what}." in call and "pwrite64(" in call]
    assert written, "the entry itself has to be seen in the trace"
    file = re.search(r"pwrite64\(\d+<([^>]+)>", calls[written[0]])
    assert file is not None
    return any(_completed_sync(calls, number, file[1]) < told for number in range(written[0], told))


def _completed_sync(calls: list[str], number: int, file: str) -> float:
    """Where the sync that begins at `number` has returned successfully, if one of `file` does; else never."""
    if not re.search(rf"f(data)?sync\(\d+<{re.escape(file)}>", calls[number]):
        return float("inf")
    if calls[number].endswith("= 0"):
        return number
    thread = calls[number].split()[0]
    for later in range(number + 1, len(calls)):
        if calls[later].split()[0] == thread:
            return later if calls[later].endswith("= 0") and "resumed" in calls[later] else float("inf")
    return float("inf")


WHAT = [*(f"entry-{number}" for number in range(5)), "record-0"]


def test_a_sync_covers_an_entry_before_its_writer_is_told(tmp_path: Path) -> None:
    calls = traced(tmp_path / "data", "synced")
    assert [what for what in WHAT if not covered(calls, what)] == []


def test_the_same_check_is_red_when_nothing_is_synced(tmp_path: Path) -> None:
    calls = traced(tmp_path / "data", "unsynced")
    assert [what for what in WHAT if covered(calls, what)] == []


# -- kill -9


def killed_under_load(folder: Path, seconds: float) -> Counter[tuple[str, str]]:
    """What a child acknowledged until it was killed."""
    with subprocess.Popen([*CHILD, "load", str(folder)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
        assert child.wait() == -signal.SIGKILL
    lines = (first + rest).decode().splitlines()
    return Counter((kind, name) for kind, _, name in (line.partition(" ") for line in lines))


async def looked_at(folder: Path, heads: list[Head]) -> tuple[Report, list[Found], Decimal, set[str], Head]:
    async with opened(folder) as database:
        report = await database.archive.verify(heads)
        text = await collected(database.archive.export())
        found = [Found(read_line(line)) for line in text.splitlines(keepends=True)]
        spent = sum((spent.used for spent in await database.store.load_spent(NOON)), Decimal(0))
        agents = {str(agent.id) for agent in (await database.store.load()).agents}
        return report, found, spent, agents, await database.archive.head()


def test_killed_over_and_over_nothing_acknowledged_is_missing_and_nothing_is_given_back(tmp_path: Path) -> None:
    chance = random.Random(20261122)  # noqa: S311  the moments of the kills, the same in every run
    acknowledged: Counter[tuple[str, str]] = Counter()
    heads: list[Head] = []
    for _ in range(12):
        acknowledged += killed_under_load(tmp_path / "data", chance.uniform(0.02, 0.4))
        report, found, spent, agents, head = asyncio.run(looked_at(tmp_path / "data", heads))
        heads.append(head)
        assert [str(fault) for fault in report.faults] == []
        permits = {found_.labels.decision for found_ in found if found_.labels.event == "call.decided"}
        backs = {found_.labels.decision for found_ in found if found_.labels.event == "call.finished"}
        created = {found_.labels.subject for found_ in found if found_.labels.event == "agent.created"}
        assert {name for kind, name in acknowledged if kind == "permit"} <= permits
        assert {name for kind, name in acknowledged if kind == "back"} <= backs
        assert {name for kind, name in acknowledged if kind == "agent"} <= created
        assert agents == created, "records and the entries that tell of them are one"
        assert spent == len(permits) - len(backs)
    assert len(acknowledged) > 500
    assert sum(1 for kind, _ in acknowledged if kind == "agent") > 5
