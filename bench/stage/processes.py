"""Programs that are started, measured from outside, held while others are measured, and ended by their ids.

A program is the process that was started and everything that descends from it, told by the session that it was
started in and by parenthood. What it has used of the processor is what the kernel says of all of them, those that
have ended and were waited for included; the kernel counts in hundredths of a second, so a round has to last.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from bench.stage.cores import Cores

__all__ = ["Failed", "Started", "free_port", "line_of", "start", "until"]

TICKS: Final = os.sysconf("SC_CLK_TCK")
PATIENCE: Final = 180.0
"""Seconds that a program may take until it answers."""
FAREWELL: Final = 10.0
"""Seconds that a program may take to end before it is killed."""


class Failed(Exception):
    """A subject could not be installed, started or asked; the text is the reason that is reported."""


@dataclass(slots=True)
class Started:
    """A program that runs."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    begun: float = field(default_factory=time.monotonic)

    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.begun

    def pids(self) -> list[int]:
        """The process and everything that descends from it or shares its session."""
        found = {self.process.pid}
        table = list(_table())
        while True:
            more = {pid for pid, parent, session in table if parent in found or session == self.process.pid} - found
            if not more:
                return sorted(found)
            found |= more

    def cpu(self) -> float:
        """Seconds of processor time, user and system, of the whole program since its start."""
        return sum(_spent(pid) for pid in self.pids())

    def memory(self) -> float:
        """Bytes that are its own, and its part of what is shared (PSS), of the whole program."""
        return float(sum(_resident(pid) for pid in self.pids()))

    def hold(self) -> None:
        """Stop it from running until `release`: it must not disturb whoever is measured meanwhile."""
        self._tell(signal.SIGSTOP)

    def release(self) -> None:
        """Let it run again."""
        self._tell(signal.SIGCONT)

    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self.process.poll() is None

    def end(self) -> None:
        """End all of it, whatever happened before; returns when every process is gone."""
        pids = self.pids()
        self.release()
        self._tell(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(FAREWELL)
        for pid in {*pids, *self.pids()}:
            if pid != self.process.pid or self.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def said(self) -> str:
        """The end of what it wrote to its log, on one line: why it did not start."""
        text = self.log.read_text(errors="replace").strip() if self.log.exists() else ""
        return " ".join(text[-400:].split()) or "it said nothing"

    def _tell(self, number: signal.Signals) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def start(
    name: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    cores: frozenset[int],
    env: Mapping[str, str] | None = None,
    speaks: bool = False,
) -> Iterator[Started]:
    """Run a program for the length of the block, on these cores. With `speaks`, its pipes are the caller's.

    Raises `Failed` when the program is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env={**_surroundings(), **(env or {})},
                stdin=subprocess.PIPE if speaks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if speaks else output,
                stderr=output,
                start_new_session=True,
                preexec_fn=Cores.pinned(cores),  # noqa: PLW1509 - this process has no other threads when it starts programs
            )
        except OSError as error:
            raise Failed(f"cannot be started: {error.strerror}") from None
    started = Started(name, process, log)
    try:
        yield started
    finally:
        started.end()


def until(started: Started, wrong: Callable[[], str], patience: float = PATIENCE) -> float:
    """Wait until nothing is wrong with a program's answer; the seconds since its start.

    Raises `Failed` with what was wrong to the end, or with what the program said when it ended.
    """
    begun, why = time.monotonic(), "it did not answer"
    while True:
        if not started.alive():
            raise Failed(f"ended with code {started.process.returncode} instead of starting: {started.said()}")
        with contextlib.suppress(OSError):
            if not (why := wrong()):
                return started.age()
        if time.monotonic() - begun > patience:
            raise Failed(f"gave no right answer within {patience:.0f} s: {why}; {started.said()}")
        time.sleep(0.01)


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def line_of(pipe: "IO[bytes] | None", started: Started) -> bytes:
    """The next line that a program says. Raises `Failed` when it ends instead."""
    line = pipe.readline() if pipe is not None else b""
    if not line:
        raise Failed(f"{started.name} ended: {started.said()}")
    return line


def _surroundings() -> dict[str, str]:
    """What a program inherits: nothing that sets Gatepass, a proxy or Python's own paths."""
    unwanted = ("GATEPASS_", "PYTHON", "VIRTUAL_ENV", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def _table() -> Iterator[tuple[int, int, int]]:
    """Process, parent and session of everything that runs here."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            yield int(entry.name), int(fields[1]), int(fields[3])


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on: the name before it may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _spent(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
