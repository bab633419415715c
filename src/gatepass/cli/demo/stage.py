"""The parts of the demo, all real: a git repository, an orders API with a log of its own, a Gatepass server.

Everything lives in one temporary folder and on free ports of the loopback, and ends with the demo: each
process is told by its id, and killed if it does not listen.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, Final

from gatepass.errors import NotFound, Unavailable

__all__ = ["Stage", "staged"]

PATIENCE: Final = 30.0
"""Seconds within which a process has to say that it is ready."""

POLITENESS: Final = 10.0
"""Seconds that a process has to end after it was asked to."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is."""

    folder: Path
    repository: Path
    orders_url: str
    orders_log: Path
    orders_key: str
    """The real secret. It never leaves the demo's process but on standard input to the CLI and to the orders API."""
    server_url: str
    agents_url: str
    sign_in_code: str
    server: int
    """Process id."""

    def orders_saw(self) -> list[dict[str, Any]]:
        """What the orders API itself recorded, in order."""
        lines = self.orders_log.read_text().splitlines() if self.orders_log.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def staged(*, keep: bool) -> Iterator[Stage]:
    """Set everything up; end and remove it afterwards, unless the person wants to look around."""
    _need_tools()
    folder = Path(tempfile.mkdtemp(prefix="gatepass-demo-"))
    with ExitStack() as ending:
        if not keep:
            ending.callback(shutil.rmtree, folder, ignore_errors=True)
        repository = _repository(folder / "repository")
        key = "sk_live_" + secrets.token_hex(20)
        log = folder / "orders.log"
        orders = ending.enter_context(_orders(log, key))
        server, said = ending.enter_context(_gatepass(folder / "data"))
        yield Stage(
            folder=folder,
            repository=repository,
            orders_url=orders,
            orders_log=log,
            orders_key=key,
            server_url=said["people_url"],
            agents_url=said["agents_url"],
            sign_in_code=said["sign_in_code"],
            server=server,
        )


def examples() -> Path:
    """The folder of the example upstreams: beside this module in a wheel, at the top in a checkout."""
    for place in (Path(__file__).parent / "examples", Path(__file__).parents[4] / "examples"):
        if (place / "orders" / "server.py").is_file():
            return place
    raise NotFound("demo_tool_missing", "the example upstreams are not installed", hint="Run it from a checkout.")


def _need_tools() -> None:
    if shutil.which("git") is None:
        raise NotFound("demo_tool_missing", "`git` is not installed", hint="Install git, then run the demo again.")
    if find_spec("mcp_server_git") is None:
        hint = "Install it with: pip install 'gatepass[demo]'."
        raise NotFound("demo_tool_missing", "the MCP git server is not installed", hint=hint)


def _repository(folder: Path) -> Path:
    """A real repository with a little history."""
    folder.mkdir()
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "demo",
        "GIT_AUTHOR_EMAIL": "demo@example.invalid",
        "GIT_COMMITTER_NAME": "demo",
        "GIT_COMMITTER_EMAIL": "demo@example.invalid",
    }
    for number, line in enumerate(("Refunds up to 50 USD need nobody.", "Refunds above 50 USD need a person."), 1):
        (folder / "POLICY.md").write_text(f"{line}\n")
        steps = [["init", "--quiet"]] if number == 1 else []
        steps += [["add", "POLICY.md"], ["commit", "--quiet", "--message", line]]
        for step in steps:
            subprocess.run(["git", *step], cwd=folder, env=environment, check=True)  # noqa: S603, S607 - our own words
    return folder


@contextmanager
def _orders(log: Path, key: str) -> Iterator[str]:
    command = [sys.executable, str(examples() / "orders" / "server.py"), "--port", "0", "--log", str(log)]
    with _process(command, {"ORDERS_KEY": key}) as (_, lines):
        match = _await(lines, re.compile(r"(http://127\.0\.0\.1:\d+)"), "the orders API")
        yield match[1]


@contextmanager
def _gatepass(data: Path) -> Iterator[tuple[int, dict[str, str]]]:
    command = [sys.executable, "-m", "gatepass", "up", "--data", str(data), "--port", "0", "--json"]
    with _process(command, {}) as (process, lines):
        match = _await(lines, re.compile(r"(\{.*\})"), "the Gatepass server")
        yield process.pid, {name: str(value) for name, value in json.loads(match[1]).items()}


@contextmanager
def _process(
    command: Sequence[str], more: dict[str, str]
) -> Iterator[tuple["subprocess.Popen[str]", "Queue[str | None]"]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPASS_")}
    process = subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**environment, **more}
    )
    lines: Queue[str | None] = Queue()
    assert process.stdout is not None  # noqa: S101 - it was asked for
    Thread(target=_drain, args=(process.stdout, lines), daemon=True).start()
    try:
        yield process, lines
    finally:
        process.terminate()
        try:
            process.wait(POLITENESS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _drain(stream: IO[str], lines: "Queue[str | None]") -> None:
    """Read a process's words to their end, so that it never stops on a full pipe."""
    for line in stream:
        lines.put(line)
    lines.put(None)


def _await(lines: "Queue[str | None]", wanted: re.Pattern[str], who: str) -> re.Match[str]:
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=PATIENCE)
        except Empty:
            raise Unavailable("demo_part_failed", f"{who} did not start in {PATIENCE:.0f} seconds") from None
        if line is None:
            raise Unavailable("demo_part_failed", f"{who} ended at once: {' '.join(said)[-300:]}")
        said.append(line.strip())
        if match := wanted.search(line):
            return match
