"""The key file is made once, closed to others, and never half written."""

import os
import stat
from pathlib import Path

import pytest

from gatepass.access import Instant
from gatepass.errors import Malformed, Unavailable
from gatepass.keys import Keyring
from gatepass.storage.keyfile import load_or_create, replace

NOW = Instant(1_800_000_000_000)


def test_the_first_start_makes_it_and_the_second_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    first = load_or_create(path, NOW, os.urandom)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path, NOW, os.urandom).current.id == first.current.id
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "sealing.key"
    load_or_create(path, NOW, os.urandom)
    path.chmod(mode)
    with pytest.raises(Unavailable) as refused:
        load_or_create(path, NOW, os.urandom)
    assert refused.value.code == "key_unusable"
    assert refused.value.message == f"the key file `{path}` cannot be used: others than its owner can read or write it"


def test_a_key_that_is_gone_is_missed_and_not_replaced_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    with pytest.raises(Unavailable, match="it is gone, and what was sealed with it cannot be opened without it"):
        load_or_create(path, NOW, os.urandom, first=False)
    assert not path.exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be used"):
        load_or_create(tmp_path, NOW, os.urandom)


def test_a_garbled_file_is_named_by_its_line_and_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    load_or_create(path, NOW, os.urandom)
    path.write_text(path.read_text().replace("current", "curent"))
    with pytest.raises(Malformed) as refused:
        load_or_create(path, NOW, os.urandom)
    assert "line 2" in refused.value.message
    assert path.read_text().split()[-1] not in refused.value.message


def test_a_rotation_leaves_the_whole_file_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "sealing.key"
    old = load_or_create(path, NOW, os.urandom)
    rotated = old.rotate(NOW, os.urandom)
    (tmp_path / "sealing.key.new").write_text("left behind by a crash")
    replace(path, rotated)
    read = load_or_create(path, NOW, os.urandom)
    assert isinstance(read, Keyring)
    assert read.current.id == rotated.current.id
    assert [key.id for key in read.retired] == [old.current.id]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
