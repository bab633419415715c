"""Signing in: the shell runs only what was seen to be a token, and what is secret is neither shown nor an argument."""

import json
from pathlib import Path

import click
import pytest
from tests.cli.deployment import environment
from tests.cli.terminals import at_terminal, piped
from tests.client.doubles import Answer, Asked, serving

from gatepass.cli.terminal import ask, confirm

TOKEN = "gp_ses_" + "a" * 46
SIGNED_IN = json.dumps({"token": TOKEN, "expires_at": "2026-11-22T22:00:00.000Z", "person": "ada"}).encode()


def answer(asked: Asked) -> Answer:
    return Answer(204, b"") if asked.method == "DELETE" else Answer(body=SIGNED_IN)


def test_the_session_alone_is_on_standard_output(tmp_path: Path) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        ran = piped("login", env=env, said=b"k7qp-3mzt\n")
    assert ran.code == 0
    assert ran.out == f"export GATEPASS_TOKEN={TOKEN}\n"
    assert ran.err.startswith("Signed in as ada until 2026-11-22 22:00:00Z (")
    assert json.loads(server.asked[0].body) == {"code": "k7qp-3mzt"}
    assert "authorization" not in server.asked[0].headers


def test_a_code_is_not_sent_with_somebody_elses_session(tmp_path: Path) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url, GATEPASS_TOKEN=TOKEN)
        piped("login", env=env, said=b"k7qp-3mzt\n")
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(("stdin", "stderr"), [(False, True), (True, False), (False, False)])
def test_nothing_is_asked_where_nobody_sees_the_question(
    monkeypatch: pytest.MonkeyPatch,
    stdin: bool,  # noqa: FBT001 - a table
    stderr: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: stdin, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: stderr, raising=False)
    with pytest.raises(click.UsageError, match="no terminal to ask for the one-time code at; use --code-file FILE"):
        ask("One-time code", instead="--code-file FILE")
    with pytest.raises(click.UsageError, match="use --yes"):
        confirm("Sure?", yes=False)
    confirm("Sure?", yes=True)


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", "gp_ses_" + "a" * 45, "gp_ses_" + "a" * 47, "gp_sk_" + "a" * 46, TOKEN + "\n", TOKEN + "; id"),
        *("$(id)", "`id`", TOKEN[:-1] + ";", TOKEN[:-1] + "\n", "gp_ses_" + "ä" * 46, None, 1, [TOKEN]),
    ],
)
def test_whoever_answers_cannot_choose_what_the_shell_runs(tmp_path: Path, token: object) -> None:
    body = json.dumps({"token": token, "expires_at": "$(id)", "person": "$(id)"}).encode()
    with serving(lambda _: Answer(body=body)) as server:
        ran = piped("login", env=environment(tmp_path, GATEPASS_URL=server.url), said=b"code\n")
    assert (ran.code, ran.out) == (1, "")


def test_a_code_is_asked_for_at_a_terminal_and_not_shown(tmp_path: Path) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        ran = at_terminal("login", env=env, typed=[("One-time code", "k7qp-3mzt")], out_to_pipe=True)
    assert ran.code == 0, ran
    assert ran.out == f"export GATEPASS_TOKEN={TOKEN}\n"
    assert "k7qp-3mzt" not in ran.err
    assert json.loads(server.asked[0].body) == {"code": "k7qp-3mzt"}


def test_a_password_is_asked_for_at_a_terminal_and_not_shown(tmp_path: Path) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        typed = [("Password", "correct horse battery")]
        ran = at_terminal("login", "--person", "ada", env=env, typed=typed, out_to_pipe=True)
    assert ran.code == 0, ran
    assert "correct horse" not in ran.err
    assert json.loads(server.asked[0].body) == {"name": "ada", "password": "correct horse battery"}


def test_a_session_is_not_printed_on_the_screen(tmp_path: Path) -> None:
    with serving(answer) as server:
        ran = at_terminal("login", env=environment(tmp_path, GATEPASS_URL=server.url))
    assert ran.code == 2
    assert 'type: eval "$(gatepass login)"' in ran.out
    assert server.asked == []


@pytest.mark.parametrize(
    ("shell", "on", "off"),
    [
        ("fish", f"set -gx GATEPASS_TOKEN {TOKEN}\n", "set -e GATEPASS_TOKEN\n"),
        ("powershell", f"$env:GATEPASS_TOKEN = '{TOKEN}'\n", "Remove-Item Env:GATEPASS_TOKEN\n"),
    ],
)
def test_other_shells_have_other_words(tmp_path: Path, shell: str, on: str, off: str) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        assert piped("login", "--shell", shell, env=env, said=b"code").out == on
        assert piped("logout", "--shell", shell, env={**env, "GATEPASS_TOKEN": TOKEN}).out == off


def test_logging_out_ends_the_session_and_forgets_it(tmp_path: Path) -> None:
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url, GATEPASS_TOKEN=TOKEN)
        ran = piped("logout", env=env)
    assert (ran.code, ran.out) == (0, "unset GATEPASS_TOKEN\n")
    assert (server.asked[0].method, server.asked[0].path) == ("DELETE", "/api/v1/session")
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_session_that_ended_before_is_forgotten_too(tmp_path: Path) -> None:
    body = b'{"code": "credential_invalid", "detail": "the credential is not valid", "hint": "x"}'
    told = Answer(401, body, {"Content-Type": "application/problem+json"})
    with serving(lambda _: told) as server:
        ran = piped("logout", env=environment(tmp_path, GATEPASS_URL=server.url, GATEPASS_TOKEN=TOKEN))
    assert (ran.code, ran.out) == (0, "unset GATEPASS_TOKEN\n")


def test_files_and_standard_input_work_where_there_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse battery\r\n")
    with serving(answer) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        piped("login", "--person", "ada", "--password-file", str(tmp_path / "password"), env=env)
        piped("login", "--code-file", "-", env=env, said=b"  code  \n")
    assert json.loads(server.asked[0].body)["password"] == "correct horse battery"
    assert json.loads(server.asked[1].body) == {"code": "code"}


@pytest.mark.parametrize(
    ("arguments", "said", "complaint"),
    [
        (["--code-file", "nowhere"], b"", "`nowhere` cannot be read: No such file or directory"),
        (["--code-file", "-"], b"", "the one-time code is empty"),
        ([], b"\n", "the one-time code is empty"),
        ([], b"\xff", "the one-time code is not UTF-8 text"),
        ([], b"x" * 70_000, "the one-time code is longer than 65536 bytes"),
        (["--password-file", "-"], b"x", "--password-file needs --person NAME"),
        (["--person", "ada", "--code-file", "-"], b"x", "--code-file and --person exclude each other"),
        (["--shell", "tcsh"], b"x", "'tcsh' is not one of"),
        (["k7qp-3mzt"], b"", "unexpected extra argument"),
    ],
)
def test_a_wrong_use_says_what_is_right(tmp_path: Path, arguments: list[str], said: bytes, complaint: str) -> None:
    ran = piped("login", *arguments, env=environment(tmp_path, GATEPASS_URL="http://127.0.0.1:9"), said=said)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert b"k7qp" not in said
