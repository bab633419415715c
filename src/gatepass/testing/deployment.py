"""A whole deployment in memory: every room is the real one; disk, network, clock and chance are not.

What a test does goes the way that it would go for real: people speak to the management API, agents to the surfaces,
upstreams are reached with the real key in the request. So a test that passes here says something about a deployment:
`tests/contracts/deployment.py` is one suite of stories that this one and `gatepass up` both pass.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

import httpx2

from gatepass.access import Json
from gatepass.client import Management, Transport
from gatepass.server import Deployment
from gatepass.settings import Settings
from gatepass.storage import MemoryJournal
from gatepass.testing.agents import Agent, Pass, said
from gatepass.testing.clock import START, Clock, Numbered
from gatepass.testing.journal import LocalJournal
from gatepass.testing.parts import NOWHERE, in_memory
from gatepass.testing.people import FOUNDER, Session
from gatepass.testing.traffic import Application, InProcess, LocalDoor, LocalServers, LoopThread
from gatepass.testing.traffic.functions import Function, application
from gatepass.testing.traffic.tools import Tool, Tools
from gatepass.testing.upstreams import McpUpstream, RestUpstream
from gatepass.units import instant_text
from gatepass.web.serving import Bounds
from gatepass.web.serving import serve as serve_http

__all__ = ["LocalDeployment", "Served"]

PEOPLE_URL: Final = "http://localhost"
BEARER: Final[Mapping[str, str]] = {"kind": "header", "name": "authorization", "prefix": "Bearer "}


@dataclass(frozen=True, slots=True)
class Served:
    """Where a served deployment listens."""

    agents_url: str
    people_url: str


class LocalDeployment:
    """A deployment in memory, for as long as a `with` or an `async with` lasts.

    `at` is what its clock says first. With a `seed`, ids, keys and tokens are the same in every run. `settings` are
    those of `gatepass.toml`: `{"limits": {"calls": "2/1m"}}`.
    """

    def __init__(
        self,
        *,
        at: datetime = START,
        seed: int | None = None,
        settings: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        self._settings = Settings.model_validate({"data": str(NOWHERE), **(settings or {})})
        self._entropy = os.urandom if seed is None else Numbered(seed)
        self.clock = Clock(at, self._turned)
        """Turned by hand; whatever is due then is done before it returns."""
        self._door, self._servers = LocalDoor(), LocalServers()
        self._closing: list[httpx2.Client | Transport] = []
        self._sessions: dict[str, Management] = {}
        self._open: _Open | None = None

    # -- for as long as it lasts

    def __enter__(self) -> Self:
        if self._open is not None:
            raise RuntimeError("a deployment in memory is entered once")
        loop = LoopThread()
        try:
            self._open = loop.run(self._opened(loop))
        except BaseException:  # whatever it was: the thread has no further use
            loop.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        opened = self._running()
        for one in self._closing:
            one.close()
        try:
            opened.loop.run(opened.stack.aclose())
        finally:
            opened.loop.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    # -- people

    @property
    def admin(self) -> Management:
        """The management API, as the deployment's first person, always freshly signed in."""
        return self.signed_in(FOUNDER)

    def signed_in(self, person: str) -> Management:
        """The management API as `person`, always freshly signed in."""
        if person not in self._sessions:
            opened = self._running()
            session = Session(opened.deployment, person)
            through = InProcess(opened.loop, opened.deployment.app, authorization=session.header)
            transport = Transport(PEOPLE_URL, through=through)
            self._closing.append(transport)
            self._sessions[person] = Management(transport)
        return self._sessions[person]

    # -- what stands behind

    def upstream(
        self,
        name: str,
        answers: Function | Application,
        *,
        operations: str,
        secret: str | None = None,
        injection: Mapping[str, str] = BEARER,
        kind: str = "rest",
    ) -> RestUpstream:
        """Register a REST upstream that `answers`: an ASGI application, or a function of what reached it.

        `operations` is the text of its operations file, `secret` the real key, put where `injection` says. With
        `kind="mcp-http"` it is an MCP server: an ASGI application that speaks Streamable HTTP.
        """
        opened = self._running()
        target = f"https://{name}.test"
        place = opened.loop.run(self._door.open(f"{target}:443", application(answers)))
        self._register(name, kind, target, operations, None if secret is None else (secret, injection))
        return RestUpstream(name, place)

    def mcp(
        self, name: str, tools: Sequence[Tool], *, operations: str, secret: str | None = None, variable: str = "API_KEY"
    ) -> McpUpstream:
        """Register an MCP server whose tools are functions, with its secret in an environment variable."""
        server = self._servers.servers[name] = Tools(tools)
        place = {"kind": "environment", "name": variable}
        self._register(name, "mcp-stdio", f'["{name}"]', operations, None if secret is None else (secret, place))
        return McpUpstream(name, server)

    # -- agents

    def role(self, name: str, *scopes: str, bearers: timedelta | None = timedelta(days=7), **more: object) -> None:
        """Put a role: the ceiling of every agent in it. `more` is as the management API names it.

        For `bearers` its tokens may do more than read without a proof of possession. None: they may not, as with a
        role that nobody made an exception for.
        """
        exception: dict[str, object] = {}
        if bearers is not None:
            until = self.clock() + bearers // timedelta(milliseconds=1)
            exception = {"bearer_until": instant_text(until), "bearer_because": "tests use plain tokens"}
        self.admin.replace("roles", name, said({"scopes": list(scopes), **exception, **more}))

    def agent(self, name: str, role: str) -> Agent:
        """Make an agent in an existing role."""
        made = self.admin.create("agents", {"name": name, "role": role})
        return Agent(name, str(made["id"]), lambda: self.admin, self.holding)

    def holding(self, issued: Mapping[str, Json]) -> Pass:
        """Stand in the place of whoever holds a token: what `create("tokens", ...)` answered."""
        return Pass(
            issued,
            transport=self.transport(),
            management=lambda: self.admin,
            journal=self.journal,
            closing=self._closing.append,
        )

    def transport(self, source: str = "127.0.0.1") -> InProcess:
        """A transport for httpx2 clients, blocking or not, whose requests come from the address `source`."""
        opened = self._running()
        return InProcess(opened.loop, opened.deployment.app, source=source)

    # -- what is known of it

    @property
    def journal(self) -> LocalJournal:
        """Everything that was decided and changed."""
        opened = self._running()
        return LocalJournal(opened.loop, opened.journal)

    @contextmanager
    def serve(self) -> Iterator[Served]:
        """Serve it on a free port of this machine, for agents that speak to sockets."""
        opened = self._running()
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        stop = asyncio.Event()

        async def ready() -> "asyncio.Task[None]":
            can = asyncio.Event()
            bounds = Bounds(graceful=1)
            work = serve_http(opened.deployment.app, [listening], stop, listening=can.set, bounds=bounds)
            task = asyncio.create_task(work)
            await can.wait()
            return task

        async def stopped(task: "asyncio.Task[None]") -> None:
            stop.set()
            await task

        with listening:
            task = opened.loop.run(ready())
            try:
                yield Served(f"http://127.0.0.1:{port}", f"http://localhost:{port}")
            finally:
                opened.loop.run(stopped(task))

    # -- inside

    async def _opened(self, loop: LoopThread) -> "_Open":
        stack = AsyncExitStack()
        journal = MemoryJournal(self.clock())
        parts = in_memory(
            clock=self.clock,
            entropy=self._entropy,
            settings=self._settings,
            journal=journal,
            door=self._door,
            servers=self._servers,
        )
        stack.push_async_callback(self._door.close)
        deployment = await stack.enter_async_context(Deployment.of(parts))
        await deployment.administration.people.found(FOUNDER)
        return _Open(loop, stack, deployment, journal)

    def _register(
        self, name: str, kind: str, target: str, operations: str, secret: tuple[str, Mapping[str, str]] | None
    ) -> None:
        form: dict[str, object] = {"name": name, "kind": kind, "target": target, "operations": operations}
        if secret is None:
            self.admin.create("upstreams", said(form))
            return
        value, place = secret
        self.admin.create("upstreams", said({**form, "injection": dict(place)}))
        self.admin.create("secrets", {"name": f"{name}-key", "upstream": name, "value": value})

    def _turned(self) -> None:
        if self._open is not None:
            self._open.loop.run(self._open.deployment.housekeeping.round())

    def _running(self) -> "_Open":
        if self._open is None:
            raise RuntimeError("the deployment is not running: use it in a `with` statement")
        return self._open


@dataclass(frozen=True, slots=True)
class _Open:
    """What runs while a deployment is open."""

    loop: LoopThread
    stack: AsyncExitStack
    deployment: Deployment
    journal: MemoryJournal
