"""A real Gatepass server in a folder of its own, started and stopped as a person would."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Deployment:
    """A server that listens."""

    url: str
    code: Any
    data: Path
    process: int


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment of nobody in particular, in which `gatepass` is this checkout's."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "PYTHONPATH") if name in os.environ}
    path = f"{BIN}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    return {**kept, "PATH": path, "HOME": str(home), "TERM": "dumb", "COLUMNS": "80", "TZ": "UTC", **more}


@contextmanager
def started(folder: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[Deployment]:
    """`gatepass up` on a free port, stopped when the block ends."""
    data = folder / "data"
    command = [sys.executable, "-m", "gatepass", "up", "--json", "--data", str(data), "--port", "0", *options]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment(folder, **(settings or {})), stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "up.log").read_text()
        said: dict[str, Any] = json.loads(line)
        yield Deployment(said["people_url"], said["sign_in_code"], data, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
