"""The parts of a deployment that is one process on one data folder: SQLite, the system's clock, real connections.

Opened in an order that matters: the folder is locked first, the key is made before the database (where there is a
database, there was a key), and nothing goes out before everything that records it is open.
"""

import os
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

from gatepass import __version__
from gatepass.access import Instant
from gatepass.administration import Facts
from gatepass.errors import Malformed, Unavailable
from gatepass.keys import Keyring, LiveKeyring
from gatepass.outbound import GuardedDoor, StdioServers
from gatepass.server.parts import Parts
from gatepass.settings import KeySource, Settings
from gatepass.storage import keyfile
from gatepass.storage.folder import DataFolder
from gatepass.storage.ledger import InProcessLedger
from gatepass.storage.sqlite import Database
from gatepass.storage.sqlite.database import DATABASE
from gatepass.storage.sqlite.replay import REPLAY, SqliteReplay

__all__ = ["embedded", "user_name"]

KEY_VARIABLE: Final = "GATEPASS_KEY"
KEY_FILE: Final = "sealing.key"
SYSTEM_USERS: Final = 1000
"""User ids below this one are the system's own, by Debian's and most other conventions."""


@asynccontextmanager
async def embedded(settings: Settings, port: int) -> AsyncIterator[Parts]:
    """Open the data folder and everything on it; close it all when the caller is done."""
    async with AsyncExitStack() as closing:
        folder = DataFolder.open(settings.data)
        closing.callback(folder.close)
        keyring = _keyring(settings)
        database = await Database.open(folder, clock=now)
        closing.push_async_callback(database.close)
        replay = await SqliteReplay.open(folder.file(REPLAY), now)
        closing.push_async_callback(replay.close)
        door = GuardedDoor()
        closing.push_async_callback(door.close)
        yield Parts(
            settings=settings,
            agents_url=settings.server.base_url(port),
            facts=_facts(settings, port),
            clock=now,
            entropy=os.urandom,
            keyring=keyring,
            store=database.store,
            journal=database.journal,
            archive=database.archive,
            ledger=InProcessLedger(),
            replay=replay,
            door=door,
            children=StdioServers(path=os.environ.get("PATH", os.defpath), home=settings.data / "servers"),
            trouble=lambda: trouble.why if (trouble := database.trouble) else None,
        )


def now() -> Instant:
    """The time, in whole milliseconds."""
    return Instant(time.time_ns() // 1_000_000)


def user_name() -> str:
    """What the system calls the user whom this process runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _keyring(settings: Settings) -> LiveKeyring:
    """The key-encryption keys, from the file or the environment, and where a rotation is written."""
    if settings.key.source is KeySource.ENVIRONMENT:
        text = os.environ.get(KEY_VARIABLE)
        if not text:
            raise Malformed("malformed_config", f"`{KEY_VARIABLE}` is not set, and the settings say the key is there")
        return LiveKeyring(Keyring.parse(text), _unsaved)
    path = settings.key.file or settings.data / KEY_FILE
    # The key is made before the database: where there is a database, there was a key.
    first = not (settings.data / DATABASE).exists()
    keyring = keyfile.load_or_create(path, now(), os.urandom, first=first)
    return LiveKeyring(keyring, lambda keys: keyfile.replace(path, keys))


def _unsaved(_: Keyring) -> None:
    message = f"the key comes from `{KEY_VARIABLE}`, which this process cannot change"
    raise Unavailable("key_unusable", message, hint=f"Rotate the key where {KEY_VARIABLE} is kept, then restart.")


def _facts(settings: Settings, port: int) -> Facts:
    """What is known at the start, custody's protection among it: said instead of pretended."""
    user = pwd.getpwuid(os.geteuid())
    own = user.pw_uid != 0 and user.pw_uid < SYSTEM_USERS
    facts = Facts(version=__version__, listening=(f"{settings.server.host}:{port}",))
    if own:
        return replace(facts, custody_protected=True, custody=f"it runs as the system user `{user.pw_name}`")
    said = f"agents that run as `{user.pw_name}` can read the sealing key and the database"
    return replace(facts, custody_protected=False, custody=said)
