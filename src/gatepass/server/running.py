"""One process, one data folder, one event loop: from listening to the last answer.

A one-time code is offered to whoever sees this process's terminal, only until an admin has a password: afterwards a
restart, which any program of the same user could bring about, gives nobody a way in.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepass import __version__
from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.registry import OperatorRole
from gatepass.server.assembly import Deployment
from gatepass.server.embedded import embedded, user_name
from gatepass.settings import Settings
from gatepass.web.serving import Bounds, loop_factory
from gatepass.web.serving import serve as serve_http

__all__ = ["Started", "serve"]

YOUNG_OBJECTS: Final = 20_000
"""Allocations between two looks of the garbage collector."""


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
    gc.disable()  # until everything is loaded: of a hundred thousand records none is garbage
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings, announce))
    finally:
        gc.enable()


async def _serve(settings: Settings, announce: Callable[[Started], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    listening = _listen(settings)
    with listening:
        port = listening.getsockname()[1]
        async with embedded(settings, port) as parts, Deployment.of(parts) as deployment:
            started = await _started(deployment, port)
            _settle_memory()
            housekeeping = asyncio.ensure_future(deployment.housekeeping.go_on())
            try:
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
            finally:
                housekeeping.cancel()


def _settle_memory() -> None:
    """What was loaded stays: the collector need not look at it again, nor at every few hundred new objects.

    A call leaves no cycles behind, except where it fails; those can wait until there are some thousands.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
    gc.enable()


async def _started(deployment: Deployment, port: int) -> Started:
    """Make the first person, offer a code where nobody could sign in otherwise, and say where everything is."""
    administration, parts = deployment.administration, deployment.parts
    await administration.people.found(user_name())
    admins = [
        person
        for person in administration.desk.register.people.values()
        if person.operator is OperatorRole.ADMIN and person.disabled is None
    ]
    person = None if any(admin.password_hash for admin in admins) else min(admins, key=lambda admin: admin.created)
    code = administration.sessions.offer(person) if person else None
    server = parts.settings.server
    return Started(
        agents_url=parts.agents_url,
        people_url=f"http://{server.people_host}:{port}",
        data=parts.settings.data,
        person=person.name if person else None,
        code=code.text if code else None,
        code_expires=code.expires if code else None,
        custody_protected=parts.facts.custody_protected,
        custody=parts.facts.custody,
    )


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the system refused"
        raise Unavailable("port_unusable", f"`{host}:{port}` cannot be listened on: {reason.lower()}") from None
    # Connections inherit it. Without, the second piece of an answer waits up to 40 ms for the other side's word.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
