"""The key file: the one file that opens every secret in custody.

It is made once, with nobody else allowed to read it, and replaced as a whole: the new text is on the disk
under another name before it takes the old one's place, so a crash leaves one or the other, never neither. A
file that others can read is refused, not repaired: whoever read it meanwhile still has it.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.keys import Keyring

__all__ = ["load_or_create", "replace"]

PRIVATE: Final = 0o600
_MOST: Final = 1 << 20


def load_or_create(path: Path, at: Instant, entropy: Callable[[int], bytes], *, first: bool = True) -> Keyring:
    """The keyring in `path`; a new one when there is no such file and this is the `first` start.

    Raises `Unavailable` (`key_unusable`) for a file that others can read, that cannot be read, or that is
    missing where there was one, and `Malformed` (`malformed_config`) for one whose text is wrong.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(path, "it is not a plain file")
            if os.name == "posix" and status.st_mode & 0o077:
                raise _unusable(path, "others than its owner can read or write it")
            return Keyring.parse(file.read(_MOST).decode("utf-8", "replace"))
    except FileNotFoundError:
        if not first:
            raise _unusable(path, "it is gone, and what was sealed with it cannot be opened without it") from None
        keyring = Keyring.create(at, entropy)
        replace(path, keyring)
        return keyring
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from None


def replace(path: Path, keyring: Keyring) -> None:
    """Put `keyring` in the place of what `path` holds, durably, or leave what was there."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(keyring.write().encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be written") from None


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too. Windows has no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, why: str) -> Unavailable:
    return Unavailable("key_unusable", f"the key file `{path}` cannot be used: {why}")
