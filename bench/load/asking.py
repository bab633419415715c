"""How a row puts load on a subject: one exchange, repeated; what it cost the subject and how long it took.

The generator and the upstream are programs on the core of the load. The subject's processor time is read before and
after the measured stretch. A stretch whose answers were not all right, or that the upstream did not see, is no figure.
"""

import base64
import http.client
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.stage import Cores, Failed, Started, line_of, start

__all__ = ["Asked", "Exchange", "Load", "Loading"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request as it goes over the wire, and what its answer has to hold and to lack."""

    port: int
    path: str
    body: bytes
    headers: Mapping[str, str]
    holds: str
    lacks: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    method: str = "POST"
    counted: str = "refunds"
    """What the upstream counts for it."""
    keyed: bool = False
    """Whether the upstream has to have seen its real key in every one."""

    @property
    def request(self) -> bytes:
        """The bytes of it."""
        said = {"Host": f"{self.host}:{self.port}", **self.headers}
        said |= {"Content-Type": "application/json", "Content-Length": str(len(self.body))} if self.body else {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a measured stretch came to."""

    answers: int
    seconds: float
    cpu: float
    """Seconds of the processor that the subject used for it."""
    p50: float
    p99: float

    @property
    def figures(self) -> dict[str, float]:
        """As a row reports them: µs of the processor and calls that one core carries, ms of waiting."""
        each = self.cpu / self.answers
        return {
            "cpu_us": each * 1e6,
            "per_core": 1 / each if each else 0.0,
            "per_second": self.answers / self.seconds,
            "p50_ms": self.p50 * 1000,
            "p99_ms": self.p99 * 1000,
        }


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked at once, for how long."""

    connections: int
    seconds: float
    warm: float = 0.3
    least: int = 0
    """Answers that are waited for, however long they take: a slow subject is measured on no fewer."""
    warm_least: int = 0


@dataclass(slots=True)
class Loading:
    """The two programs of the load, ready."""

    generator: Started
    upstream: Started
    upstream_port: int

    @classmethod
    @contextmanager
    def opened(cls, cores: Cores, folder: Path) -> Iterator["Loading"]:
        """Start both; they end with the block."""

        def program(name: str) -> Any:
            command = (sys.executable, "-m", f"bench.load.{name}")
            env = {"PYTHONPATH": str(ROOT)}
            return start(name, command, folder=folder, cores=cores.load, env=env, speaks=True)

        with program("upstream") as upstream, program("generator") as generator:
            port = int(line_of(upstream.process.stdout, upstream))
            yield cls(generator, upstream, port)

    def counts(self) -> Mapping[str, int]:
        """What the upstream has seen so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=10)
        try:
            connection.request("GET", "/counts")
            told: dict[str, int] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return told

    def ask(self, subject: Started, exchange: Exchange, load: Load) -> Asked:
        """One warm stretch, one measured. Raises `Failed` unless every answer was right and reached the upstream."""
        self._say({
            "port": exchange.port, "request": base64.b64encode(exchange.request).decode(), "holds": exchange.holds,
            "lacks": exchange.lacks, "connections": load.connections, "warm": load.warm,
            "warm_least": load.warm_least, "least": load.least, "seconds": load.seconds,
        })  # fmt: skip
        self._told()
        counts, cpu = self.counts(), subject.cpu()
        self._say("go")
        told = self._told()
        cpu, after = subject.cpu() - cpu, self.counts()
        answers = int(told["answers"])
        seen = {name: after.get(name, 0) - counts.get(name, 0) for name in (exchange.counted, "with the key")}
        if not answers or seen[exchange.counted] < answers:
            raise Failed(f"{answers} answers, of which the upstream saw {seen[exchange.counted]}")
        if exchange.keyed and seen["with the key"] < answers:
            raise Failed(f"{answers} answers, and the upstream saw its key {seen['with the key']} times")
        return Asked(answers=answers, seconds=told["seconds"], cpu=cpu, p50=told["p50"], p99=told["p99"])

    def _say(self, said: object) -> None:
        pipe = self.generator.process.stdin
        assert pipe is not None
        pipe.write(json.dumps(said).encode() + b"\n")
        pipe.flush()

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(line_of(self.generator.process.stdout, self.generator))
        if told["wrong"]:
            raise Failed(f"wrong answer: {told['first_wrong']}")
        return told
