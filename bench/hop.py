"""What a call costs that passes through Gatepass, beside nginx `proxy_pass` on the same load and the same upstream.

    python bench/hop.py [--rounds 5] [--seconds 3] [--connections 32]

A real `gatepass up` with everything on (durability, limits, redaction, the journal, a secret put on every call), in a
process of its own, an upstream that does nothing, and `wrk`. The contenders take turns; the figure is CPU time of the
whole process a request, from the kernel's own accounts, so that a busy machine disturbs it less than the clock.
Needs nginx and wrk.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from gatepass.access import Json
from gatepass.client import Management, Transport

HERE = Path(__file__).parent
OPERATIONS = """
types:
  orders:
    actions:
      get: {class: read}
      refund:
        class: write
        properties:
          amount: number
          currency: string
          reason: {type: string, free: true}
rest:
  - {match: "GET /orders/{order}", action: "orders:get", resource: path.order}
  - match: "POST /orders/{order}/refunds"
    action: "orders:refund"
    resource: path.order
    properties: {amount: body.amount, currency: body.currency}
"""
TOOLS = """
types:
  tools:
    actions:
      refund: {class: write}
mcp:
  tools:
    refund: {action: "tools:refund", resource: arguments.order}
"""
SCOPES = (
    "orders:get:order-12345",
    "orders:refund:order-12345?amount<=50&amount>=0&currency=USD",
    "tools:refund:order-12345",
)
BODY = json.dumps({"amount": 49.5, "currency": "USD", "reason": "x" * 103}).replace(" ", "")
"""150 bytes."""
ERA = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "refund", "arguments": {"order": "order-12345"}, "_meta": META},
    }
)
MCP = {"MCP-Protocol-Version": ERA, "Mcp-Method": "tools/call", "Mcp-Name": "refund"}
ROOM = {
    "GATEPASS_LIMITS__ACCOUNT": "900000000/1s",
    "GATEPASS_LIMITS__ATTEMPTS": "900000000/1m",
    "GATEPASS_LIMITS__CALLS": "900000000/1m",
}


@dataclass(frozen=True)
class Contender:
    """Somebody who answers: where, how to ask, and whose CPU time counts."""

    name: str
    url: str
    pids: tuple[int, ...]
    headers: dict[str, str]
    method: str = "POST"
    body: str = BODY


@dataclass
class Seen:
    """What was seen of a contender, a round each."""

    cpu: list[float] = field(default_factory=list)
    """Microseconds a request."""
    p50: list[float] = field(default_factory=list)
    """Milliseconds."""
    rate: list[float] = field(default_factory=list)


def cpu_of(pids: tuple[int, ...]) -> float:
    """Seconds that the threads of some processes have run."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def load(contender: Contender, connections: int, seconds: float, folder: Path) -> tuple[int, float, float]:
    """Requests answered, the median wait in milliseconds, requests a second. Every answer has to be a 200."""
    script = folder / "load.lua"
    headers = "".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in contender.headers.items()
    )
    body = f"wrk.body = {json.dumps(contender.body)}\n" if contender.method == "POST" else ""
    done = (
        'done = function(s, l) print("FOUND", s.requests, s.errors.status, l:percentile(50) / 1000, s.duration) end\n'
    )
    script.write_text(f'wrk.method = "{contender.method}"\n{headers}{body}{done}')
    run = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), contender.url]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    found = re.search(r"FOUND\s+(\d+)\s+(\d+)\s+([\d.]+)\s+(\d+)", said)
    assert found is not None, said
    assert int(found[2]) == 0, f"{contender.name}: {said}"
    return int(found[1]), float(found[3]), int(found[1]) / (int(found[4]) / 1e6)


def rounds(contenders: list[Contender], connections: int, seconds: float, count: int, folder: Path) -> dict[str, Seen]:
    """The contenders in turns, `count` times."""
    seen = {contender.name: Seen() for contender in contenders}
    for contender in contenders:
        load(contender, connections, 1, folder)
    for _ in range(count):
        for contender in contenders:
            begun = cpu_of(contender.pids)
            requests, p50, rate = load(contender, connections, seconds, folder)
            one = seen[contender.name]
            one.cpu.append((cpu_of(contender.pids) - begun) / requests * 1e6)
            one.p50.append(p50)
            one.rate.append(rate)
    return seen


# -- who takes part


