"""An admin who lost the only password: set anew on the server's machine, with the server stopped, and journalled."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.deployment import environment, started
from tests.cli.terminals import piped

SESSION = re.compile(r"export GATEPASS_TOKEN=(gp_ses_\w+)\n")
OLD, NEW = b"correct horse battery staple", b"another good long password"


def signed_in(env: dict[str, str], *arguments: str, said: bytes) -> dict[str, str]:
    ran = piped("login", *arguments, env=env, said=said)
    found = SESSION.fullmatch(ran.out)
    assert found is not None, ran.err
    return {**env, "GATEPASS_TOKEN": found[1]}


def test_the_only_admins_password_is_set_anew(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        env = signed_in(environment(tmp_path, GATEPASS_URL=first.url), said=first.code.encode())
        assert piped("person", "password", env=env, said=OLD).code == 0
        name = json.loads(piped("status", "--json", env=env).out)["person"]["name"]
        held = piped("recover", name, "--data", str(first.data), env=env, said=NEW)
        assert (held.code, "folder_in_use" in held.err or "in use" in held.err) == (1, True), held.err
    data = str(tmp_path / "data")
    ran = piped("recover", name, "--data", data, "--json", env=environment(tmp_path), said=NEW)
    assert (ran.code, json.loads(ran.out)) == (0, {"recovered": name, "sessions_ended": 1}), ran.err
    with started(tmp_path) as second:
        assert second.code is None
        env |= {"GATEPASS_URL": second.url}
        assert piped("status", env=env).code == 1, "the session from before has ended"
        bare = environment(tmp_path, GATEPASS_URL=second.url)
        assert piped("login", "--person", name, env=bare, said=OLD).code == 1
        env = signed_in(bare, "--person", name, said=NEW)
        text = piped("journal", "export", env=env).out
        assert "password.recovered" in text
        assert NEW.decode() not in text
        assert piped("journal", "verify", env=env).code == 0


@pytest.mark.parametrize(
    ("name", "said", "says"),
    [
        ("nobody", NEW, "there is no person `nobody`"),
        ("{admin}", b"short", "a password has at least 12 characters"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(tmp_path: Path, name: str, said: bytes, says: str) -> None:
    with started(tmp_path) as first:
        env = signed_in(environment(tmp_path, GATEPASS_URL=first.url), said=first.code.encode())
        admin = json.loads(piped("status", "--json", env=env).out)["person"]["name"]
    data = str(tmp_path / "data")
    ran = piped("recover", name.replace("{admin}", admin), "--data", data, env=environment(tmp_path), said=said)
    assert ran.code == 1
    assert says in ran.err
    with started(tmp_path) as second:
        assert second.code is not None, "the admin still has no password"


def test_a_folder_without_a_deployment_is_not_made_one(tmp_path: Path) -> None:
    data = tmp_path / "nothing"
    ran = piped("recover", "ada", "--data", str(data), env=environment(tmp_path), said=NEW)
    assert ran.code == 1
    assert "there is no deployment in" in ran.err
    assert not data.exists()
