"""Runs a transcript: a file in the style of a manual, whose commands are executed and whose output is compared.

    Prose stands on lines of its own.

    $ gatepass agent show nobody
    gatepass: error: there is no agent `nobody`
    gatepass: hint: [..]
    [1]

A line that begins with `$ ` is a command; what follows, to the next empty line before prose or the next command,
is what it prints on both streams. `[..]` stands for anything within a line, a line `[...]` for any lines,
a last line `[1]` for that exit code (0 where none is given). `> ` continues a command. All commands of a file run
in one shell, one after the other.
"""

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MARK = "--- transcript: "
SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """One command and what it should print."""

    line: int
    command: str
    expected: tuple[str, ...]
    code: int


def read_steps(text: str) -> list[Step]:
    """The commands of a transcript. An empty line ends an output; where the output has one, write `[..]`."""
    steps: list[Step] = []
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        start = place
        place += 1
        if not lines[start].startswith("$ "):
            continue
        command = [lines[start][2:]]
        while place < len(lines) and lines[place].startswith("> "):
            command.append(lines[place][2:])
            place += 1
        expected: list[str] = []
        while place < len(lines) and lines[place] and not lines[place].startswith("$ "):
            expected.append(lines[place])
            place += 1
        code = 0
        if expected and (found := re.fullmatch(r"\[(\d+)\]", expected[-1])):
            code = int(found[1])
            expected.pop()
        steps.append(Step(start + 1, "\n".join(command), tuple(expected), code))
    return steps


def matches(expected: tuple[str, ...], seen: list[str]) -> bool:
    """Whether the output is the expected one, wildcards allowed for."""
    pattern = "".join("(?:.*\n)*?" if line == "[...]" else _line(line) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in seen)) is not None


def _line(expected: str) -> str:
    return "[^\n]*?".join(map(re.escape, expected.split("[..]")))


class Shell:
    """One bash in which commands run one after the other, as somebody types them."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> tuple[list[str], int]:
        """The lines that `command` prints, on both streams, and its exit code."""
        assert self._process.stdin is not None
        script = f"{{ {command}\n}} </dev/null; printf '\\n{MARK}%d\\n' $?\n"
        self._process.stdin.write(script.encode())
        self._process.stdin.flush()
        text, code = self._read()
        return text.splitlines(), code

    def _read(self) -> tuple[str, int]:
        assert self._process.stdout is not None
        content = b""
        end = time.monotonic() + SECONDS
        while (found := re.search(rb"\n" + MARK.encode() + rb"(\d+)\n\Z", content)) is None:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            assert piece, f"no end of: {content.decode(errors='replace')}"
            content += piece
        return content[: found.start()].decode(), int(found[1])
