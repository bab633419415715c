"""Rows whose subjects are programs under load: the REST hop, its latency, what durability costs, and MCP calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bench.load import Load
from bench.peers import front, mcp_gateways, ours
from bench.peers.subjects import Ground, Opening
from bench.reporting.results import Goal
from bench.reporting.statistics import How
from bench.rows.contest import Contest, Opens, Row, Say, Size, opened

__all__ = ["DURABLE", "LATENCY", "MCP", "REST"]

FORWARDS: Final[Mapping[str, Opening]] = {
    "nginx": front.nginx,
    "nginx auth_request": front.nginx_auth_request,
    "Envoy": front.envoy,
    "Envoy, JWT": front.envoy_jwt,
    "Gatepass": ours.gatepass,
    "Gatepass, a read": ours.gatepass_reading,
}
GATEWAYS: Final[Mapping[str, Opening]] = {
    "nginx": front.nginx_mcp,
    "Gatepass": ours.gatepass_mcp,
    "LiteLLM": mcp_gateways.litellm,
    "FastMCP proxy": mcp_gateways.fastmcp,
    "ContextForge": mcp_gateways.context_forge,
}
DURABLE_OR_NOT: Final[Mapping[str, Opening]] = {
    "Gatepass, not durable": ours.gatepass_unsynced,
    "Gatepass": ours.gatepass,
}


def loaded(openings: Mapping[str, Opening], *, shown: str, **loads: Load) -> Opens:
    """Opens the row's subjects with these loads; a load named `all` gives its metrics no name before theirs."""

    @contextmanager
    def open_(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:
        sized = {
            "" if name == "all" else f"{name}_": Load(
                load.connections, size.seconds(load.seconds), load.warm, load.least, load.warm_least
            )
            for name, load in loads.items()
        }
        with opened(ground, openings, sized, say) as contest:
            contest.facts |= {"load": shown, "permissions of the token": str(ours.PERMISSIONS)}
            yield contest

    return open_


_BOTH: Final = "POST of 150 bytes answered with 300, the key injected by everybody"

REST: Final = Row(
    name="rest",
    title="REST hop, 32 connections",
    floor="nginx",
    shows={"cpu_us": "CPU µs a call", "per_core": "calls/s a core", "p50_ms": "p50 ms", "memory_mb": "MB"},
    goals=(
        Goal(
            number=5,
            what="REST hop, bearer, everything on: CPU against nginx `proxy_pass`",
            metric="cpu_us",
            subject="Gatepass",
            beside="nginx",
            bound=12,
        ),
    ),
    open=loaded(FORWARDS, shown=f"{_BOTH}, 32 kept connections", all=Load(32, 2.5)),
)

LATENCY: Final = Row(
    name="latency",
    title="REST hop, one connection",
    floor="nginx",
    shows={"p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_us": "CPU µs a call"},
    goals=(
        Goal(
            number=7,
            what="latency added at one connection over nginx `proxy_pass`, p50",
            metric="p50_ms",
            subject="Gatepass",
            beside="nginx",
            how=How.DIFFERENCE,
            bound=1,
            unit="ms",
        ),
    ),
    open=loaded(FORWARDS, shown=f"{_BOTH}, one kept connection", all=Load(1, 1.5)),
)

DURABLE: Final = Row(
    name="durable",
    title="Durable before forwarding",
    floor="Gatepass, not durable",
    shows={
        "many_cpu_us": "CPU µs a call, 32 connections",
        "many_per_second": "calls/s",
        "one_p50_ms": "p50 ms, one connection",
        "one_p99_ms": "p99 ms, one connection",
    },
    goals=(
        Goal(
            number=8,
            what="durable before forwarding against never synced: CPU",
            metric="many_cpu_us",
            subject="Gatepass",
            beside="Gatepass, not durable",
            bound=1.5,
        ),
        Goal(
            number=8,
            what="durable before forwarding against never synced: p50 at one connection",
            metric="one_p50_ms",
            subject="Gatepass",
            beside="Gatepass, not durable",
            bound=1.5,
        ),
    ),
    open=loaded(DURABLE_OR_NOT, shown=f"{_BOTH}, 32 kept connections and one", many=Load(32, 2.0), one=Load(1, 1.5)),
)

MCP: Final = Row(
    name="mcp",
    title="MCP tools/call, 8 connections",
    floor="nginx",
    shows={"cpu_us": "CPU µs a call", "per_core": "calls/s a core", "p50_ms": "p50 ms", "memory_mb": "MB"},
    goals=tuple(
        Goal(
            number=12,
            what=f"MCP `tools/call` a core, bearer, against {peer}",
            metric="per_core",
            subject="Gatepass",
            beside=peer,
            bound=bound,
            at_most=False,
        )
        for peer, bound in (("ContextForge", 100.0), ("FastMCP proxy", 60.0), ("LiteLLM", 40.0))
    ),
    open=loaded(
        GATEWAYS, shown="one tool of one server, 8 kept connections", all=Load(8, 3.0, warm_least=16, least=32)
    ),
)
