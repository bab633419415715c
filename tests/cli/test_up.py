"""`gatepass up`: what it announces and where, what stops it, and what doctor and a second one see meanwhile."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.deployment import Deployment, environment, started
from tests.cli.terminals import at_terminal, piped

SESSION = re.compile(r"export GATEPASS_TOKEN=(gp_ses_\w+)\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Deployment]:
    with started(home) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(home: Path, server: Deployment) -> dict[str, str]:
    env = environment(home, GATEPASS_URL=server.url)
    found = SESSION.fullmatch(piped("login", env=env, said=server.code.encode()).out)
    assert found is not None
    return {**env, "GATEPASS_TOKEN": found[1]}


def test_a_person_is_told_where_it_listens_who_is_kept_out_and_what_to_do_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gatepass", "up", "--data", str(tmp_path / "data"), "--port", "0"]
    process = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = ""
    while "Stop it with Ctrl-C." not in said:
        line = process.stderr.readline().decode()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert out == b"", "the announcement is for people"
    assert rest.decode() == "Stopped.\n"
    assert re.search(r"^  agents   http://127\.0\.0\.1:\d+/u/UPSTREAM/\.\.\. and http", said, re.MULTILINE)
    assert re.search(r"^  people   http://localhost:\d+/console$", said, re.MULTILINE)
    assert re.search(r"^  custody  (NOT )?protected: ", said, re.MULTILINE)
    assert re.search(r"^  export GATEPASS_URL=http://localhost:\d+$", said, re.MULTILINE)
    assert '  eval "$(gatepass login)"\n' in said
    code = re.search(r"^One-time code for [a-z0-9.-]+: ([0-9A-Z-]{20,})$", said, re.MULTILINE)
    assert code is not None
    assert re.search(rf"^  http://localhost:\d+/console/sign-in#{code[1]}$", said, re.MULTILINE)


def test_the_files_are_closed_to_others(server: Deployment) -> None:
    for path in (server.data, *server.data.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_code_is_in_no_file(home: Path, server: Deployment) -> None:
    for path in home.rglob("*"):
        if path.is_file():
            assert server.code.encode() not in path.read_bytes(), path
            assert server.code.replace("-", "").encode() not in path.read_bytes(), path


def test_a_second_one_on_the_folder_is_refused(home: Path, server: Deployment) -> None:
    ran = piped("up", "--data", str(server.data), "--port", "0", "--json", env=environment(home))
    assert (ran.code, ran.out) == (1, "")
    error = json.loads(ran.err)["error"]
    assert error["code"] == "folder_in_use"
    assert str(server.process) in error["message"]


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = piped("up", "--data", str(tmp_path / "data"), "--port", port, env=environment(tmp_path))
    assert ran.code == 1
    assert f"gatepass: error: `127.0.0.1:{port}` cannot be listened on: address already in use\n" in ran.err


def test_doctor_sees_the_running_server(home: Path, server: Deployment) -> None:
    env = environment(home, GATEPASS_URL=server.url, GATEPASS_HOME=str(server.data))
    ran = piped("doctor", "--json", env=env)
    found = {finding["check"]: finding for finding in json.loads(ran.out)["findings"]}
    assert ran.code == 0, ran.out
    assert found["lock"]["said"] == f"held by process {server.process}: a server runs on the data folder"
    assert found["server"]["said"] == f"{server.url} is ready"
    assert found["sealing key"]["state"] == "ok"


def test_agents_and_people_have_different_names(home: Path, server: Deployment) -> None:
    url = server.url.replace("localhost", "127.0.0.1")
    ran = piped("status", env=environment(home, GATEPASS_URL=url))
    assert ran.code == 1
    assert "use the host name `localhost`" in ran.err


def test_an_export_is_closed_to_others_and_appears_only_when_it_is_whole(
    home: Path, signed_in: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "journal.ndjson"
    ran = piped("journal", "export", "--file", str(target), env=signed_in)
    assert (ran.code, ran.out) == (0, "")
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]
    assert ran.err == f"{len(target.read_bytes().splitlines())} entries.\n"
    ran = piped("journal", "export", "--file", str(tmp_path / "no" / "where"), env=signed_in)
    assert ran.code == 2
    assert "cannot be written: No such file or directory" in ran.err


def test_long_work_shows_a_bar_to_a_person_and_leaves_the_result_alone(
    signed_in: dict[str, str], tmp_path: Path
) -> None:
    env = {**signed_in, "TERM": "xterm-256color"}
    ran = at_terminal("journal", "export", env=env, out_to_pipe=True)
    assert ran.code == 0
    assert "Exporting" in ran.err
    (tmp_path / "j").write_text(ran.out)
    assert piped("journal", "verify", str(tmp_path / "j"), env=env).code == 0
    ran = at_terminal("journal", "verify", str(tmp_path / "j"), env=env, out_to_pipe=True)
    assert "Checking" in ran.err
    assert re.fullmatch(r"\d+ entries, nothing changed, dropped, moved or put in\n", ran.out)
    ran = at_terminal("journal", "export", env=env)
    assert ran.code == 2, "an export does not belong on the screen"


def test_a_person_is_asked_and_may_say_no(signed_in: dict[str, str]) -> None:
    question = "Revoke every token of this deployment, and every other session?"
    ran = at_terminal("revoke", "--all", env=signed_in, typed=[(question, "n")])
    assert ran.code == 130
    assert "Nothing more was done." in ran.out
    ran = at_terminal("revoke", "--all", env=signed_in, typed=[(question, "y")])
    assert ran.code == 0
    assert "Nothing was left to revoke." in ran.out


def test_a_secret_is_asked_for_and_not_shown(signed_in: dict[str, str], tmp_path: Path) -> None:
    operations = tmp_path / "o.yaml"
    operations.write_text("types: {}\nrest: []\n")
    made = piped(
        "upstream",
        "create",
        "api",
        "https://api.example.com",
        "--operations",
        str(operations),
        "--bearer",
        env=signed_in,
    )
    assert made.code == 0, made.err
    typed = [("Secret", "sk_live_typed_by_hand")]
    ran = at_terminal("secret", "set", "api-key", "--upstream", "api", env=signed_in, typed=typed)
    assert ran.code == 0, ran.out
    assert "sk_live_typed_by_hand" not in ran.out
    assert "sent to   https://api.example.com" in ran.out


def test_after_a_password_is_set_a_restart_shows_no_code(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        env = environment(tmp_path, GATEPASS_URL=first.url)
        found = SESSION.fullmatch(piped("login", env=env, said=first.code.encode()).out)
        assert found is not None
        env["GATEPASS_TOKEN"] = found[1]
        assert piped("person", "password", env=env, said=b"correct horse battery staple").code == 0
    with started(tmp_path) as second:
        assert second.code is None
