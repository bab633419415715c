"""A folder of configuration: what is read of it, what is not looked at, and what is written into it."""

import os
from pathlib import Path

import pytest

from gatepass.cli.files.folder import LARGEST_FILE, read_folder, write_folder
from gatepass.errors import Conflict, Malformed

AGENT = "role: support\nowner: ada\n"


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(Malformed) as caught:
        read_folder(folder)
    assert caught.value.code == "malformed_configuration"
    return caught.value.message


def test_files_are_read_by_their_path(tmp_path: Path) -> None:
    put(tmp_path, agents__bot_yaml=AGENT, operations__orders_yaml="types: {}\r\n")
    (tmp_path / "operations" / "orders.yaml").write_bytes(b"types: {}\r\n# \xc3\xbc\n")
    assert read_folder(tmp_path) == {"agents/bot.yaml": AGENT, "operations/orders.yaml": "types: {}\r\n# ü\n"}


def test_leavings_and_what_is_no_yaml_are_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, agents__bot_yaml=AGENT)
    for name in (".git/config.yaml", "agents/.bot.yaml.swp", "agents/bot.yaml~", "agents/bot.yaml.bak", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "agents" / "pipe")
    (tmp_path / "agents" / "#bot.yaml#").write_text("x")
    assert list(read_folder(tmp_path)) == ["agents/bot.yaml"]


@pytest.mark.parametrize("name", ["agents/bot.yml", "bot.yaml", "agents/team/bot.yaml", "policies/x.YAML"])
def test_yaml_in_a_wrong_place_is_not_left_out_silently(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(AGENT)
    assert list(read_folder(tmp_path)) == [name]


def test_everything_that_cannot_be_read_is_named_at_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("secret: yes")
    folder = put(tmp_path / "gatepass.d", agents__bot_yaml=AGENT)
    (folder / "agents" / "out.yaml").symlink_to(outside)
    (folder / "agents" / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (folder / "agents" / "loop.yaml").symlink_to(folder / "agents" / "loop.yaml")
    (folder / "roles").symlink_to("/etc")
    (folder / "upstreams").symlink_to(folder / "agents")
    (folder / "agents" / "big.yaml").write_bytes(b"#" * (LARGEST_FILE + 1))
    (folder / "agents" / "latin.yaml").write_bytes(b"role: support\nowner: j\xf6rg\n")
    os.mkfifo(folder / "agents" / "pipe.yaml")
    said = refused(folder)
    for name in ("out.yaml`: it leads out", "gone.yaml`", "loop.yaml`", "roles`: it leads out", "pipe.yaml`: it is no"):
        assert name in said, name
    assert f"`agents/big.yaml`: more than {LARGEST_FILE} bytes" in said
    assert "`agents/latin.yaml` line 2: expected UTF-8" in said
    assert "upstreams`: expected a folder of files, no link" in said
    assert "secret: yes" not in said


def test_a_link_within_the_folder_is_a_file_of_it(tmp_path: Path) -> None:
    put(tmp_path, agents__bot_yaml=AGENT)
    (tmp_path / "agents" / "twin.yaml").symlink_to("bot.yaml")
    assert read_folder(tmp_path)["agents/twin.yaml"] == AGENT


def test_a_folder_without_an_end_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / "/".join("abcdefgh")[: 2 * 6]
    deep.mkdir(parents=True)
    assert "no more folders" in refused(tmp_path)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").endswith("none` is not a folder")


FILES = {"agents/bot.yaml": AGENT, ".schemas/agent.json": "{}\n"}


def test_what_is_written_is_read_and_written_again_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gatepass.d"
    assert write_folder(folder, FILES, force=False) == list(FILES)
    assert read_folder(folder) == {"agents/bot.yaml": AGENT}
    assert write_folder(folder, FILES, force=False) == []
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["agent.json", "bot.yaml"]


def test_a_file_of_somebodys_own_stays_and_nothing_else_is_written(tmp_path: Path) -> None:
    put(tmp_path, agents__bot_yaml=AGENT + "# ours\n")
    with pytest.raises(Conflict) as caught:
        write_folder(tmp_path, {**FILES, "roles/a.yaml": "x"}, force=False)
    assert "agents/bot.yaml" in caught.value.message
    assert not (tmp_path / "roles").exists()
    assert write_folder(tmp_path, FILES, force=True) == list(FILES)
    assert (tmp_path / "agents" / "bot.yaml").read_text() == AGENT


@pytest.mark.parametrize(
    "path", ["../agents/x.yaml", "/etc/x.yaml", "agents/../../x.yaml", "agents/x.sh", ".ssh/x.yaml", "agents/.x.yaml"]
)
def test_a_server_writes_nowhere_else(tmp_path: Path, path: str) -> None:
    with pytest.raises(Malformed):
        write_folder(tmp_path / "in", {**FILES, path: "x"}, force=True)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "agents").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        write_folder(tmp_path / "in", FILES, force=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "in" / "agents").mkdir(parents=True)
    (tmp_path / "in" / "agents" / "bot.yaml").symlink_to(tmp_path / "target")
    write_folder(tmp_path / "in", FILES, force=True)
    assert (tmp_path / "target").read_text() == "mine"
