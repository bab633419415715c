"""What has to be done now and then, whoever asks for it: a timer in a process, a hand on the clock in a test.

A round does nothing that a call waits for, and one that fails is made up for by the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from gatepass.access import Instant
from gatepass.administration import SigningKeys
from gatepass.errors import Error
from gatepass.gateway.admission import Admission
from gatepass.gateway.mcp import McpSurface
from gatepass.server.parts import Records

__all__ = ["Housekeeping"]

TICK: Final = 1.0
"""Seconds between two rounds."""
TIDY: Final = 600_000
"""Milliseconds between two tidyings of the store."""

_log: Final = structlog.get_logger("gatepass.server")


@dataclass(slots=True, kw_only=True)
class Housekeeping:
    """Summaries of refusals, runs and lives that are over, keys that are due, idle servers, rows of the past."""

    admission: Admission
    mcp: McpSurface
    store: Records
    signing: SigningKeys
    clock: Callable[[], Instant]
    tend: Callable[[], Awaitable[None]]
    """What administration does by itself: runs whose time is over, what nobody asks for any more."""
    _tidied: Instant | None = None

    async def round(self) -> None:
        """Do all of it once."""
        try:
            self.admission.tick()
            await self.tend()
            at = self.clock()
            self.admission.snapshot.expire(at)
            self.admission.snapshot.live.forget(at)
            await self.signing.tend()
            await self.mcp.tidy()
            if self._tidied is None or not 0 <= at - self._tidied < TIDY:
                self._tidied = at
                await self.store.tidy(at)
        except Error as error:
            _log.warning("housekeeping_postponed", code=error.code, reason=error.message)

    async def go_on(self) -> None:
        """One round a second, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            await self.round()
