"""Runs a command as a person would see it, at a pseudo-terminal, or as a program would, through pipes."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.cli.deployment import environment

CONTROLLING = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes the pseudo-terminal the one that a password is asked for at, then becomes the command."""


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    code: int
    out: str
    err: str = ""


def piped(*arguments: str, env: Mapping[str, str], said: bytes = b"") -> Ran:
    """Through pipes: no terminal anywhere."""
    command = [sys.executable, "-m", "gatepass", *arguments]
    done = subprocess.run(command, env=dict(env), input=said, capture_output=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def at_terminal(
    *arguments: str, env: Mapping[str, str], typed: Sequence[tuple[str, str]] = (), out_to_pipe: bool = False
) -> Ran:
    """At a terminal: wait for each question, type its answer. `out` is the screen, or what `$( )` would catch."""
    screen, inner = pty.openpty()
    caught, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROLLING, sys.executable, "-m", "gatepass", *arguments],
        env=dict(env),
        stdin=inner,
        stdout=writing if out_to_pipe else inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    os.close(writing)
    seen = ""
    waiting = list(typed)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([screen], [], [], 0.05)
        piece = _read(screen) if ready else b""
        if ready and not piece:
            break
        seen += piece.decode(errors="replace")
        if waiting and waiting[0][0] in seen:
            time.sleep(0.05)
            os.write(screen, waiting.pop(0)[1].encode() + b"\n")
    code = process.wait(20)
    out = b""
    while piece := os.read(caught, 1 << 16):
        out += piece
    os.close(screen)
    os.close(caught)
    return Ran(code, out.decode(), seen) if out_to_pipe else Ran(code, seen)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


__all__ = ["Ran", "at_terminal", "environment", "piped"]
