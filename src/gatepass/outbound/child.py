"""One child process that speaks in lines.

The child gets what is named and nothing else: a command, an environment made for it (never ours), a
folder to work in, three pipes. It leads a process group of its own, so that stopping it stops what it
started. Its lines are bounded; its standard error is drained for ever, and only the last of it is kept
until the child has proven itself, so that an operator can learn why it did not start.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

__all__ = ["Child", "Command"]

CHUNK: Final = 65_536
STDERR_KEPT: Final = 2_048
GRACE: Final = 2.0
"""Seconds for a child to end once its input is closed, and again once it was asked to."""
STALLED: Final = 10.0
"""Seconds after which a child that does not read its input is given up."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is started. `environment` may hold a secret and is therefore never shown."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


class Child:
    """A running child. `hear` gets each line; `ended` is called once, with the reason, when no more will come."""

    def __init__(
        self,
        process: Process,
        transport: asyncio.SubprocessTransport,
        *,
        hear: Callable[[bytes], None],
        ended: Callable[[str], None],
        longest: int,
    ) -> None:
        self._process = process
        self._transport = transport
        self._hear = hear
        self._ended = ended
        self._longest = longest
        self._stderr = bytearray()
        self._proven = False
        self._speaking = asyncio.Lock()
        self._tasks = (asyncio.create_task(self._listen()), asyncio.create_task(self._drain()))

    @classmethod
    async def start(
        cls, command: Command, *, hear: Callable[[bytes], None], ended: Callable[[str], None], longest: int
    ) -> Self:
        """Start `command`. Raises OSError where it cannot be started."""
        loop = asyncio.get_running_loop()
        # The long way round to a `Process`: it leaves us the transport, which alone can let go of a pipe
        # that something the child started still holds open.
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
            *command.arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=command.folder,
            env=command.environment,
            start_new_session=True,
        )
        return cls(Process(transport, protocol, loop), transport, hear=hear, ended=ended, longest=longest)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    def prove(self) -> bytes:
        """The child works: keep nothing more of its standard error. Returns what was kept, and forgets it."""
        self._proven = True
        kept = bytes(self._stderr)
        self._stderr.clear()
        return kept

    async def say(self, line: bytes) -> None:
        """Write one line. Raises OSError when the child does not take it."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  started with a pipe
        async with self._speaking:
            stdin.write(line + b"\n")
            try:
                async with asyncio.timeout(STALLED):
                    await stdin.drain()
            except TimeoutError:
                self.kill()
                raise BrokenPipeError("the child does not read") from None

    def kill(self) -> None:
        """End the whole group, at once."""
        self._signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Close its input, then ask, then insist. Returns when it is gone and reaped."""
        with suppress(OSError, RuntimeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        for insistence in (None, signal.SIGTERM, signal.SIGKILL):
            if insistence is not None:
                self._signal(insistence)
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._process.wait()
                    break
        # What the leader started may have outlived it in the group.
        self.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reap()

    async def _reap(self) -> None:
        """Wait for the end of a child that was killed, then let go of its pipes, whoever else may hold them."""
        stdout = self._process.stdout
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(GRACE):
                while stdout is not None and await stdout.read(CHUNK):
                    pass
                await self._process.wait()
        self._transport.close()

    async def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  started with a pipe
        reason = "it ended"
        try:
            held = bytearray()
            while chunk := await stdout.read(CHUNK):
                *lines, rest = chunk.split(b"\n")
                for part in lines:
                    line = bytes(held) + part
                    held.clear()
                    self._check(len(line))
                    self._hear(line)
                held += rest
                self._check(len(held))
        except _TooLongError:
            reason = f"it wrote a line of more than {self._longest} bytes"
        except OSError:
            reason = "its output broke off"
        finally:
            self.kill()
            self._ended(reason)
        await self._reap()

    async def _drain(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101  started with a pipe
        with suppress(OSError):
            while chunk := await stderr.read(CHUNK):
                if not self._proven:
                    self._stderr = (self._stderr + chunk)[-STDERR_KEPT:]

    def _check(self, length: int) -> None:
        if length > self._longest:
            raise _TooLongError

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class _TooLongError(Exception):
    """A line without end."""
