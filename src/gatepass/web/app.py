"""The bare ASGI application at the top: which path belongs to whom, decided on the bytes as they came.

Nothing is decoded, normalised or guessed before the decision: `/u/orders%2Fadmin/x` names no upstream, and
`//u/…` is nobody's path. The upstream's part of a path goes on untouched. What is raised comes back as a
problem document; what nobody raised on purpose is logged by its kind and place, never by its text, and is
answered with a bare 500.
"""

import re
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepass.errors import Error, NotFound, Unavailable
from gatepass.gateway.requests import Request
from gatepass.web.certificates import NOBODY, CertificateProxies
from gatepass.web.exchange import Exchange, Gone, Surface
from gatepass.web.hosts import Audience, Hosts
from gatepass.web.http.turn import Turn
from gatepass.web.problems import INTERNAL, Problem, problem_of

__all__ = ["App", "Surfaces", "note_fault"]

_NAME: Final = rb"([a-z0-9]+(?:[.-][a-z0-9]+)*)"
_REST: Final = re.compile(rb"/u/" + _NAME + rb"(/.*)?", re.DOTALL)
_MCP: Final = re.compile(rb"/mcp/" + _NAME)
_HEADER_ONLY: Final = re.compile(rb"/k/" + _NAME + rb"/mcp")
_CONSOLE: Final = re.compile(rb"/console(?:/.*)?", re.DOTALL)
_ISSUER: Final = re.compile(rb"/oauth2/[!-~]{1,256}|/\.well-known/[!-~]{1,512}")
_MANAGEMENT: Final = re.compile(rb"/api/v1(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")

