"""Where a run was made: commit, processor, kernel, Python, the disk under the data folder and how long it syncs."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Disk", "Machine"]

ROOT: Final = Path(__file__).parents[2]
SYNCS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What the data folders of a run lie on."""

    device: str
    filesystem: str
    fdatasync_ms: float
    """The median of 200, after 4 KiB were appended each time."""

    @classmethod
    def under(cls, folder: Path) -> "Disk":
        """Look it up, and try it."""
        device, _, kind = max(
            (line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()),
            key=lambda mount: len(mount[1]) if folder.resolve().is_relative_to(mount[1]) else -1,
        )
        probe, times = folder / "sync-probe", list[float]()
        with probe.open("wb", buffering=0) as file:
            for _ in range(SYNCS):
                file.write(bytes(4096))
                begun = time.perf_counter()
                os.fdatasync(file.fileno())
                times.append(time.perf_counter() - begun)
        probe.unlink()
        return cls(device=device, filesystem=kind, fdatasync_ms=round(statistics.median(times) * 1000, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a figure has to be read with."""

    commit: str
    date: str
    cpu: str
    cores: int
    kernel: str
    python: str

    @classmethod
    def here(cls) -> "Machine":
        """This machine and this checkout, now."""
        return cls(
            commit=_commit(),
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            cpu=_cpu(),
            cores=len(os.sched_getaffinity(0)),
            kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
        )


def _commit() -> str:
    """The short id, with a plus sign when the sources were changed since; what a run itself writes is no source."""
    git = shutil.which("git")
    if git is None:
        return "unknown"

    def ask(*words: str) -> str:
        done = subprocess.run([git, "-C", ROOT, *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    written = (":!bench/results", ":!README.md")
    changed = ask("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
    return f"{ask('rev-parse', '--short=7', 'HEAD') or 'unknown'}{'+' if changed else ''}"


def _cpu() -> str:
    """The model, or the machine's kind where the kernel does not tell."""
    about = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    fields = dict(line.split(":", 1) for line in about.splitlines() if ":" in line)
    told = {name.strip(): value.strip() for name, value in fields.items()}
    family = f" (family {told['cpu family']}, model {told['model']})" if "cpu family" in told else ""
    return told.get("model name", platform.machine()) + family
