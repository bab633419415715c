"""The orders API of the examples, as a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway.world import KEY

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "orders"
OPERATIONS = (EXAMPLES / "operations.yaml").read_text()


@dataclass
class OrdersApi:
    target: str
    log: Path

    @property
    def seen(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def next_seen(self, count: int) -> list[dict[str, Any]]:
        """What was seen, once so many requests are done with."""
        for _ in range(200):
            if len(self.seen) >= count:
                break
            await asyncio.sleep(0.02)
        return self.seen


@asynccontextmanager
async def orders_api(folder: Path) -> AsyncIterator[OrdersApi]:
    log = folder / "seen.ndjson"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "server.py"),
        "--port",
        "0",
        "--log",
        str(log),
        env={**os.environ, "ORDERS_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        yield OrdersApi(line.split()[-1], log)
    finally:
        process.terminate()
        await process.wait()
