"""What a deployment is made of: everything that touches a disk, a network, a clock or a random source.

Whoever has all of these has a deployment: `assembly` adds no other. `embedded` makes them out of a data folder;
`gatepass.testing` makes them in memory. Who opened a part closes it, after the deployment that was made of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gatepass.access import Instant
from gatepass.administration import Facts, Store
from gatepass.audit import Archive, Journal
from gatepass.credentials.proofs import ReplayStore
from gatepass.gateway.forwarding.door import Door
from gatepass.gateway.mcp.servers.peers import Peers
from gatepass.keys import LiveKeyring, hash_password, verify_password
from gatepass.limits import Spent
from gatepass.settings import Settings
from gatepass.storage.ledger import InProcessLedger

__all__ = ["Parts", "Records", "SlowPasswords"]


class Records(Store, Protocol):
    """The records, and what meters have given out. Every implementation passes `tests/contracts/store.py`."""

    async def load_spent(self, now: Instant) -> tuple[Spent, ...]:
        """What totals, and quotas whose window is not over, have given out."""
        ...

    async def tidy(self, now: Instant) -> int:
        """Forget what is long over. Returns how many rows went."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that a deployment is given."""

    settings: Settings
    agents_url: str
    """How agents reach this deployment: an origin, which is the issuer's name and begins every audience."""
    facts: Facts
    clock: Callable[[], Instant]
    entropy: Callable[[int], bytes]
    keyring: LiveKeyring
    store: Records
    journal: Journal
    archive: Archive
    ledger: InProcessLedger
    replay: ReplayStore
    """Which proofs were used."""
    door: Door
    """The way out to REST upstreams and to MCP servers over HTTP."""
    children: Peers
    """MCP servers that are child processes."""
    trouble: Callable[[], str | None] = lambda: None
    """Why nothing can be written down now, in a line without secrets; None when all is well."""


@dataclass(frozen=True, slots=True)
class SlowPasswords:
    """Argon2id in a thread, so that a sign-in does not hold up anybody's call."""

    entropy: Callable[[int], bytes]

    async def hash(self, password: str) -> str:
        """See `administration.Passwords`."""
        return await asyncio.to_thread(hash_password, password, self.entropy)

    async def verify(self, stored: str | None, password: str) -> bool:
        """See `administration.Passwords`."""
        return await asyncio.to_thread(verify_password, stored, password)
