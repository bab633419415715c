"""What is measured: a program that runs, how it is asked, and what a reader has to know of it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from bench.load import Exchange, Loading
from bench.load.upstream import ERA, MARK
from bench.stage import Cores, Started

__all__ = ["MODERN", "REFUND", "REFUND_PATH", "Ground", "Opening", "Subject", "mcp_exchange", "rest_exchange"]

REFUND_PATH: Final = "/orders/order-12345/refunds"
REFUND: Final = (
    b'{"amount": 49.50, "currency": "USD", "note": "the parcel arrived with a broken handle'
    b' and a missing lid, refund what was agreed on the telephone"}     '
)
"""A mutating call of 150 bytes."""
MODERN: Final = ERA


@dataclass(frozen=True, slots=True)
class Ground:
    """Where subjects of a run are started: a folder on the disk under test, the cores, the load."""

    folder: Path
    cores: Cores
    loading: Loading

    @property
    def upstream_port(self) -> int:
        """Where everybody forwards to."""
        return self.loading.upstream_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One that is measured."""

    name: str
    started: Started
    exchange: Exchange
    version: str
    settings: str
    """How it was set up, for the report: one sentence."""
    ready_s: float = 0.0
    """From its start to its first right answer."""


Opening: TypeAlias = Callable[[Ground], AbstractContextManager[Subject]]
"""Starts a subject, or raises `Failed` with the reason that is reported."""


def rest_exchange(
    port: int, *, path: str = REFUND_PATH, headers: dict[str, str] | None = None, keyed: bool = True
) -> Exchange:
    """The refund over REST."""
    return Exchange(
        port=port, path=path, body=REFUND, headers=headers or {}, holds=MARK, counted="refunds", keyed=keyed
    )


def mcp_exchange(
    port: int, path: str, *, headers: dict[str, str], tool: str = "refund", modern: bool = True, keyed: bool = False
) -> Exchange:
    """The refund over MCP: one `tools/call`, in the revision of 2026-07-28 or as one without a session."""
    told = {
        "io.modelcontextprotocol/protocolVersion": ERA,
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, object] = {
        "name": tool,
        "arguments": {"order": "order-12345", "amount": 49.5, "currency": "USD"},
        **({"_meta": told} if modern else {}),
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, separators=(",", ":"))
    said = {"Accept": "application/json, text/event-stream", **headers}
    said |= (
        {"MCP-Protocol-Version": ERA, "Mcp-Method": "tools/call", "Mcp-Name": tool}
        if modern
        else {"MCP-Protocol-Version": "2025-06-18"}
    )
    return Exchange(
        port=port,
        path=path,
        body=body.encode(),
        headers=said,
        holds=MARK,
        lacks=('"isError":true', '"isError": true', '"error":'),
        counted="calls",
        keyed=keyed,
    )
