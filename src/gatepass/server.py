"""Where the rooms are wired together by hand: one process, one data folder, one event loop.

Read `Deployment.open` from top to bottom to see the whole: what is opened in which order, who is given what,
and nothing else. Everything that fails here fails before the first request is answered; what was opened is
closed again in the opposite order.
"""

import asyncio
import os
import pwd
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from gatepass import __version__
from gatepass.access import Instant
from gatepass.administration import Administration, Announcement, Facts, Put, Removed, Terms
from gatepass.credentials import Rate, TokenLimits
from gatepass.errors import Error, Malformed, Unavailable
from gatepass.gateway.admission import Admission
from gatepass.gateway.explain import Explainer
from gatepass.gateway.forwarding.door import Patience
from gatepass.gateway.mcp import Bounds as McpBounds
from gatepass.gateway.mcp import McpSurface
from gatepass.gateway.mcp.behind import Behind
from gatepass.gateway.mcp.results import Seal
from gatepass.gateway.mcp.servers.streamable import HttpServers
from gatepass.gateway.operations import read_operations
from gatepass.gateway.rest import RestSurface
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.keys import Digests, Keyring, LiveKeyring, Sealer, hash_password, verify_password
from gatepass.outbound import GuardedDoor, StdioServers
from gatepass.registry import OperatorRole, Upstream
from gatepass.revocation import Live, Reinstated, Withdrawn
from gatepass.settings import KeySource, Settings
from gatepass.storage import keyfile
from gatepass.storage.folder import DataFolder
from gatepass.storage.ledger import InProcessLedger
from gatepass.storage.sqlite import Database
from gatepass.storage.sqlite.database import DATABASE
from gatepass.vault import Custody, Secret
from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.management import build as management_api
from gatepass.web.serving import Bounds, loop_factory
from gatepass.web.serving import serve as serve_http

__all__ = ["Deployment", "Started", "serve"]

KEY_VARIABLE: Final = "GATEPASS_KEY"
KEY_FILE: Final = "sealing.key"
TICK: Final = 1.0
"""Seconds between two rounds of housekeeping."""
SYSTEM_USERS: Final = 1000
"""User ids below this one are the system's own, by Debian's and most other conventions."""

_log: Final = structlog.get_logger("gatepass.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What there is to say once requests can be answered."""

    agents_url: str
    people_url: str
    data: Path
    person: str | None
    """Whom the code signs in."""
    code: str | None
    """One-time, ten minutes; None once an admin has a password, and signs in with that."""
    code_expires: Instant | None
    custody_protected: bool
    custody: str
    version: str = __version__


def serve(settings: Settings, announce: Callable[[Started], None]) -> None:
    """Run until told to stop by SIGINT or SIGTERM. Raises an `Error` when it cannot start."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings, announce))


def now() -> Instant:
    """The time, in whole milliseconds."""
    return Instant(time.time_ns() // 1_000_000)


async def _serve(settings: Settings, announce: Callable[[Started], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    listening = _listen(settings)
    with listening:
        port = listening.getsockname()[1]
        async with Deployment.open(settings, port) as deployment:
            started = await deployment.started()
            await serve_http(
                deployment.app,
                [listening],
                stop,
                listening=lambda: announce(started),
                bounds=Bounds(
                    connections=settings.server.connections,
                    graceful=max(settings.timeouts.shutdown // 1000, 1),
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that runs, opened and ready."""

    app: App
    administration: Administration
    admission: Admission
    mcp: McpSurface
    database: Database
    settings: Settings
    port: int
    facts: Facts

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, port: int) -> AsyncIterator["Deployment"]:
        """Open the data folder and everything on it; close it all when the caller is done."""
        async with AsyncExitStack() as closing:
            folder = DataFolder.open(settings.data)
            closing.callback(folder.close)
            keyring = _keyring(settings)
            database = await Database.open(folder, clock=now)
            closing.push_async_callback(database.close)
            ledger = InProcessLedger()
            ledger.rebuild({}, await database.store.load_spent(now()))
            admission = _admission(keyring, database, ledger)
            closing.callback(admission.close)
            surfaces, mcp = _surfaces(settings, admission, closing)
            facts = _facts(settings, port)
            administration = await Administration.open(
                store=database.store,
                announce=_Announcer(admission.snapshot),
                clock=now,
                entropy=os.urandom,
                read_catalogue=lambda text, name: read_operations(text, name).catalogue,
                seals=Sealer(keyring, os.urandom),
                new_key=lambda at: keyring.rotate(at, os.urandom),
                passwords=_Passwords(),
                ledger=ledger,
                archive=database.archive,
                explain=Explainer(admission).explain,
                stranger=admission.stranger,
                terms=_terms(settings),
                facts=facts,
            )
            app = App(
                surfaces=surfaces,
                management=management_api(administration),
                hosts=_hosts(settings),
                ready=lambda: trouble.why if (trouble := database.trouble) else None,
            )
            deployment = cls(
                app=app,
                administration=administration,
                admission=admission,
                mcp=mcp,
                database=database,
                settings=settings,
                port=port,
                facts=facts,
            )
            housekeeping = asyncio.ensure_future(deployment.keep_house())
            closing.callback(housekeeping.cancel)
            yield deployment

    async def started(self) -> Started:
        """Offer a one-time code to whoever sees this process's terminal, and say where everything is.

        Only until an admin has a password: afterwards a restart, which any program of the same user could
        bring about, gives nobody a way in.
        """
        await self.administration.people.found(_user_name())
        admins = [
            person
            for person in self.administration.desk.register.people.values()
            if person.operator is OperatorRole.ADMIN and person.disabled is None
        ]
        person = None if any(admin.password_hash for admin in admins) else min(admins, key=lambda admin: admin.created)
        code = self.administration.sessions.offer(person) if person else None
        server = self.settings.server
        return Started(
            agents_url=f"http://{server.agents_host}:{self.port}",
            people_url=f"http://{server.people_host}:{self.port}",
            data=self.settings.data,
            person=person.name if person else None,
            code=code.text if code else None,
            code_expires=code.expires if code else None,
            custody_protected=self.facts.custody_protected,
            custody=self.facts.custody,
        )

    async def keep_house(self) -> None:
        """Once a second: summaries of refusals, lives that are over, and servers that nobody may call any more."""
        rounds = 0
        while True:
            await asyncio.sleep(TICK)
            rounds += 1
            try:
                self.admission.tick()
                at = now()
                self.admission.snapshot.expire(at)
                self.admission.snapshot.live.forget(at)
                await self.mcp.tidy()
                if rounds % 600 == 1:
                    await self.database.store.tidy(at)
            except Error as error:
                _log.warning("housekeeping_postponed", code=error.code, reason=error.message)


