"""The data folder: ours alone, and for one process at a time.

Two processes on one folder would each believe that they know the head of the journal and what is left of every
meter. So a lock is held on a file in it for as long as the folder is open; the system lets go of it when the
process ends, however it ends. The folder is 0700 and what we put into it 0600. A folder that already holds
something else is not taken over.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gatepass.errors import Conflict, Unavailable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["DataFolder"]

LOCK: Final = "gatepass.lock"
_LONGEST_PID: Final = 20
_PRIVATE: Final = 0o600


class DataFolder:
    """An open data folder. Close it last: whoever opens it next may start writing at once."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """Make the folder if need be, and lock it.

        Raises `Conflict` (`folder_in_use`) naming the process that has it, and `Unavailable`
        (`folder_unusable`) when it is not a folder, not ours, not empty when first met, or not writable.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_ours(path)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, _PRIVATE)
        except OSError as error:
            raise _unusable(path, error.strerror or "it cannot be opened") from None
        try:
            _sign(path, lock)
        except BaseException:  # whatever it is, the file must not stay open
            os.close(lock)
            raise
        return cls(path, lock)

    def file(self, name: str) -> Path:
        """A file of ours in the folder, private from before its first byte."""
        path = self.path / name
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
            os.close(descriptor)
            path.chmod(_PRIVATE)
            _sync_folder(self.path)
        except OSError as error:
            raise _unusable(self.path, f"`{name}`: {error.strerror}") from None
        return path

    def close(self) -> None:
        """Let go of the lock. The file stays: deleting it would let two processes lock two files."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _require_ours(path: Path) -> None:
    """Refuse somebody else's folder, and one that we would have to take away from others to make it private."""
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(path, "it is not a folder")
    if sys.platform == "win32":
        return
    if found.st_uid != os.geteuid():
        raise _unusable(path, "it belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        others = [entry.name for entry in path.iterdir()]
        if others and LOCK not in others:
            raise _unusable(path, "others can read it, and it holds files that are not ours")
        path.chmod(0o700)


def _take(lock: int) -> bool:
    """Lock the file without waiting. The lock is the system's: it ends with the process."""
    try:
        if sys.platform == "win32":
            os.lseek(lock, 1024, os.SEEK_SET)  # beyond the text, which others have to be able to read
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            os.lseek(lock, 0, os.SEEK_SET)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _sign(path: Path, lock: int) -> None:
    """Take the lock and say who has it."""
    try:
        taken = _take(lock)
        if taken:
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be locked") from None
    if not taken:
        raise Conflict("folder_in_use", f"the data folder `{path}` is in use by {_holder(lock)}")


def _holder(lock: int) -> str:
    """Who has it, as far as the file says."""
    text = b""
    with suppress(OSError):
        text = os.read(lock, _LONGEST_PID).strip()
    return f"process {int(text)}" if text.isdigit() else "another process"


def _sync_folder(path: Path) -> None:
    """Make a new file's name durable. Windows has no such call, and no need of it."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, why: str) -> Unavailable:
    return Unavailable("folder_unusable", f"the data folder `{path}` cannot be used: {why.lower()}")
