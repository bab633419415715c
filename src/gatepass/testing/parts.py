"""The parts of a deployment that touches nothing: a journal and records in memory, a door that leads to tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from gatepass import __version__
from gatepass.access import Instant
from gatepass.administration import Facts
from gatepass.keys import Keyring, LiveKeyring
from gatepass.server import Parts
from gatepass.settings import Settings
from gatepass.storage import InProcessLedger, MemoryJournal, MemoryReplay, MemoryStore
from gatepass.testing.traffic import LocalDoor, LocalServers

__all__ = ["NOWHERE", "in_memory"]

NOWHERE: Final = Path("/nowhere")
"""The data folder of a deployment that has none."""


def in_memory(
    *,
    clock: Callable[[], Instant],
    entropy: Callable[[int], bytes],
    settings: Settings,
    journal: MemoryJournal,
    door: LocalDoor,
    servers: LocalServers,
) -> Parts:
    """All parts of a deployment, none of which outlives the process."""
    return Parts(
        settings=settings,
        agents_url=settings.server.base_url(settings.server.port),
        facts=Facts(version=__version__, custody="it is all in memory, for a test"),
        clock=clock,
        entropy=entropy,
        keyring=LiveKeyring(Keyring.create(clock(), entropy), lambda _: None),
        store=MemoryStore(journal),
        journal=journal,
        archive=journal,
        ledger=InProcessLedger(),
        replay=MemoryReplay(clock),
        door=door,
        children=servers,
    )
