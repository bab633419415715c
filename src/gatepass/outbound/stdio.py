"""MCP servers that are child processes: started when first needed, kept, started anew when they die.

One child serves all agents of an upstream, under one value of its secret: whatever one agent makes it
remember, the next may learn. What one agent may see another may not has to be decided by us, before the
child hears of it. The secret reaches the child through its environment and in no other way. A child that
dies takes its calls with it; the next call starts it again, after a pause that grows while it keeps dying.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from gatepass import exact
from gatepass.access import CredentialId, UpstreamId
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed
from gatepass.gateway.forwarding.forms import spoken_values
from gatepass.gateway.forwarding.redaction import Redactor
from gatepass.gateway.mcp.servers.peers import Exchange, Greeting, Outgoing, Peer, Progress
from gatepass.gateway.mcp.wire.messages import Answer
from gatepass.outbound.child import Command
from gatepass.outbound.lines import Inbox, LineServer
from gatepass.registry import Injection, InjectionKind, Upstream

__all__ = ["StdioServers"]

PAUSE: Final = 0.1
"""Seconds before a child that died is started again; doubles each time."""
LONGEST_PAUSE: Final = 30.0
PATIENCE: Final = 1.0
"""Seconds of such a pause that a call waits through; a longer one is refused at once."""
STEADY: Final = 60.0
"""Seconds that a child has to live for its earlier deaths to be forgotten."""
LAST_CALLS: Final = 30.0
"""Seconds that a child which was replaced gets to finish what it is doing."""

_log = structlog.get_logger()

_Key = tuple[str, Injection | None, str]


@dataclass(slots=True)
class _Place:
    """Where the server of one upstream runs."""

    key: _Key
    server: LineServer | None = None
    starting: asyncio.Task[LineServer] | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = 0.0
    retired: bool = False


@dataclass(slots=True, kw_only=True)
class StdioServers:
    """The children of a deployment. A `Peers`."""

    path: str
    """The `PATH` of every child, and where its command is looked for."""
    home: Path
    """Holds one folder a child: its `HOME` and its working folder."""
    _places: dict[UpstreamId, _Place] = field(default_factory=dict)
    _servers: set[LineServer] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def peer(self, upstream: Upstream, *, secret: Exposed | None, version: str, credential: CredentialId) -> Peer:
        """The child of `upstream`. `credential` makes no difference: the child is shared."""
        _ = credential
        return _StdioPeer(self, upstream, secret, version)

    async def running(self, upstream: Upstream, secret: Exposed | None, version: str) -> LineServer:
        """The server, started if need be. Raises `UpstreamFailed`."""
        place = self._place(upstream, version)
        if place.server is not None and place.server.dead is None:
            return place.server
        if place.starting is None:
            now = asyncio.get_running_loop().time()
            self._mourn(place, now)
            if place.not_before - now > PATIENCE:
                raise UpstreamFailed(
                    "upstream_unreachable", f"the server of `{upstream.name}` keeps ending; it is started again later"
                )
            command, redactor = self._command(upstream, secret)
            place.starting = asyncio.create_task(self._start(place, upstream, command, redactor))
            place.starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        # The start goes on when the first caller leaves: the next one needs it, too.
        return await asyncio.shield(place.starting)

    async def retain(self, upstreams: frozenset[UpstreamId]) -> None:
        """Stop the children of all other upstreams: they were disabled or removed."""
        gone = [self._places.pop(upstream) for upstream in self._places.keys() - upstreams]
        await asyncio.gather(*(self._retire(place, patience=0) for place in gone))

    async def close(self) -> None:
        """Stop every child."""
        places = list(self._places.values())
        self._places.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._retire(place, patience=0) for place in places))
        await asyncio.gather(*(self._end(server) for server in list(self._servers)))

    def _place(self, upstream: Upstream, version: str) -> _Place:
        key = (upstream.target, upstream.injection, version)
        place = self._places.get(upstream.id)
        if place is None or place.key != key:
            if place is not None:
                self._later(self._retire(place, patience=LAST_CALLS))
            place = self._places[upstream.id] = _Place(key)
        return place

    async def _start(self, place: _Place, upstream: Upstream, command: Command, redactor: Redactor) -> LineServer:
        now = asyncio.get_running_loop().time
        said: list[bytes] = []
        try:
            await asyncio.sleep(place.not_before - now())
            place.started = now()
            server = await _started(command, upstream.name, said.append)
        except UpstreamFailed as failure:
            place.deaths += 1
            place.not_before = now() + _pause(place.deaths)
            stderr = redactor.whole(b"".join(said[-1:])).decode(errors="replace")
            _log.warning("mcp_server_not_started", upstream=upstream.name, reason=failure.message, stderr=stderr)
            raise
        finally:
            place.starting = None
        self._servers.add(server)
        place.server = server
        if place.retired:
            await self._end(server)
            raise UpstreamFailed("upstream_unreachable", f"the server of `{upstream.name}` was replaced meanwhile")
        return server

    def _mourn(self, place: _Place, now: float) -> None:
        """Note that the server died, once, and when the next one may start."""
        if place.server is None:
            return
        steady = now - place.started > STEADY
        place.deaths = 1 if steady else place.deaths + 1
        place.not_before = 0.0 if steady else place.started + _pause(place.deaths)
        self._later(self._end(place.server))
        place.server = None

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retire(self, place: _Place, *, patience: float) -> None:
        place.retired = True
        if place.starting is not None and not patience:
            place.starting.cancel()
            await asyncio.gather(place.starting, return_exceptions=True)
        if place.server is not None:
            try:
                async with asyncio.timeout(patience):
                    await place.server.idle.wait()
            except TimeoutError:
                pass
            finally:
                await self._end(place.server)

    async def _end(self, server: LineServer) -> None:
        """Even a child that died is stopped: what it started may still run, and its pipes are open."""
        await server.stop()
        self._servers.discard(server)

    def _command(self, upstream: Upstream, secret: Exposed | None) -> tuple[Command, Redactor]:
        """What is started, and what keeps its secret out of the log should it not come up."""
        arguments = _arguments(upstream)
        program = shutil.which(arguments[0], path=self.path)
        if program is None:
            raise UpstreamFailed("upstream_unreachable", f"the command of `{upstream.name}` is not there to be started")
        folder = self.home / upstream.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = {"PATH": self.path, "HOME": str(folder), "LANG": "C.UTF-8"}
        injection, redactor = upstream.injection, Redactor(())
        if secret is not None and injection is not None and injection.kind is InjectionKind.ENVIRONMENT:
            environment[injection.name] = secret.expose_to(lambda text: _variable(injection.prefix, text))
            redactor = secret.expose_to(lambda text: Redactor(spoken_values(text, injection.prefix)))
        return Command((program, *arguments[1:]), folder, environment), redactor


@dataclass(slots=True)
class _StdioPeer:
    """One upstream's child, as one call sees it."""

    servers: StdioServers
    upstream: Upstream
    secret: Exposed | None
    version: str

    async def greet(self) -> Greeting:
        return (await self._server()).greeting

    def ask(self, outgoing: Outgoing) -> Exchange:
        return _StdioExchange(self._server, outgoing)

    async def _server(self) -> LineServer:
        return await self.servers.running(self.upstream, self.secret, self.version)


