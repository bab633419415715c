"""What `gatepass doctor` looks at: each probe looks at one thing, changes nothing, and says what would mend it.

Probes are told where to look and what time it is. None opens the database: while a server runs it has one owner,
and the library in this process may be older than the one that wrote it.
"""

import fcntl
import os
import pwd
import shutil
import socket
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import Final

from gatepass.settings import KeySource, Settings

__all__ = ["Finding", "State", "clock", "custody", "custody_of", "data_folder", "disk", "key", "lock", "port", "sqlite"]

_LITTLE_SPACE: Final = 1 << 30
_TOO_LITTLE_SPACE: Final = 64 << 20
_WAL_RESET_FIXED: Final = (3, 51, 3)
_OLDEST_SQLITE: Final = (3, 35, 0)
_WRITTEN: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock is right that says an earlier time than when this was written."""
_TOLERANCE: Final = timedelta(minutes=2)


class State(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe saw, and the command that mends it."""

    check: str
    state: State
    said: str
    mend: str | None = None


def data_folder(folder: Path) -> Iterator[Finding]:
    """Only its owner may enter it, and nothing in it is open to others."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        yield Finding("data folder", State.OK, f"`{folder}` is not there yet; the first start makes it", "gatepass up")
        return
    except OSError as error:
        yield Finding("data folder", State.WRONG, f"`{folder}` cannot be looked at: {error.strerror}")
        return
    if not stat.S_ISDIR(status.st_mode):
        yield Finding(
            "data folder",
            State.WRONG,
            f"`{folder}` is not a folder",
            f"mv {quote(str(folder))} {quote(str(folder) + '.old')}",
        )
        return
    yield _closed("data folder", folder, status, 0o700)
    if status.st_uid == os.geteuid():
        yield from _open_files(folder)


def key(settings: Settings, environment: Mapping[str, str]) -> Finding:
    """The key-encryption key is where the settings say, and closed to others."""
    if settings.key.source is KeySource.ENVIRONMENT:
        if environment.get("GATEPASS_KEY"):
            return Finding("sealing key", State.OK, "in the environment, GATEPASS_KEY")
        said = "the settings say environment, and GATEPASS_KEY is not set in this one"
        return Finding("sealing key", State.WARNING, said, "export GATEPASS_KEY for the server before it starts")
    path = settings.key.file or settings.data / "sealing.key"
    try:
        status = path.lstat()
    except FileNotFoundError:
        if any(settings.data.glob("*.db")):
            said = f"`{path}` is gone: nothing in custody can be opened without it"
            return Finding("sealing key", State.WRONG, said, f"restore {path} from a backup")
        return Finding("sealing key", State.OK, f"`{path}` is not there yet; the first start makes it")
    except OSError as error:
        return Finding("sealing key", State.WARNING, f"`{path}` cannot be looked at: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return Finding("sealing key", State.WRONG, f"`{path}` is not a plain file", f"restore {path} from a backup")
    return _closed("sealing key", path, status, 0o600)


def lock(folder: Path) -> Finding:
    """Whether a server has the folder. The lock is the system's: a process that died holds none."""
    path = folder / "gatepass.lock"
    holder = ""
    try:
        with path.open("rb") as stream:
            holder = stream.read(20).decode("ascii", "replace").strip()
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return Finding("lock", State.OK, "no server has used the data folder yet")
    except BlockingIOError:
        return Finding("lock", State.OK, f"held by process {holder}: a server runs on the data folder")
    except OSError as error:
        return Finding("lock", State.WARNING, f"`{path}` cannot be looked at: {error.strerror}")
    return Finding("lock", State.OK, "free: no server runs on the data folder")


def disk(folder: Path) -> Finding:
    """A full disk stops every call, because nothing may happen unrecorded."""
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding("disk", State.WARNING, f"`{there}` cannot be measured: {error.strerror}")
    said = f"{free / (1 << 30):.1f} GiB free at `{there}`"
    if free < _TOO_LITTLE_SPACE:
        return Finding("disk", State.WRONG, f"{said}: calls will be refused", f"make room on the disk of {there}")
    if free < _LITTLE_SPACE:
        return Finding("disk", State.WARNING, said, f"make room on the disk of {there}")
    return Finding("disk", State.OK, said)