def _admission(keyring: LiveKeyring, database: Database, ledger: InProcessLedger) -> Admission:
    """The numbered steps, with everything that they decide with."""
    return Admission(
        snapshot=Snapshot(live=Live()),
        ledger=ledger,
        journal=database.journal,
        custody=Custody(keyring),
        clock=now,
        entropy=os.urandom,
        digest=Digests(keyring).digest,
        strangers=Strangers(),
    )


def _surfaces(settings: Settings, admission: Admission, closing: AsyncExitStack) -> tuple[Surfaces, McpSurface]:
    """The doors of the gateway, and the one door that they go out by."""
    door = GuardedDoor()
    closing.push_async_callback(door.close)
    children = StdioServers(path=os.environ.get("PATH", os.defpath), home=settings.data / "servers")
    behind = Behind(http=HttpServers(door=door, farewell=_farewell(admission)), stdio=children, clock=now)
    bounds = McpBounds(request=settings.sizes.mcp_request)
    mcp = McpSurface(admission=admission, behind=behind, seal=Seal(os.urandom(32)), bounds=bounds)
    closing.push_async_callback(mcp.close)
    timeouts = settings.timeouts
    patience = Patience(connect=timeouts.connect / 1000, first=timeouts.answer / 1000, idle=timeouts.idle / 1000)
    rest = RestSurface(admission=admission, door=door, patience=patience)
    return Surfaces(rest=rest, mcp=mcp, header_only=mcp), mcp


def _farewell(admission: Admission) -> Callable[[Upstream], Secret | None]:
    """The secret with which an upstream's sessions are ended, if it still has one."""

    def secret(upstream: Upstream) -> Secret | None:
        sealed = admission.snapshot.secrets.get(upstream.secret) if upstream.secret else None
        return admission.custody.open(sealed, upstream) if sealed else None

    return secret


class _Announcer:
    """Tells the snapshot what administration did. Synchronous: when it returns, the next decision knows."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __call__(self, announcement: Announcement) -> None:
        match announcement:
            case Put():
                self._snapshot.put(announcement.record)
            case Removed():
                self._snapshot.remove(announcement.record)
            case Withdrawn():
                self._snapshot.live.withdraw(announcement)
            case Reinstated():
                self._snapshot.live.reinstate(announcement)


class _Passwords:
    """Argon2id in a thread, so that a sign-in does not hold up anybody's call."""

    async def hash(self, password: str) -> str:
        return await asyncio.to_thread(hash_password, password, os.urandom)

    async def verify(self, stored: str | None, password: str) -> bool:
        return await asyncio.to_thread(verify_password, stored, password)


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the system refused"
        raise Unavailable("port_unusable", f"`{host}:{port}` cannot be listened on: {reason.lower()}") from None


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


def _terms(settings: Settings) -> Terms:
    limits = settings.limits
    return Terms(
        limits=TokenLimits(
            attempts=Rate(limits.attempts.count, limits.attempts.period),
            calls=Rate(limits.calls.count, limits.calls.period),
            writes_per_minute=limits.writes_per_minute,
            requests_per_day=limits.requests_per_day,
        ),
        account=Rate(limits.account.count, limits.account.period),
        token_lifetime=settings.lifetimes.token,
        session_lifetime=settings.lifetimes.session,
        fresh=settings.lifetimes.fresh,
        code_lifetime=settings.lifetimes.sign_in_code,
    )


def _hosts(settings: Settings) -> Hosts:
    return Hosts(agents=frozenset({settings.server.agents_host}), people=frozenset({settings.server.people_host}))


def _facts(settings: Settings, port: int) -> Facts:
    """What is known at the start, custody's protection among it: said instead of pretended."""
    user = pwd.getpwuid(os.geteuid())
    own = user.pw_uid != 0 and user.pw_uid < SYSTEM_USERS
    facts = Facts(version=__version__, listening=(f"{settings.server.host}:{port}",))
    if own:
        return replace(facts, custody_protected=True, custody=f"it runs as the system user `{user.pw_name}`")
    said = f"agents that run as `{user.pw_name}` can read the sealing key and the database"
    return replace(facts, custody_protected=False, custody=said)


def _user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
