"""The load: as many keep-alive connections as asked, each asking again as soon as it is answered; every answer checked.

It runs as a program of its own on the core of the load and is told what to do in lines of JSON. A measured stretch
ends by letting the answers under way come in, so that what was counted is what was done: a slow subject is not charged
for half a call. The first wrong answer is kept and told; what answers errors fast must not look fast.

    python -m bench.load.generator
"""

import asyncio
import base64
import json
import sys
import time
from array import array
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httptools
import uvloop

__all__ = ["main"]

LONGEST: Final = 90.0
"""Seconds after which a stretch is given up, whatever is still under way."""


@dataclass
class Stretch:
    """One stretch of load."""

    request: bytes
    holds: bytes
    """What a right answer's body holds."""
    lacks: tuple[bytes, ...]
    until: float = 0.0
    least: int = 0
    """Answers that are waited for even when the time is up."""
    answers: int = 0
    wrong: int = 0
    first_wrong: str = ""
    times: "array[float]" = field(default_factory=lambda: array("d"))
    active: int = 0
    done: "asyncio.Future[None] | None" = None

    def more(self, now: float) -> bool:
        """Whether another request is to be sent."""
        return (now < self.until or self.answers + self.active < self.least) and not self.wrong

    def complain(self, why: str) -> None:
        """Note a wrong answer; the first one is told."""
        self.wrong += 1
        self.first_wrong = self.first_wrong or why


class Asking(asyncio.Protocol):
    """One connection of the load."""

    def __init__(self, load: "Generating") -> None:
        self.load = load
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.body = b""
        self.asked = 0.0
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self.ask()

    def ask(self) -> None:
        """Send the request once more, or rest when the stretch is over."""
        stretch = self.load.stretch
        now = time.perf_counter()
        if stretch.more(now):
            assert self.transport is not None
            self.asked, self.waiting = now, True
            stretch.active += 1
            self.transport.write(stretch.request)
        elif not stretch.active and stretch.done is not None and not stretch.done.done():
            stretch.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"no HTTP: {error}")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        stretch, status, body = self.load.stretch, self.parser.get_status_code(), self.body
        if status < 200:
            return
        self.body, self.waiting = b"", False
        stretch.active -= 1
        stretch.answers += 1
        stretch.times.append(time.perf_counter() - self.asked)
        if status != 200 or stretch.holds not in body or any(map(body.__contains__, stretch.lacks)):
            stretch.complain(f"status {status}: {body[:300].decode(errors='replace')}")
        if self.parser.should_keep_alive():
            self.ask()
        else:
            assert self.transport is not None
            self.transport.close()

    def fail(self, why: str) -> None:
        """The connection is no use any more."""
        if self.waiting:
            self.waiting = False
            self.load.stretch.active -= 1
            self.load.stretch.complain(why)
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"connection lost: {exc or 'closed'}")
        self.load.lost(self)


class Generating:
    """All connections to one subject."""

    def __init__(self, port: int, stretch: Stretch) -> None:
        self.port = port
        self.stretch = stretch
        self.connections: set[Asking] = set()
        self.opening: set[asyncio.Task[None]] = set()
        self.ended = False

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, asking = await loop.create_connection(lambda: Asking(self), "127.0.0.1", self.port)
        self.connections.add(asking)

    def lost(self, asking: Asking) -> None:
        """A subject may close after an answer; then another connection is opened, as a client would."""
        self.connections.discard(asking)
        if not self.ended and self.stretch.more(time.perf_counter()):
            task = asyncio.ensure_future(self.connect())
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)
        elif not self.stretch.active and self.stretch.done is not None and not self.stretch.done.done():
            self.stretch.done.set_result(None)

    async def run(self, stretch: Stretch, seconds: float) -> float:
        """Ask for so many seconds and let what is under way come in; the seconds that it took."""
        stretch.until = time.perf_counter() + seconds
        stretch.done = asyncio.get_running_loop().create_future()
        self.stretch = stretch
        begun = time.perf_counter()
        for asking in tuple(self.connections):
            asking.ask()
        try:
            async with asyncio.timeout(LONGEST):
                await stretch.done
        except TimeoutError:
            stretch.complain(f"{stretch.active} answers did not come within {LONGEST:.0f} s")
        return time.perf_counter() - begun

    def close(self) -> None:
        self.ended = True
        for asking in tuple(self.connections):
            asking.waiting = False
            if asking.transport is not None:
                asking.transport.abort()


async def ordered(order: dict[str, Any]) -> None:
    """Warm up, say so, wait for a line, ask for the measured stretch, tell what came."""

    def stretch(least: int) -> Stretch:
        lacks = tuple(map(str.encode, order["lacks"]))
        return Stretch(base64.b64decode(order["request"]), order["holds"].encode(), lacks, least=least)

    # Nothing is sent on connecting: a stretch without an end in the future starts no request.
    generating = Generating(order["port"], stretch(0))
    try:
        try:
            for _ in range(order["connections"]):
                await generating.connect()
        except OSError as error:
            tell({"wrong": 1, "first_wrong": f"cannot connect: {error}", "answers": 0})
            return
        await generating.run(warm := stretch(order["warm_least"]), order["warm"])
        tell({"wrong": warm.wrong, "first_wrong": warm.first_wrong, "answers": warm.answers})
        if warm.wrong:
            return
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        while len(generating.connections) < order["connections"]:
            await generating.connect()
        seconds = await generating.run(one := stretch(order["least"]), order["seconds"])
        times = sorted(one.times) or [0.0]
        tell({
            "wrong": one.wrong, "first_wrong": one.first_wrong, "answers": one.answers, "seconds": seconds,
            "p50": times[len(times) // 2], "p99": times[min(len(times) - 1, len(times) * 99 // 100)],
        })  # fmt: skip
    finally:
        generating.close()
        await asyncio.sleep(0)


def tell(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while line := sys.stdin.readline():
            runner.run(ordered(json.loads(line)))


if __name__ == "__main__":
    main()
