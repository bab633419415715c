"""Ours: the real `gatepass up` on a data folder on the disk under test, furnished over its management API.

Nothing is switched off: the journal is durable before a mutating call leaves the house, answers are searched for the
secret, every meter is drawn. The limits are only so high that nobody is refused. The token holds twenty permissions,
the one that is asked for last.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bench.load import Exchange
from bench.load.upstream import KEY
from bench.peers.probing import answered
from bench.peers.subjects import REFUND_PATH, Ground, Subject, mcp_exchange, rest_exchange
from bench.stage import Started, line_of, start, until
from gatepass import __version__
from gatepass.access import Json
from gatepass.client import Management, Transport
from gatepass.units import instant_text

__all__ = ["PERMISSIONS", "Deployed", "deployed", "gatepass", "gatepass_mcp", "gatepass_reading", "gatepass_unsynced"]

ROOT: Final = Path(__file__).parents[2]
UP: Final = (sys.executable, "-m", "gatepass", "up")
UNSYNCED: Final = (sys.executable, Path(__file__).parent / "programs" / "unsynced.py")
PERMISSIONS: Final = 20
EXAMPLE: Final = (ROOT / "examples" / "orders" / "operations.yaml").read_text()
OPERATIONS: Final = EXAMPLE.replace("user: body.user}", "user: body.user, note: body.note}")
"""The example's, with the note that makes a request as long as everybody's."""
TOOLS: Final = """
types:
  refunds:
    actions:
      make: {class: write, properties: {amount: {type: number, non_negative: true}, currency: string}}
mcp:
  tools:
    refund:
      action: "refunds:make"
      resource: arguments.order
      properties: {amount: arguments.amount, currency: arguments.currency}
"""
REFUNDS: Final = "order-12345?amount<=50&amount>=0&currency=USD"
USED: Final = ("orders:watch:order-12345", f"refunds:make:{REFUNDS}", f"orders:refund:{REFUNDS}")
"""The permissions that are asked for: a read, the refund over MCP, the refund over REST."""
ROOM: Final = {
    "GATEPASS_LIMITS__ACCOUNT": "900000000/1m",
    "GATEPASS_LIMITS__ATTEMPTS": "900000000/1m",
    "GATEPASS_LIMITS__CALLS": "900000000/1m",
}
SAID: Final = "no request log, durable journal, limits drawn, answers redacted, {} permissions"


@dataclass(slots=True)
class Deployed:
    """A deployment that runs, and its founder's session."""

    started: Started
    agents_port: int
    host: str
    management: Management

    def token(self, name: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        """The id and the text of a new token."""
        said: dict[str, Json] = {"agent": "bot", "name": name, "scopes": scopes, "lifetime_seconds": Decimal(7200)}
        made = self.management.create("tokens", said)
        return str(made["id"]), str(made["token"])


@contextmanager
def deployed(
    ground: Ground, name: str = "gatepass", command: tuple[str | Path, ...] = UP, data: Path | None = None
) -> Iterator[Deployed]:
    """A deployment with two upstreams at the bench's own, their secrets, a role and an agent."""
    folder = ground.folder / name
    with up(ground, name, command, data or folder / "data") as (started, said):
        agents, port = _place(str(said["agents_url"]))
        with Transport(str(said["people_url"])) as stranger:
            session = Management(stranger).sign_in({"code": str(said["sign_in_code"])})
        with Transport(str(said["people_url"]), str(session["token"])) as transport:
            management = Management(transport)
            _furnish(management, ground.upstream_port)
            yield Deployed(started, port, agents, management)


@contextmanager
def up(
    ground: Ground, name: str, command: tuple[str | Path, ...], data: Path
) -> Iterator[tuple[Started, Mapping[str, Any]]]:
    """`gatepass up` on a free port, and what it announces when it can be asked."""
    folder = ground.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    words = (*command, "--json", "--data", data, "--port", "0")
    env = {**ROOM, "HOME": str(folder)}
    with start(name, words, folder=folder, cores=ground.cores.subject, env=env, speaks=True) as started:
        yield started, json.loads(line_of(started.process.stdout, started))


def refunding(deployed: Deployed, permissions: int = PERMISSIONS) -> str:
    """A token whose last permission is the refund that is asked for, over REST and MCP."""
    others = tuple(f"orders:invoice:order-{number}" for number in range(permissions - len(USED)))
    return deployed.token("refunds", (*others, *USED))[1]


@contextmanager
def gatepass(ground: Ground) -> Iterator[Subject]:
    """A mutating REST call: its intent is durable before it leaves the house."""
    with _subject(ground, "Gatepass", UP, _write) as subject:
        yield subject


@contextmanager
def gatepass_reading(ground: Ground) -> Iterator[Subject]:
    """A reading REST call: its record is durable before the last byte of its answer."""
    with _subject(ground, "Gatepass, a read", UP, _read) as subject:
        yield subject


@contextmanager
def gatepass_unsynced(ground: Ground) -> Iterator[Subject]:
    """A mutating call on a database that never syncs: `bench/peers/programs/unsynced.py`, which no setting reaches."""
    with _subject(ground, "Gatepass, not durable", UNSYNCED, _write) as subject:
        yield subject


@contextmanager
def gatepass_mcp(ground: Ground) -> Iterator[Subject]:
    """A mutating tool call."""
    with _subject(ground, "Gatepass", UP, _call) as subject:
        yield subject


def _write(port: int, headers: dict[str, str]) -> Exchange:
    return rest_exchange(port, path=f"/u/orders{REFUND_PATH}", headers=headers)


def _read(port: int, headers: dict[str, str]) -> Exchange:
    asked = rest_exchange(port, path="/u/orders/orders/order-12345/events", headers=headers)
    return replace(asked, method="GET", body=b"")


def _call(port: int, headers: dict[str, str]) -> Exchange:
    return mcp_exchange(port, "/mcp/tools", headers=headers, keyed=True)


@contextmanager
def _subject(
    ground: Ground,
    name: str,
    command: tuple[str | Path, ...],
    exchange: Callable[[int, dict[str, str]], Exchange],
) -> Iterator[Subject]:
    with deployed(ground, name.lower().replace(", ", "-").replace(" ", "-"), command) as running:
        asked = exchange(running.agents_port, {"Authorization": f"Bearer {refunding(running)}"})
        settings = SAID.format(PERMISSIONS)
        if command is UNSYNCED:
            settings = settings.replace("durable journal", "journal never synced")
        yield Subject(
            name=name,
            started=running.started,
            exchange=asked,
            version=__version__,
            settings=settings,
            ready_s=until(running.started, answered(asked)),
        )


def _furnish(management: Management, port: int) -> None:
    header = {"kind": "header", "name": "authorization", "prefix": "Bearer "}
    for name, kind, path, operations in (("orders", "rest", "", OPERATIONS), ("tools", "mcp-http", "/mcp", TOOLS)):
        upstream = {"name": name, "kind": kind, "target": f"http://127.0.0.1:{port}{path}", "operations": operations}
        management.create("upstreams", {**upstream, "injection": header})
        management.create("secrets", {"name": f"{name}-key", "upstream": name, "value": KEY})
    management.replace("roles", "worker", {"scopes": ("orders:*", "refunds:*"), **_bearers()})
    management.create("agents", {"name": "bot", "role": "worker"})


def _bearers() -> dict[str, Json]:
    """The rows about bearers write, too: the role says so."""
    until = time.time_ns() // 1_000_000 + 86_400_000
    return {"bearer_until": instant_text(until), "bearer_because": "the bearers' rows"}


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)
