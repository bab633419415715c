"""The guarded door: every HTTP connection that we open goes through it.

The laws. A connection is opened only to an address that `addresses` allows, decided on the address that the
socket is about to connect to. TLS is verified. Redirects are not followed, cookies not kept, bodies not
decoded, failed requests not repeated, environment proxies not used. What leaves is written in `writing`,
which puts a secret on nothing but a request to the exact origin that it was sealed for. No error raised here holds
anything of the request: libraries put URLs into theirs, and a URL may carry the secret, so theirs end here.

Each origin has its own pool of connections and its own TLS context; nothing is shared across origins.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from yarl import URL

from gatepass.errors import Error, UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed, HttpCall, Traffic
from gatepass.gateway.requests import Body
from gatepass.outbound.addresses import Allowance
from gatepass.outbound.answer import Answer
from gatepass.outbound.guard import ForbiddenAddressError, GuardedResolver, guarded_sockets
from gatepass.outbound.writing import Target, written
from gatepass.registry import Upstream

__all__ = ["GuardedDoor"]

MOST_LANES: Final = 256
"""Pools that are kept while nobody uses them."""
MOST_CONNECTIONS: Final = 256
"""To one target at once."""
KEPT_ALIVE: Final = 4.0
"""Seconds. Common servers close after five: a request must not meet a connection that is just closing."""
LONGEST_LINE: Final = 8190
MOST_HEADERS: Final = 100
READ_AHEAD: Final = 1 << 16
NAME_KEPT: Final = 10
"""Seconds that a resolved name is kept; its addresses are looked at on every connection all the same."""


class _BrokenOffError(aiohttp.ClientError):
    """The connection ended before the answer. Of a type that the library does not repeat requests for."""


class _StaleConnectionError(aiohttp.ClientError):
    """A kept connection on which something arrived that nobody asked for."""


class _Request(aiohttp.ClientRequest):
    """A request that says when it is about to leave, and does not leave on a connection with something unread on it.

    An upstream that can be made to send two answers for one request would otherwise answer the next agent
    with what another one made it say.
    """

    departs: Callable[[], None] | None = None

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send the request on `conn`."""
        if conn.protocol is None or conn.protocol.should_close:
            raise _StaleConnectionError
        if self.departs is not None:
            self.departs()
        return await super().send(conn)


@dataclass(slots=True)
class _Lane:
    """The connections to one origin."""

    session: aiohttp.ClientSession
    target: Target
    busy: int = 0

    def leave(self) -> None:
        self.busy -= 1


