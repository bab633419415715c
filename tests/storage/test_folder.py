"""One process has a data folder, and nobody else can read it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gatepass.errors import Conflict, Error, Unavailable
from gatepass.storage import DataFolder

HOLD = """
import sys, pathlib
from gatepass.storage import DataFolder
folder = DataFolder.open(pathlib.Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(path: Path) -> Error:
    with pytest.raises(Error) as caught:
        DataFolder.open(path)
    return caught.value


def test_the_folder_and_its_files_are_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with DataFolder.open(tmp_path / "a" / "data") as folder:
            file = folder.file("gatepass.db")
    finally:
        os.umask(before)
    assert (mode(folder.path), mode(file), mode(folder.path / "gatepass.lock")) == (0o700, 0o600, 0o600)


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        error = refused(tmp_path)
        assert isinstance(error, Conflict)
        assert (error.code, str(error)) == (
            "folder_in_use",
            f"the data folder `{tmp_path}` is in use by process {other.pid}",
        )
        other.kill()
        other.wait()
    with DataFolder.open(tmp_path):  # the system has let go of the lock of the process that was killed
        pass


def test_a_second_opening_in_one_process_is_refused_too(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path):
        assert refused(tmp_path).code == "folder_in_use"
    with DataFolder.open(tmp_path):
        pass


def test_a_lock_file_that_says_nothing_readable_is_still_a_lock(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path):
        (tmp_path / "gatepass.lock").write_bytes(b"\xff garbage\n" * 10)
        assert str(refused(tmp_path)).endswith("is in use by another process")


def test_a_folder_of_ours_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path / "data"):
        pass
    (tmp_path / "data").chmod(0o755)
    with DataFolder.open(tmp_path / "data") as folder:
        assert mode(folder.path) == 0o700


def test_a_folder_with_other_peoples_files_is_not_taken_over(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "letters.txt").write_text("dear ada")
    error = refused(home)
    assert isinstance(error, Unavailable)
    assert (error.code, str(error)) == (
        "folder_unusable",
        f"the data folder `{home}` cannot be used: others can read it, and it holds files that are not ours",
    )
    assert mode(home) == 0o755


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert str(refused(file)) == f"the data folder `{file}` cannot be used: file exists"
    assert refused(file / "below").code == "folder_unusable"


@pytest.mark.skipif(sys.platform == "win32", reason="owners are another thing on Windows")
def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert str(refused(tmp_path)).endswith("cannot be used: it belongs to another user")