@contextmanager
def process(*command: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that says one line when it is ready; ended with the block, by its id."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEPASS_")}
    started = subprocess.Popen(command, env={**kept, **more}, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(30)
        if started.stdout is not None:
            started.stdout.close()


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Nginx with one worker, passing everything on over kept connections. Gives its port and its worker's id."""
    port = free_port()
    (folder / "nginx").mkdir()
    configuration = f"""
daemon off; worker_processes 1; pid {folder}/nginx/pid; error_log {folder}/nginx/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/nginx/body; proxy_temp_path {folder}/nginx/proxy;
  fastcgi_temp_path {folder}/nginx/f; uwsgi_temp_path {folder}/nginx/u; scgi_temp_path {folder}/nginx/s;
  keepalive_requests 100000000;
  upstream bare {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://bare; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
    path = folder / "nginx" / "conf"
    path.write_text(configuration)
    with process("nginx", "-p", str(folder), "-c", str(path)) as master:
        children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
        while not (workers := children.read_text().split()):
            time.sleep(0.05)
        yield port, tuple(map(int, workers))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def gatepass(name: str, folder: Path, upstream: int, *command: str) -> Iterator[tuple[str, int, str]]:
    """`gatepass up`, furnished. Gives its URL for agents, its process id, and a token."""
    begin = command or (sys.executable, "-m", "gatepass", "up")
    data = folder / name
    with process(*begin, "--json", "--data", str(data), "--port", "0", HOME=str(folder), **ROOM) as started:
        assert started.stdout is not None
        said = json.loads(started.stdout.readline())
        with Transport(said["people_url"]) as stranger:
            session = str(Management(stranger).sign_in({"code": said["sign_in_code"]})["token"])
        with Transport(said["people_url"], session) as transport:
            token = furnished(Management(transport), upstream)
        yield said["agents_url"], started.pid, token


def furnished(management: Management, port: int) -> str:
    header: dict[str, Json] = {"kind": "header", "name": "authorization", "prefix": "Bearer "}
    for name, kind, path, operations in (("orders", "rest", "", OPERATIONS), ("tools", "mcp-http", "/mcp", TOOLS)):
        target = f"http://127.0.0.1:{port}{path}"
        said: dict[str, Json] = {"name": name, "kind": kind, "target": target, "operations": operations}
        management.create("upstreams", {**said, "injection": header})
        management.create("secrets", {"name": f"{name}-key", "upstream": name, "value": "sk_live_0123456789abcdef"})
    management.replace("roles", "worker", {"scopes": ("orders:*", "tools:*")})
    management.create("agents", {"name": "bot", "role": "worker"})
    asked: dict[str, Json] = {"agent": "bot", "name": "bench", "scopes": SCOPES, "lifetime_seconds": Decimal(3600)}
    return str(management.create("tokens", asked)["token"])


# -- what is said


def show(title: str, seen: dict[str, Seen], floor: str) -> None:
    print(f"\n{title}\n{'':34} {'CPU us':>9} {'ratio':>8} {'spread':>7} {'p50 ms':>9} {'req/s':>9}")
    for name, one in seen.items():
        ratios = [mine / its for mine, its in zip(one.cpu, seen[floor].cpu, strict=True)]
        ratio = statistics.median(ratios)
        spread = (max(ratios) - min(ratios)) / ratio
        print(
            f"{name:34} {statistics.median(one.cpu):9.1f} {ratio:7.2f}x {spread:7.0%} "
            f"{statistics.median(one.p50):9.3f} {statistics.median(one.rate):9.0f}"
        )


def contenders(url: str, pid: int, token: str, what: str) -> dict[str, Contender]:
    """The calls through one Gatepass."""
    said = {"Authorization": f"Bearer {token}"}
    json_body = {"Content-Type": "application/json"}
    accept = {"Accept": "application/json, text/event-stream"}
    return {
        "post": Contender(f"{what}: POST", f"{url}/u/orders/orders/order-12345/refunds", (pid,), said | json_body),
        "get": Contender(f"{what}: GET", f"{url}/u/orders/orders/order-12345", (pid,), said, "GET"),
        "mcp": Contender(f"{what}: tools/call", f"{url}/mcp/tools", (pid,), said | json_body | accept | MCP, body=CALL),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", nargs="*", default=["many", "one"], choices=["many", "one"])
    parser.add_argument("--calls", nargs="*", default=["post", "get", "mcp"], choices=["post", "get", "mcp"])
    parser.add_argument("--hold", action="store_true", help="print the gateway's process id before each load")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bare = stack.enter_context(process(sys.executable, str(HERE / "bare.py")))
        assert bare.stdout is not None
        upstream = int(bare.stdout.readline())
        port, workers = stack.enter_context(nginx(folder, upstream))
        unsynced = (sys.executable, str(HERE / "unsynced.py"))
        ours = contenders(*stack.enter_context(gatepass("durable", folder, upstream)), "gatepass")
        loose = contenders(*stack.enter_context(gatepass("loose", folder, upstream, *unsynced)), "unsynced")
        proxied = Contender(
            "nginx proxy_pass", f"http://127.0.0.1:{port}/orders", workers, {"Content-Type": "application/json"}
        )
        all_of_them = [proxied, *(ours[call] for call in asked.calls)]
        if "post" in asked.calls:
            all_of_them.append(loose["post"])
        if asked.hold:
            print("gateway", ours["post"].pids, flush=True)
        measures: dict[str, Callable[[], dict[str, Seen]]] = {
            "many": lambda: rounds(all_of_them, asked.connections, asked.seconds, asked.rounds, folder),
            "one": lambda: rounds(all_of_them, 1, asked.seconds, asked.rounds, folder),
        }
        titles = {"many": f"{asked.connections} connections", "one": "one connection"}
        for measure in asked.only:
            show(titles[measure], measures[measure](), proxied.name)


if __name__ == "__main__":
    main()
