"""From "revoke" to the last call that was permitted: one process, every token of the drill in use on four connections.

The clock starts when the revocation is asked for and stops at the last answer that permitted anything. A call that was
asked after the revocation had been answered, and was permitted, is no figure but a fault, and fails the row.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.peers import ours
from bench.peers.subjects import REFUND, REFUND_PATH, Ground
from bench.reporting.results import Goal
from bench.reporting.statistics import How
from bench.rows.contest import Contest, Row, Say, Size, Taker
from bench.stage import Failed
from gatepass import __version__

__all__ = ["REVOCATION"]

LINES: Final = 4
BUSY: Final = 0.15
"""Seconds that a token is in use before it is revoked."""
REFUSALS: Final = (401, 403)
"""A dead token, and a call that was under way when its token died."""
SCOPE: Final = ("orders:refund:order-12345?amount<=50&amount>=0&currency=USD",)


@dataclass
class Drill:
    """The calls of one token, until it is refused."""

    port: int
    host: str
    token: str
    permitted: list[tuple[float, float]] = field(default_factory=list)
    """When each was asked, and when it was answered."""
    refused: list[float] = field(default_factory=list)
    """When each line was."""
    wrong: str = ""

    def run(self) -> None:
        """Call until refused, on every line."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with asyncio.timeout(30):
            await asyncio.gather(*(self._line() for _ in range(LINES)))

    async def _line(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        said = f"POST /u/orders{REFUND_PATH} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        said += f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
        request = f"{said}Content-Length: {len(REFUND)}\r\n\r\n".encode() + REFUND
        try:
            status = 200
            while status == 200:
                asked = time.perf_counter()
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
                status = int(head.split(b" ", 2)[1])
                if status == 200:
                    self.permitted.append((asked, time.perf_counter()))
            self.refused.append(time.perf_counter())
            if status not in REFUSALS:
                self.wrong = f"refused with {status}"
        finally:
            writer.close()


def drilled(running: ours.Deployed, many: int) -> dict[str, float]:
    """So many tokens, revoked one after the other: ms to the last permitted answer, and to the revocation's own."""
    last, told = list[float](), list[float]()
    for number in range(many):
        name, text = running.token(f"drill-{time.time_ns()}-{number}", SCOPE)
        drill = Drill(running.agents_port, running.host, text)
        calling = threading.Thread(target=drill.run)
        calling.start()
        time.sleep(BUSY)
        begun = time.perf_counter()
        running.management.act("tokens", name, "revoke", {"reason": "a drill"})
        answered = time.perf_counter()
        calling.join(40)
        late = [asked for asked, _ in drill.permitted if asked > answered]
        if late:
            raise Failed(f"{len(late)} calls were asked after the revocation was answered, and permitted")
        if drill.wrong or not drill.permitted or len(drill.refused) < LINES or min(drill.refused) < begun:
            raise Failed(f"a token of the drill did not end as it should: {drill.wrong or 'too early, or never'}")
        last.append(max(0.0, max(end for _, end in drill.permitted) - begun) * 1000)
        told.append((answered - begun) * 1000)
    last.sort()
    return {
        "p50_ms": last[len(last) // 2],
        "p99_ms": last[min(len(last) - 1, len(last) * 99 // 100)],
        "answered_ms": sorted(told)[len(told) // 2],
    }


@contextmanager
def opened(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:
    """One deployment."""
    many = size.many(20, 5)
    say(f"    {many} tokens a round")
    with ours.deployed(ground) as running:
        yield Contest(
            takers={
                "Gatepass": Taker(
                    measure=lambda: drilled(running, many),
                    version=__version__,
                    settings=f"{many} tokens a round revoked over the API, each in use on {LINES} connections",
                )
            },
            facts={"p99": f"of {many} revocations a round: the slowest of them"},
        )


REVOCATION: Final = Row(
    name="revocation",
    title="Revoked to last permitted call",
    shows={"p50_ms": "p50 ms", "p99_ms": "p99 ms", "answered_ms": "ms until the revocation is answered"},
    goals=(
        Goal(
            number=14,
            what="revoked to last permitted call, one process, p99",
            metric="p99_ms",
            subject="Gatepass",
            how=How.VALUE,
            bound=50,
            unit="ms",
        ),
    ),
    open=opened,
)
