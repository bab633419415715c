"""The doctor says what is wrong and how to mend it, and changes nothing."""

import fcntl
import json
import os
import shlex
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.deployment import environment
from tests.cli.terminals import piped
from tests.client.doubles import Answer, serving

from gatepass.cli import probes
from gatepass.cli.probes import State
from gatepass.settings import Settings, load

CHECKS = {"settings", "data folder", "sealing key", "lock", "disk", "sqlite", "clock", "port", "server", "custody"}
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "sealing.key").write_bytes(b"k" * 32)
    (data / "sealing.key").chmod(0o600)
    return data


def settings(folder: Path, **environment: str) -> Settings:
    return load({"GATEPASS_HOME": str(folder), **environment})


def wrong(folder: Path) -> list[probes.Finding]:
    found = [*probes.data_folder(folder), probes.key(settings(folder), {})]
    return [finding for finding in found if finding.state is not State.OK]


def test_a_folder_that_is_closed_is_fine(folder: Path) -> None:
    assert wrong(folder) == []


@pytest.mark.parametrize(
    ("spoilt", "mode", "state"),
    [(".", 0o755, State.WRONG), ("sealing.key", 0o640, State.WRONG), ("gatepass.db", 0o644, State.WARNING)],
)
def test_what_is_open_to_others_is_named_and_the_command_mends_it(
    folder: Path, spoilt: str, mode: int, state: State
) -> None:
    path = folder / spoilt
    if not path.exists():
        path.touch()
    path.chmod(mode)
    found = wrong(folder)
    assert found
    assert found[0].state is state or found[-1].state is state
    for finding in found:
        assert finding.mend is not None
        subprocess.run(shlex.split(finding.mend), check=True)
    assert wrong(folder) == []


def test_a_path_with_spaces_is_quoted_in_the_mend(tmp_path: Path) -> None:
    data = tmp_path / "my data; rm -rf x"
    data.mkdir(mode=0o755)
    (finding,) = wrong(data)
    assert finding.mend is not None
    assert shlex.split(finding.mend) == ["chmod", "700", str(data)]


def test_a_key_that_is_gone_while_the_database_is_there_is_wrong(folder: Path) -> None:
    (folder / "gatepass.db").touch(mode=0o600)
    (folder / "sealing.key").unlink()
    (finding,) = wrong(folder)
    assert finding.check == "sealing key"
    assert finding.state is State.WRONG


def test_a_key_that_is_a_link_is_wrong(folder: Path) -> None:
    (folder / "sealing.key").rename(folder / "elsewhere")
    (folder / "sealing.key").symlink_to(folder / "elsewhere")
    (finding,) = wrong(folder)
    assert "is not a plain file" in finding.said


def test_a_key_in_the_environment_is_looked_for_there_and_not_shown(folder: Path) -> None:
    said = settings(folder, GATEPASS_KEY__SOURCE="environment")
    assert probes.key(said, {}).state is State.WARNING
    found = probes.key(said, {"GATEPASS_KEY": "c2VjcmV0"})
    assert found.state is State.OK
    assert "c2VjcmV0" not in str(found)


def test_a_folder_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    (finding,) = probes.data_folder(tmp_path / "data")
    assert finding.state is State.WRONG


def test_the_lock_says_whether_a_server_runs(folder: Path) -> None:
    assert "no server has used" in probes.lock(folder).said
    path = folder / "gatepass.lock"
    path.write_text("4711\n")
    assert "no server runs" in probes.lock(folder).said
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "held by process 4711" in probes.lock(folder).said
    assert "no server runs" in probes.lock(folder).said