class _StdioExchange:
    """One request to a child."""

    def __init__(self, server: Callable[[], Awaitable[LineServer]], outgoing: Outgoing) -> None:
        self._find = server
        self._outgoing = outgoing
        self._server: LineServer | None = None
        self._inbox: Inbox | None = None
        self._over = False

    @property
    def sent(self) -> bool:
        return self._inbox is not None

    def __aiter__(self) -> "_StdioExchange":
        return self

    async def __anext__(self) -> Progress | Answer:
        if self._over:
            raise StopAsyncIteration
        if self._inbox is None:
            self._server = await self._find()
            self._inbox = self._server.enter(self._outgoing)
            await self._server.send(self._inbox)
        event = await self._inbox.next()
        if isinstance(event, Progress):
            return event
        self._over = True
        if isinstance(event, UpstreamFailed):
            raise event
        return event

    async def close(self) -> None:
        if self._server is not None and self._inbox is not None and not self._over:
            self._server.cancel(self._inbox)
        self._over = True


async def _started(command: Command, name: str, last_words: Callable[[bytes], None]) -> LineServer:
    """The server, greeted. One that cannot bear the modern greeting is started again and spared it."""
    try:
        return await LineServer.start(command, name, last_words=last_words)
    except UpstreamFailed as failure:
        if failure.code != "upstream_lost":
            raise
    return await LineServer.start(command, name, probe=False, last_words=last_words)


def _pause(deaths: int) -> float:
    return float(min(LONGEST_PAUSE, PAUSE * 2 ** min(deaths - 1, 16)))


def _arguments(upstream: Upstream) -> tuple[str, ...]:
    try:
        read = exact.read(upstream.target)
    except Malformed:
        read = None
    words = (
        tuple(word for word in read if isinstance(word, str) and "\0" not in word) if isinstance(read, tuple) else ()
    )
    if not words or not isinstance(read, tuple) or len(words) != len(read):
        raise UpstreamFailed("upstream_unreachable", f"the command of `{upstream.name}` is no JSON array of strings")
    return words


def _variable(prefix: str, text: bytes) -> str:
    value = prefix + text.decode()
    if "\0" in value:
        raise ValueError("no variable holds NUL")
    return value
