"""A holder's key is in one file, which is its holder's alone, or in no file."""

import json
import os
from pathlib import Path

import pytest

from gatepass.client.holding import make_key, new_key, read_key
from gatepass.client.holding.keys import read_public_key
from gatepass.errors import Conflict, Malformed, Unavailable


def test_a_key_is_written_for_its_user_alone_and_read_back(tmp_path: Path) -> None:
    made = make_key(tmp_path / "agent.key")
    assert (tmp_path / "agent.key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "agent.key").public.thumbprint == made.public.thumbprint


def test_a_key_is_never_put_over_something(tmp_path: Path) -> None:
    make_key(tmp_path / "agent.key")
    before = (tmp_path / "agent.key").read_bytes()
    with pytest.raises(Conflict):
        make_key(tmp_path / "agent.key")
    assert (tmp_path / "agent.key").read_bytes() == before


def test_a_key_that_others_could_read_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "agent.key")
    (tmp_path / "agent.key").chmod(0o640)
    with pytest.raises(Unavailable, match="can be read or replaced by others") as error:
        read_key(tmp_path / "agent.key")
    assert "chmod 600" in error.value.hint


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    make_key(tmp_path / "agent.key")
    (tmp_path / "link").symlink_to(tmp_path / "agent.key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, why in (
        ("link", "is a link"),
        ("pipe", "is not a file"),
        ("none", "cannot be read"),
        ("", "Is a directory"),
    ):
        with pytest.raises(Unavailable, match=why):
            read_key(tmp_path / name)


@pytest.mark.parametrize("change", ["d", "x", "more", "text", "huge", "utf8"])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, change: str) -> None:
    make_key(tmp_path / "agent.key")
    jwk = json.loads((tmp_path / "agent.key").read_text())
    other = new_key().public.jwk
    made = {
        "d": {**jwk, "d": "AAAA"},
        "x": {**jwk, "x": other["x"], "y": other["y"]},
        "more": {**jwk, "kid": "mine"},
        "text": "a text",
        "huge": {**jwk, "crv": "P" * 5000},
        "utf8": None,
    }[change]
    (tmp_path / "agent.key").write_bytes(b"\xff" if made is None else json.dumps(made).encode())
    with pytest.raises(Unavailable) as error:
        read_key(tmp_path / "agent.key")
    assert jwk["d"] not in f"{error.value.message}{error.value.hint}"


def test_a_public_key_is_read_and_a_private_one_is_not_taken_for_it(tmp_path: Path) -> None:
    key = new_key()
    assert read_public_key(json.dumps(key.public.jwk)).thumbprint == key.public.thumbprint
    make_key(tmp_path / "agent.key")
    for text in (
        (tmp_path / "agent.key").read_text(),
        "[]",
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}),
    ):
        with pytest.raises(Malformed):
            read_public_key(text)
