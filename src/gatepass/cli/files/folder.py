"""A folder of configuration on a disk: read within bounds, written whole.

Read are `.yaml` files one level down, in whatever folders there are; a `.yml`, or one that lies anywhere else, is sent
along so that the server says what is wrong with it, because a file that is silently left out would be a record that is
silently left out. Hidden files, an editor's leavings and everything that is no YAML are not looked at. Nothing outside
is: no link leads out of the folder, and what is no plain file is refused. Each complaint names its file, all at once.

Written is beside and renamed, file by file, once all of them could be written. A file that says something else than
what was written here before is somebody's own, and stays unless it is to be overwritten.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gatepass.errors import Conflict, Malformed

__all__ = ["read_folder", "write_folder"]

LARGEST_FILE: Final = 256 * 1024
LARGEST_FOLDER: Final = 3 << 20
MOST_FILES: Final = 2_000
DEEPEST: Final = 4
MOST_COMPLAINTS: Final = 50

_LEAVINGS: Final = re.compile(r"\..*|#.*#|.*~|.*\.(?:swp|swo|bak|orig|rej|tmp)")
_OURS: Final = re.compile(
    r"(?:agents|roles|upstreams|operations)/[a-z0-9][a-z0-9.-]{0,62}\.yaml"
    r"|\.schemas/(?:agent|role|upstream|operations)\.json"
)
_YAML: Final = re.compile(r".*\.ya?ml", re.IGNORECASE)


def read_folder(folder: Path) -> dict[str, str]:
    """The text of each file by its path in `folder`. Raises `Malformed` (`malformed_configuration`)."""
    if not folder.is_dir():
        raise Malformed("malformed_configuration", f"`{folder}` is not a folder")
    complaints: list[str] = []
    files: dict[str, str] = {}
    total = 0
    for path in _found(folder, folder.resolve(), complaints):
        name = path.relative_to(folder).as_posix()
        text = _read(path, name, complaints)
        total += len(text.encode())
        files[name] = text
        if len(files) > MOST_FILES or total > LARGEST_FOLDER:
            complaints.append(f"`{folder}`: more than {MOST_FILES} files, or {LARGEST_FOLDER} bytes")
            break
    if complaints:
        raise Malformed("malformed_configuration", "; ".join(complaints[:MOST_COMPLAINTS]))
    return files


def _found(folder: Path, root: Path, complaints: list[str], depth: int = 0) -> Iterator[Path]:
    """Files that could be ours, in order. `root` is where the folder really is."""
    for path in sorted(folder.iterdir()):
        if _LEAVINGS.fullmatch(path.name):
            continue
        try:
            real = path.resolve(strict=True)
            kind = real.stat().st_mode
        except (OSError, RuntimeError) as error:
            complaints.append(f"`{path}`: it cannot be read: {getattr(error, 'strerror', None) or 'a link to nothing'}")
            continue
        if not real.is_relative_to(root):
            complaints.append(f"`{path}`: it leads out of the folder")
        elif stat.S_ISDIR(kind):
            if path.is_symlink() or depth >= DEEPEST:
                complaints.append(f"`{path}`: expected a folder of files, no link and no more folders")
            else:
                yield from _found(path, root, complaints, depth + 1)
        elif _YAML.fullmatch(path.name):
            if stat.S_ISREG(kind):
                yield path
            else:
                complaints.append(f"`{path}`: it is no plain file")


def _read(path: Path, name: str, complaints: list[str]) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            complaints.append(f"`{name}`: more than {LARGEST_FILE} bytes")
            return ""
        return content.decode()
    except OSError as error:
        complaints.append(f"`{name}`: it cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        complaints.append(f"`{name}` line {line}: expected UTF-8")
    return ""


def write_folder(folder: Path, files: Mapping[str, str], *, force: bool) -> list[str]:
    """Write the files that differ, whole or not at all, and return their paths.

    Raises `Conflict` for a file that says something else already, unless `force`; `Malformed` for a path that is not
    one of a configuration, whoever named it.
    """
    strange = [path for path in files if not _OURS.fullmatch(path)]
    if strange:
        raise Malformed("malformed_configuration", f"`{strange[0][:80]}` is no file of a configuration")
    wanted = {folder / path: text.encode() for path, text in files.items()}
    differing = [path for path, content in wanted.items() if _content(path) != content]
    taken = [path for path in differing if path.is_symlink() or path.exists()]
    if taken and not force:
        names = ", ".join(f"`{path}`" for path in taken[:_SHOWN]) + (", ..." if len(taken) > _SHOWN else "")
        hint = "Keep them elsewhere, or overwrite them with --force: their comments are lost."
        raise Conflict("conflict", f"there are files that say something else already: {names}", hint=hint)
    try:
        _replace({path: wanted[path] for path in differing}, folder)
    except OSError as error:
        raise Conflict("conflict", f"`{folder}` cannot be written: {error.strerror}", hint=_ELSEWHERE) from None
    return [path.relative_to(folder).as_posix() for path in differing]


def _replace(contents: Mapping[Path, bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    ready: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(exist_ok=True)
            if path.parent.is_symlink() or not path.parent.resolve().is_relative_to(root):
                raise NotADirectoryError(errno.ENOTDIR, "a link leads out of it")
            beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            ready.append((beside, path))
            with beside.open("wb") as stream:
                stream.write(content)
                os.fsync(stream.fileno())
        for beside, path in ready:
            beside.replace(path)
    finally:
        for beside, _ in ready:
            beside.unlink(missing_ok=True)


def _content(path: Path) -> bytes | None:
    try:
        return None if path.is_symlink() else path.read_bytes()
    except OSError:
        return None


_SHOWN: Final = 5
_ELSEWHERE: Final = "Name another folder, or make room."