def sqlite() -> Finding:
    """The library that a server started from this installation would use."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        return Finding(
            "sqlite", State.WRONG, f"{version} is too old", "install a Python that brings SQLite 3.35 or newer"
        )
    if sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        said = f"{version}; its WAL-reset bug (fixed in 3.51.3) needs two writers, and Gatepass has one"
        return Finding("sqlite", State.OK, said)
    return Finding("sqlite", State.OK, version)


def port(settings: Settings, *, ours: bool) -> Finding:
    """The port is free, or it is `ours`: a Gatepass server answered there."""
    host, number = settings.server.host, settings.server.port
    if ours:
        return Finding("port", State.OK, f"{host}:{number} is held by the server")
    if number == 0:
        return Finding("port", State.OK, "a free one will be taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, number), family=family).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the system refused"
        said = f"{host}:{number} cannot be listened on: {reason.lower()}"
        return Finding("port", State.WRONG, said, "gatepass up --port 0")
    return Finding("port", State.OK, f"{host}:{number} is free")


def clock(folder: Path, now: datetime, server: datetime | None) -> Finding:
    """Every credential's life is measured with the clock: against this version's age, our own files, and the server."""
    if now < _WRITTEN:
        said = f"the clock says {now:%Y-%m-%d %H:%M}Z, which is before this version was written"
        return Finding("clock", State.WRONG, said, "timedatectl set-ntp true")
    newest = max((_modified(path) for path in _files(folder)), default=now)
    if newest - now > _TOLERANCE:
        said = f"the clock says {now:%Y-%m-%d %H:%M}Z, and the data folder was written to at {newest:%Y-%m-%d %H:%M}Z"
        return Finding("clock", State.WRONG, said, "timedatectl set-ntp true")
    if server is not None and abs(server - now) > _TOLERANCE:
        said = f"the clock says {now:%H:%M:%S}Z, and the server's {server:%H:%M:%S}Z"
        return Finding("clock", State.WARNING, said, "timedatectl set-ntp true, on both machines")
    return Finding("clock", State.OK, f"{now:%Y-%m-%d %H:%M:%S}Z")


def custody(folder: Path) -> Finding:
    """Whether the user who asks, who is often the user who runs agents, could read the sealing key."""
    try:
        return custody_of(folder.stat().st_uid, os.geteuid())
    except OSError:
        return custody_of(os.geteuid(), os.geteuid())


def custody_of(owner: int, asking: int) -> Finding:
    """What custody is worth against programs of the user `asking` when the data folder belongs to `owner`."""
    if asking == 0:
        return Finding("custody", State.WARNING, "you are root: whatever root runs can read the secrets in custody")
    if owner == asking:
        said = f"not protected from `{_name(owner)}`: an agent that runs as this user can read the sealing key"
        return Finding("custody", State.WARNING, said, "install Gatepass under a user of its own: docs/install.md")
    return Finding("custody", State.OK, f"protected from you: the data folder belongs to `{_name(owner)}`")


def _closed(check: str, path: Path, status: os.stat_result, mode: int) -> Finding:
    seen = stat.S_IMODE(status.st_mode)
    if seen & 0o077:
        return Finding(
            check, State.WRONG, f"`{path}` is open to other users ({seen:o})", f"chmod {mode:o} {quote(str(path))}"
        )
    if status.st_uid != os.geteuid():
        return Finding(check, State.OK, f"`{path}` belongs to `{_name(status.st_uid)}`, not to you")
    return Finding(check, State.OK, f"`{path}` is yours alone")


def _open_files(folder: Path) -> Iterator[Finding]:
    for path in _files(folder):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077 and not path.is_symlink():
            yield Finding(
                "data folder",
                State.WARNING,
                f"`{path}` is open to other users ({mode:o})",
                f"chmod 600 {quote(str(path))}",
            )


def _files(folder: Path) -> list[Path]:
    """The files right in the folder; none when it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