_log: Final = structlog.get_logger("gatepass.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surfaces:
    """The doors of the gateway."""

    rest: Surface
    mcp: Surface
    header_only: Surface
    """MCP for clients with a configured header: a plain 401, never OAuth discovery."""


class _Place(NamedTuple):
    """Where a path leads."""

    surface: Surface
    upstream: str
    path: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that is served, as one ASGI application."""

    surfaces: Surfaces
    management: ASGIApp
    hosts: Hosts
    proxies: CertificateProxies = NOBODY
    """Who is believed about the certificates of clients."""
    oauth: Surface | None = None
    """The issuer's endpoints and documents, where there is one."""
    console: ASGIApp | None = None
    """Pages for people, where there are any."""
    ready: Callable[[], str | None] = lambda: None
    """Why this process cannot serve now, in a line without secrets; None when it can."""
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Entered before the first request, left after the last."""
    probes: Mapping[bytes, str] = field(default_factory=lambda: {b"/healthz": "healthz", b"/readyz": "readyz"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, exchange: Exchange) -> None:
        path = exchange.scope["raw_path"]
        try:
            await self._dispatch(exchange, path)
        except Gone:
            return
        except Error as error:
            await self._answer(exchange, problem_of(error, path))
        except Exception as fault:  # noqa: BLE001  any surface's code: its text may hold anything, so none is shown
            note_fault(fault)
            await self._answer(exchange, INTERNAL)

    async def _dispatch(self, exchange: Exchange, path: bytes) -> None:
        headers = exchange.scope["headers"]
        if path in self.probes:
            await self._probe(exchange, path)
        elif _MANAGEMENT.fullmatch(path):
            self.hosts.require(headers, Audience.PEOPLE)
            await self._hand_over(exchange, self.management)
        elif self.console is not None and _CONSOLE.fullmatch(path):
            self.hosts.require(headers, Audience.PEOPLE)
            await self._hand_over(exchange, self.console)
        elif (place := self._place(path)) is not None:
            self.hosts.require(headers, Audience.AGENTS)
            await exchange.relay(place.surface, exchange.request(place.upstream, place.path, self.proxies))
        elif self._is_front_door(exchange, path):
            await self._answer(exchange, Problem(303, _TO_CONSOLE, b""))
        else:
            raise NotFound("not_found", "there is nothing at this path", hint=_PATHS)

    def _place(self, path: bytes) -> "_Place | None":
        """Where a path leads that agents ask for, if it does."""
        if found := _REST.fullmatch(path):
            return _Place(self.surfaces.rest, found[1].decode("ascii"), found[2] or b"")
        if found := _MCP.fullmatch(path):
            return _Place(self.surfaces.mcp, found[1].decode("ascii"), b"")
        if found := _HEADER_ONLY.fullmatch(path):
            return _Place(self.surfaces.header_only, found[1].decode("ascii"), b"")
        if self.oauth is not None and _ISSUER.fullmatch(path):
            return _Place(self.oauth, "", path)
        return None

    # -- without ASGI between

    def direct(self, path: bytes) -> Callable[[Turn], Awaitable[None]] | None:
        """What answers a path that is a surface's, without ASGI between."""
        place = self._place(path)
        return None if place is None else partial(self._take, place)

    async def _take(self, place: "_Place", turn: Turn) -> None:
        try:
            self.hosts.require(turn.head.headers, Audience.AGENTS)
            reply = await place.surface.handle(self._request(place, turn))
            await turn.answer(reply.status, reply.headers, reply.body)
        except Gone:
            return
        except Error as error:
            problem = problem_of(error, turn.head.path)
            turn.say(problem.status, problem.headers, problem.body)
        except Exception as fault:  # noqa: BLE001  any surface's code: its text may hold anything, so none is shown
            note_fault(fault)
            turn.say(INTERNAL.status, INTERNAL.headers, INTERNAL.body)

    def _request(self, place: "_Place", turn: Turn) -> Request:
        head = turn.head
        headers, certificate = self.proxies.read(head.headers, turn.source)
        return Request(
            method=head.method,
            upstream=place.upstream,
            path=place.path,
            query=head.query,
            headers=headers,
            source=turn.source,
            body=turn.body,
            certificate=certificate if certificate is not None else turn.peer_certificate,
            target=head.path,
        )

    # -- what is no surface

    def _is_front_door(self, exchange: Exchange, path: bytes) -> bool:
        """Whether a person typed our name and nothing else."""
        asked = path == b"/" and exchange.scope["method"] in {"GET", "HEAD"} and self.console is not None
        return asked and self.hosts.names(exchange.scope["headers"], Audience.PEOPLE)

    async def _hand_over(self, exchange: Exchange, to: ASGIApp) -> None:
        """Let the management API or the console answer, noting when the answer begins."""

        async def send(message: dict[str, object]) -> None:
            exchange.started = True
            await exchange.send(message)

        await to(exchange.scope, exchange.receive, send)  # type: ignore[arg-type]  # messages are dictionaries

    async def _probe(self, exchange: Exchange, path: bytes) -> None:
        """Whether the process lives, and whether it can serve. Neither tells a stranger anything else."""
        if exchange.scope["method"] not in {"GET", "HEAD"}:
            raise NotFound("method_not_allowed", "a probe is read with GET", details={"allow": "GET, HEAD"})
        if path == b"/readyz" and (reason := self.ready()):
            raise Unavailable("starting", reason)
        await self._answer(exchange, Problem(200, _PLAIN, b"ok\n"))

    async def _answer(self, exchange: Exchange, problem: Problem) -> None:
        """Say it, if the head of another answer has not gone out; else leave the answer cut off."""
        if exchange.started or exchange.gone:
            return
        start = {"type": "http.response.start", "status": problem.status, "headers": list(problem.headers)}
        await exchange.send(start)
        await exchange.send({"type": "http.response.body", "body": problem.body, "more_body": False})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Error as error:
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        await send({"type": "lifespan.shutdown.complete"})


_PATHS: Final = (
    "REST is at /u/{upstream}/..., MCP at /mcp/{upstream}, management at /api/v1/..., pages for people at /console."
)
_TO_CONSOLE: Final = (
    (b"location", b"/console"),
    (b"content-length", b"0"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_PLAIN: Final = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"3"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


def note_fault(fault: BaseException) -> None:
    """Log that nobody raised this on purpose: its kind and its place, never its text, which may hold anything."""
    _log.error("internal", fault=type(fault).__name__, at=_places(fault))


def _places(fault: BaseException) -> list[str]:
    """Where it happened, as `file:line function`, innermost last. No values, no source lines."""
    frames = traceback.extract_tb(fault.__traceback__)[-12:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