def test_a_port_that_somebody_else_holds_is_wrong(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = settings(folder, GATEPASS_SERVER__PORT=str(other.getsockname()[1]))
        found = probes.port(said, ours=False)
        assert found.state is State.WRONG
        assert found.mend == "gatepass up --port 0"
        assert probes.port(said, ours=True).state is State.OK
    assert probes.port(said, ours=False).state is State.OK


def test_a_clock_that_went_back_is_wrong(folder: Path) -> None:
    assert probes.clock(folder, datetime.now(UTC), None).state is State.OK
    assert probes.clock(folder, datetime(1970, 1, 1, tzinfo=UTC), None).state is State.WRONG
    os.utime(folder / "sealing.key", (NOW.timestamp() + 3_600,) * 2)
    assert "was written to at 2026-11-22 15:00Z" in probes.clock(folder, NOW, None).said
    os.utime(folder / "sealing.key", (NOW.timestamp(),) * 2)
    assert probes.clock(folder, NOW, NOW + timedelta(minutes=10)).state is State.WARNING
    assert probes.clock(folder, NOW, NOW + timedelta(seconds=10)).state is State.OK


def test_a_disk_without_room_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=1 << 20)
    monkeypatch.setattr("gatepass.cli.probes.shutil.disk_usage", lambda _: usage)
    assert probes.disk(folder).state is State.WRONG
    usage.free = 500 << 20
    assert probes.disk(folder).state is State.WARNING


@pytest.mark.parametrize(
    ("version", "state", "said"),
    [((3, 51, 3), State.OK, "3.51.3"), ((3, 40, 1), State.OK, "one"), ((3, 30, 0), State.WRONG, "too old")],
)
def test_the_library_is_judged_by_its_version(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], state: State, said: str
) -> None:
    monkeypatch.setattr("gatepass.cli.probes.sqlite3.sqlite_version_info", version)
    monkeypatch.setattr("gatepass.cli.probes.sqlite3.sqlite_version", ".".join(map(str, version)))
    found = probes.sqlite()
    assert found.state is state
    assert said in found.said


def test_custody_is_protected_only_from_other_users(folder: Path) -> None:
    assert probes.custody(folder).state is State.WARNING
    assert "you are root" in probes.custody_of(1000, 0).said
    assert "an agent that runs as this user can read the sealing key" in probes.custody_of(1000, 1000).said
    assert probes.custody_of(999, 1000).state is State.OK
    assert "belongs to `4000000`" in probes.custody_of(4_000_000, 1000).said


def findings(ran: Any) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in json.loads(ran.out)["findings"]}


def test_the_whole_of_it_for_programs(folder: Path) -> None:
    with serving(lambda _: Answer(body=b"ok\n")) as server:
        env = environment(folder, GATEPASS_URL=server.url, GATEPASS_HOME=str(folder))
        ran = piped("doctor", "--json", env=env)
    assert ran.code == 0, ran
    found = findings(ran)
    assert set(found) == CHECKS
    assert found["server"]["said"] == f"{server.url} is ready"
    assert "authorization" not in server.asked[0].headers


def test_what_is_wrong_is_exit_code_1(folder: Path) -> None:
    folder.chmod(0o755)
    env = environment(folder, GATEPASS_URL="http://127.0.0.1:9", GATEPASS_HOME=str(folder))
    ran = piped("doctor", env=env)
    assert ran.code == 1
    assert f"WRONG    data folder  `{folder}` is open to other users (755)\n" in ran.out
    assert f"-> chmod 700 {folder}\n" in ran.out


def test_every_wrong_setting_is_listed(folder: Path) -> None:
    (folder / "gatepass.toml").write_text('[server]\nprot = 1\nport = "x"\n')
    env = environment(folder, GATEPASS_URL="http://127.0.0.1:9")
    ran = piped("doctor", "--data", str(folder), env=env)
    assert ran.code == 1
    assert "line 2: `server.prot` is not a setting; the nearest is `server.port`" in ran.out
    assert "line 3: `server.port`: expected a whole number from 0 to 65535" in ran.out


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (Answer(body=b"hello"), "warning", "not a Gatepass server's answer"),
        (Answer(404, b"<html>", {"Content-Type": "text/html"}), "warning", "not a Gatepass server's answer"),
        (
            Answer(
                503,
                b'{"code": "starting", "detail": "the journal is full", "hint": "x"}',
                {"Content-Type": "application/problem+json"},
            ),
            "wrong",
            "is not ready: the journal is full",
        ),
    ],
)
def test_what_answers_at_the_url_is_judged(folder: Path, answer: Answer, state: str, said: str) -> None:
    with serving(lambda _: answer) as server:
        env = environment(folder, GATEPASS_URL=server.url, GATEPASS_HOME=str(folder))
        found = findings(piped("doctor", "--json", env=env))
    assert found["server"]["state"] == state
    assert said in found["server"]["said"]
