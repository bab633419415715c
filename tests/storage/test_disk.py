"""A disk that is full, locked, failing, silent or read-only: everybody is told, nothing is half there, and it ends."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.journal import decided
from tests.contracts.store import ADA, BOT
from tests.storage.databases import opened, until_accepted

from gatepass.audit import Query
from gatepass.errors import Error, Unavailable
from gatepass.storage.sqlite.writing import Transaction, writer

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.storage.child"]

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def child(*arguments: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    run = subprocess.run([*before, *CHILD, *arguments], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)  # type: ignore[no-any-return]


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[list[str]]:
    """A real file system of `size` on `path`, and how to run a command that sees it: as root, or in a namespace."""
    path.mkdir(exist_ok=True)
    if (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)],
            capture_output=True,
            check=False,
        ).returncode
        == 0
    ):
        try:
            yield []
        finally:
            subprocess.run(["umount", "-l", str(path)], check=True)
        return
    mount = f'mount -t tmpfs -o size={size},mode=0700 tmpfs "{path}" && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("neither root nor namespaces: no small file system can be mounted here")
    yield inside


def check_starved(seen: dict[str, Any], why: str) -> None:
    assert seen["acknowledged"] >= 50
    assert seen["missing"] == []
    assert seen["refusals"] == [
        ["journal_unavailable", f"the journal cannot be written: {why}"],
        ["journal_unavailable", f"the journal cannot be written: {why}"],
        ["storage_unavailable", f"the store cannot be used: {why}"],
    ]
    assert seen["agents"] == 0
    assert seen["waited"] < 5
    assert seen["intact"]
    assert [recovered["why"] for recovered in seen["recovered"]] == [why]
    assert int(seen["recovered"][0]["refused"]) >= 3
    assert seen["spent"] == [str(seen["permits"])]
    assert seen["permits"] == seen["acknowledged"] + 1


def test_a_full_disk_refuses_everything_and_ends_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "4m") as inside:
        filler = tmp_path / "small" / "filler"
        seen = child("starve", str(tmp_path / "small" / "data"), str(filler), before=tuple(inside))
    check_starved(seen, "the disk is full")


def test_a_file_that_may_not_grow_refuses_everything_and_ends_when_it_may(tmp_path: Path) -> None:
    check_starved(child("starve", str(tmp_path / "data"), "limit"), "the disk reports an error")


# -- a disk that fails


def traced(folder: Path, fault: str) -> dict[str, Any]:
    """Run the child on a database that is there already, with a system call on its log made to fail."""

    async def made() -> None:
        async with opened(folder):
            pass

    asyncio.run(made())
    call = fault.partition(":")[0]
    tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", f"{folder}/gatepass.db-wal", "-e", f"trace={call}"]
    return child("hurt", str(folder), before=(*tracer, "-e", f"inject={fault}"))


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC"])
def test_a_write_that_fails_once_is_survived(tmp_path: Path, fault: str) -> None:
    seen = traced(tmp_path / "data", f"pwrite64:error={fault}:when=60")
    why = {"EIO": "the disk reports an error", "ENOSPC": "the disk is full"}[fault]
    assert seen["refused"] == [f"the journal cannot be written: {why}"]
    assert seen["accepted"] > 10
    assert (seen["last"], seen["intact"]) == (True, True)


def test_after_a_sync_that_failed_nothing_is_written_any_more(tmp_path: Path) -> None:
    """The system may have dropped what it could not write, and say yes the next time: see docs/adr/0032."""
    seen = traced(tmp_path / "data", "fdatasync:error=EIO:when=5")
    assert seen["refused"] == ["the journal cannot be written: the disk reports an error"]
    assert seen["accepted"] < 10
    assert (seen["last"], seen["intact"]) == (False, True)


def test_a_disk_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_STALLED", 0.2)

    async def story() -> None:
        async with opened(tmp_path / "data") as database:

            def stall(_: Transaction) -> None:
                time.sleep(2.5)

            stalled = database._writer.submit(stall)
            waiting = database.journal.append(decided(1))
            for late in (stalled.durable(), waiting.durable()):
                with pytest.raises(Unavailable) as caught:
                    await late
                assert str(caught.value).endswith("the disk does not answer")
            with pytest.raises(Unavailable):
                database.journal.append(decided(2))
            await until_accepted(database)
            (recovered,) = (await database.archive.search(Query(event="journal.recovered"))).entries
            assert recovered.members["details"]["why"] == "the disk does not answer"  # type: ignore[index, call-overload]
            assert (await database.archive.verify()).intact

    asyncio.run(story())


# -- a database that somebody else holds


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(folder / "gatepass.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        yield
        other.communicate()


def test_a_database_that_another_program_has_locked_refuses_and_recovers(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path / "data") as database:
            await database.journal.append(decided(1)).durable()
            with locked(tmp_path / "data"):
                with pytest.raises(Unavailable) as caught:
                    await database.store.commit((ADA,))
                assert str(caught.value) == "the store cannot be used: another program has locked the database"
                with pytest.raises(Unavailable) as caught:
                    database.journal.append(decided(2))
                assert str(caught.value) == "the journal cannot be written: another program has locked the database"
                assert len((await database.archive.search(Query())).entries) == 2, "reading goes on"
            await until_accepted(database)
            await database.store.commit((ADA, BOT))
            assert (await database.archive.verify()).intact

    asyncio.run(story())


def test_everybody_who_waits_is_told_and_each_trouble_counts_its_own(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path / "data") as database:
            for waiting in (5, 3):
                with locked(tmp_path / "data"):
                    tickets = [database.journal.append(decided(1, decision=None))]
                    await asyncio.sleep(0.2)  # the first is on its way, and waits for the lock
                    tickets += [database.journal.append(decided(1, decision=None)) for _ in range(waiting - 1)]
                    async with asyncio.timeout(15):
                        told = await asyncio.gather(*(ticket.durable() for ticket in tickets), return_exceptions=True)
                    assert [type(error) for error in told] == [Unavailable] * waiting
                for _ in range(500):
                    if database.trouble is None:
                        break
                    await asyncio.sleep(0.02)
            page = await database.archive.search(Query(event="journal.recovered"))
            counted = [found.members["details"]["refused"] for found in page.entries]  # type: ignore[index, call-overload]
            assert counted == ["3", "5"]

    asyncio.run(story())


def test_a_locked_database_is_not_opened(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path / "data"):
            pass
        with locked(tmp_path / "data"), pytest.raises(Error) as caught:
            async with opened(tmp_path / "data"):
                pass
        assert (caught.value.code, str(caught.value)) == (
            "storage_unavailable",
            "the store cannot be used: another program has locked the database",
        )
        async with opened(tmp_path / "data") as database:
            assert (await database.archive.verify()).intact

    asyncio.run(story())


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    with small_disk(folder, "8m") as inside:
        if inside:
            folder.chmod(0o500)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)

        async def story() -> None:
            async with opened(folder):
                pass

        with pytest.raises(Error) as caught:
            asyncio.run(story())
        assert caught.value.code == "folder_unusable"
        assert str(caught.value).startswith(f"the data folder `{folder}` cannot be used: ")
        assert str(caught.value).endswith(("read-only file system", "permission denied"))
