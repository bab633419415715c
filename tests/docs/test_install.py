"""`docs/install.md` can be followed: its blocks are read by what reads them, and what it promises is tried."""

import asyncio
import configparser
import os
import re
import shlex
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import pytest
from tests.e2e.place import Line, founder, furnished, running, signed_in, token_for, upstream

from gatepass.audit import FaultKind, Verifier, read_checkpoint, read_line
from gatepass.cli.probes import State, custody, data_folder
from gatepass.cli.program import root
from gatepass.settings import Settings, read

PAGE = (Path(__file__).parents[2] / "docs" / "install.md").read_text()
NOBODY = 65_534


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> list[str]:
    """Every use of `gatepass` in a shell block, without what stands around it."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    inner = [re.sub(r'^eval "\$\((.*)\)"$', r"\1", line) for line in lines]
    return [line for line in inner if re.match(r"([A-Z_]+=\S+ )*gatepass ", line)]


def parsed(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> None:
    """Have the command line read its arguments, and run nothing."""
    context = command.make_context(command.name, list(arguments), parent=parent)
    if isinstance(command, click.Group):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None, name
        parsed(inner, rest, context)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_command_is_one(line: str) -> None:
    words = [word for word in shlex.split(line.partition(" > ")[0]) if not re.match(r"[A-Z_]+=", word)]
    parsed(root, words[1:])


def test_a_command_that_is_none_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        parsed(root, ["revoke", "--everyone"])
    assert len(commands()) >= 8


def test_the_settings_are_read(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    for content in (text, ""):
        (tmp_path / "gatepass.toml").write_text(content)
        settings = read({"GATEPASS_HOME": str(tmp_path / "data")}, config=tmp_path / "gatepass.toml")
        assert isinstance(settings, Settings)


def test_the_unit_fits_the_rest_of_the_page(tmp_path: Path) -> None:
    (text,) = blocks("ini")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(text)
    service = unit["Service"]
    assert service["User"] == "gatepass"
    assert f"/var/lib/{service['StateDirectory']}" == "/var/lib/gatepass"
    assert "Environment=GATEPASS_HOME=/var/lib/gatepass\n" in text
    parsed(root, shlex.split(service["ExecStart"])[1:])
    if tool := shutil.which("systemd-analyze"):
        file = tmp_path / "gatepass.service"
        file.write_text(text.replace(service["ExecStart"], "/bin/true"))
        done = subprocess.run([tool, "verify", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@contextmanager
def somebody_else() -> Iterator[bool]:
    """As another user, where that can be had; yields whether it could."""
    if os.geteuid() != 0:
        yield False
        return
    os.seteuid(NOBODY)
    try:
        yield True
    finally:
        os.seteuid(0)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gatepass-install-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_another_user_can_read_nothing_in_the_folder(reachable: Path) -> None:
    umask = os.umask(0)
    try:
        with running(reachable) as place:
            signed_in(place)
            data = place.data
            paths = [data, *data.rglob("*")]
            assert {"gatepass.db", "gatepass.db-wal", "sealing.key"} <= {path.name for path in paths}
            for path in paths:
                if path.is_file() or path == data:
                    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
            with somebody_else() as other:
                for path in paths if other else ():
                    with pytest.raises(PermissionError):
                        os.open(path, os.O_RDONLY)
    finally:
        os.umask(umask)


def test_doctor_tells_another_user_that_it_is_protected(reachable: Path) -> None:
    data = reachable / "data"
    data.mkdir(mode=0o700)
    with somebody_else() as other:
        settings = read({"GATEPASS_HOME": str(data)})
        assert isinstance(settings, Settings)
        found = [*data_folder(data), custody(data)]
    if other:
        assert [finding.state for finding in found] == [State.OK, State.OK]
        assert found[-1].said == f"protected from you: the data folder belongs to `{founder()}`"


def test_a_backup_is_whole_and_forgets_what_came_after_it(tmp_path: Path) -> None:
    assert "?mode=ro' \\\"VACUUM INTO '" in PAGE

    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
                with closing(sqlite3.connect(f"file:{place.data}/gatepass.db?mode=ro", uri=True)) as reading:
                    reading.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
                await asyncio.to_thread(management.act, "tokens", "one", "revoke")
                head = await asyncio.to_thread(management.head)
            shutil.copy(tmp_path / "backup.db", tmp_path / "data" / "gatepass.db")
            for left in (tmp_path / "data").glob("gatepass.db-*"):
                left.unlink()
            with running(tmp_path) as place:
                management = await asyncio.to_thread(signed_in, place)
                line = Line(place.agents_port)
                assert (await line.rest(token, "one"))[0] == 200, "revoked since, and the backup does not know"
                await asyncio.to_thread(management.withdraw, "everything")
                assert (await line.rest(token, "one"))[0] == 401
                line.close()
                with management.export() as lines:
                    verifier = Verifier(read_checkpoint(str(head["text"])).heads)
                    verifier.see(read_line(each + b"\n") for each in lines)
                report = verifier.finish()
                assert [fault.kind for fault in report.faults] == [FaultKind.CUT_OFF]

    asyncio.run(story())
