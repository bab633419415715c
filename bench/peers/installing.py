"""How peers come here: nginx from Debian, the others from PyPI, each in an environment of its own at pinned versions.

What cannot be installed is reported with its reason and stops nobody else. Nothing is fetched at run time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.stage import Failed

__all__ = ["debian", "environment", "version_of"]

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / ".peers"
LOCKS: Final = Path(__file__).parent / "locks"
UV: Final = ROOT / ".tools" / "bin" / "uv"
PATIENCE: Final = 900
MINOR: Final = sys.version_info[:2]


def environment(name: str, *pythons: tuple[int, int]) -> Path:
    """The `bin` folder of the peer's own environment, made from its lock if it is not there yet.

    `pythons` are the versions that the peer runs on, where that is not ours. Raises `Failed`.
    """
    home, lock = PEERS / name, LOCKS / f"{name}.txt"
    made = home / "made-from.txt"
    if not (made.exists() and made.read_text() == lock.read_text()):
        python = sys.executable if not pythons or MINOR in pythons else _python(pythons)
        _run(UV, "venv", "--quiet", "--clear", "--no-python-downloads", "--python", python, home)
        _run(UV, "pip", "install", "--quiet", "--python", home / "bin" / "python", "--requirements", lock)
        made.write_text(lock.read_text())
    return home / "bin"


def version_of(name: str, package: str) -> str:
    """The version of a peer's package, as its lock pins it."""
    for line in (LOCKS / f"{name}.txt").read_text().splitlines():
        found, _, version = line.partition("==")
        if found == package:
            return version
    raise Failed(f"`{package}` is not in the lock of `{name}`")


def debian(package: str, program: str) -> str:
    """Where a program of a Debian package is, installed if we may. Raises `Failed`."""
    search = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
    if found := shutil.which(program, path=search):
        return found
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise Failed(f"`{program}` is not here: install Debian's package `{package}`")
    _run(apt, "update", "-qq")
    _run(apt, "install", "-y", "-qq", "--no-install-recommends", package)
    if found := shutil.which(program, path=search):
        return found
    raise Failed(f"Debian's package `{package}` holds no `{program}`")


def _python(versions: tuple[tuple[int, int], ...]) -> str:
    """An interpreter of one of these versions: on the path, or of pyenv. Raises `Failed`."""
    for major, minor in versions:
        told = shutil.which(f"python{major}.{minor}")
        kept = Path.home().glob(f".pyenv/versions/{major}.{minor}.*/bin/python{major}.{minor}")
        for candidate in (told, *map(str, kept)):
            if candidate and _is(candidate, (major, minor)):
                return candidate
    wanted = " or ".join(f"{major}.{minor}" for major, minor in versions)
    raise Failed(f"it needs Python {wanted}, and there is none here")


def _is(python: str, version: tuple[int, int]) -> bool:
    """Whether it runs and is what it says: a shim may be neither."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=20)
    return done.returncode == 0 and done.stdout.strip() == "{}.{}".format(*version)


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    surroundings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # no service is started
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE, env=surroundings)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"`{Path(words[0]).name} {words[1]}` did not finish: {error}") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise Failed(f"cannot be installed: {said or 'the installer said nothing'}")