@dataclass(slots=True, kw_only=True)
class GuardedDoor:
    """A `gateway.forwarding.door.Door`. Made and used inside one event loop."""

    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """Makes the TLS context of one origin: whom to believe. That it verifies is not negotiable."""
    resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver
    _lanes: "OrderedDict[tuple[str, bool], _Lane]" = field(default_factory=OrderedDict)

    async def send(self, call: HttpCall, secret: Exposed | None, traffic: Traffic) -> Answer:
        """Send a call, and return when the answer's head is there. `gateway.forwarding.door` says what it raises."""
        lane = self._lane(call.upstream)
        if lane.busy >= MOST_CONNECTIONS:
            raise UpstreamFailed("upstream_busy", f"{MOST_CONNECTIONS} calls to the upstream are under way already")
        url, headers = written(lane.target, call, secret)
        lane.busy += 1
        try:
            await self._tidy()
            response = await _sent(lane.session, url, headers, call, traffic)
        except BaseException:  # whoever waited has gone, or the call failed: either way its place is free again
            lane.leave()
            raise
        until = asyncio.get_running_loop().time() + call.patience.whole
        return Answer(response, idle=call.patience.idle, until=until, let_go=lane.leave)

    async def close(self) -> None:
        """Cut every connection."""
        lanes = list(self._lanes.values())
        self._lanes.clear()
        for lane in lanes:
            await lane.session.close()

    def _lane(self, upstream: Upstream) -> _Lane:
        key = (upstream.target, upstream.allow_private)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._opened(upstream)
        self._lanes.move_to_end(key)
        return lane

    async def _tidy(self) -> None:
        """Close the pools that nobody has used for longest, beyond those that are kept."""
        idle = [key for key, lane in self._lanes.items() if not lane.busy][:-1]
        for key in idle[: len(self._lanes) - MOST_LANES] if len(self._lanes) > MOST_LANES else ():
            await self._lanes.pop(key).session.close()

    def _opened(self, upstream: Upstream) -> _Lane:
        target = Target.of(upstream)
        scheme, _, authority = target.origin.partition("://")
        allowance = Allowance(authority.rpartition(":")[0], private=upstream.allow_private)
        context = self.trust() if scheme == "https" else False
        if isinstance(context, ssl.SSLContext) and (
            not context.check_hostname or context.verify_mode != ssl.CERT_REQUIRED
        ):
            raise ValueError("a TLS context of the door verifies")
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEPT_ALIVE,
            ttl_dns_cache=NAME_KEPT,
            resolver=GuardedResolver(self.resolver(), allowance),
            socket_factory=guarded_sockets(allowance),
            ssl=context,
        )
        return _Lane(_session(connector), target)


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """What sends over the connections of one origin, and adds nothing of its own."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_Request,
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        read_bufsize=READ_AHEAD,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        max_headers=MOST_HEADERS,
    )


# -- what is sent


async def _sent(
    session: aiohttp.ClientSession, url: URL, headers: list[tuple[str, str]], call: HttpCall, traffic: Traffic
) -> aiohttp.ClientResponse:
    """Connect, send, and wait for the head, each for as long as the call has patience."""
    failure: Error
    patience = call.patience
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(patience.connect) as hurry:

            def departs() -> None:
                traffic.left = True
                hurry.reschedule(clock() + patience.first)

            body = call.body
            if body is not None and not isinstance(body, bytes):
                body = _paced(body, lambda: hurry.reschedule(clock() + patience.first))
            return await session.request(
                call.method, url, headers=headers, data=body, allow_redirects=False, middlewares=(_once(departs),)
            )
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as fault:  # the library's ways to fail
        failure = _explained(fault, traffic)
    raise failure


def _once(departs: Callable[[], None]) -> aiohttp.ClientMiddlewareType:
    """Send once: another connection is tried only while nothing has left, and a lost request is not repeated."""

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        assert isinstance(request, _Request)  # noqa: S101  the session makes no others
        request.departs = departs
        while True:
            try:
                return await handler(request)
            except _StaleConnectionError:
                continue
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                lost = True
            if lost:
                raise _BrokenOffError

    return middleware


async def _paced(body: Body, moved: Callable[[], None]) -> AsyncIterator[bytes]:
    """A body on its way up: while it moves, the answer's head is not late."""
    async for piece in body:
        moved()
        yield piece
    moved()


def _explained(fault: BaseException, traffic: Traffic) -> Error:
    """Our error for a library's. Nothing of its text is kept."""
    inner = getattr(fault, "os_error", fault)
    if isinstance(inner, ForbiddenAddressError):
        return UpstreamFailed("upstream_forbidden_address", "the upstream's address is not one that it may have")
    if not traffic.left:
        if isinstance(fault, TimeoutError):
            return UpstreamFailed("upstream_unreachable", "the upstream did not take a connection in time")
        if isinstance(fault, aiohttp.ClientConnectorCertificateError):
            return UpstreamFailed("upstream_unreachable", "the upstream's certificate is not one to believe")
        return UpstreamFailed("upstream_unreachable", "no connection to the upstream could be made")
    if isinstance(fault, TimeoutError):
        return UpstreamFailed("upstream_timeout", "the upstream did not answer in time")
    if isinstance(fault, _BrokenOffError | OSError):
        return UpstreamFailed("upstream_lost", "the connection to the upstream was lost before its answer")
    return UpstreamFailed("upstream_garbled", "the upstream's answer is not HTTP")
