"""MCP servers over Streamable HTTP, of either era.

Nothing of a client's request head gets here: each request is written anew. A modern server is asked once in
a while what it speaks. A legacy server gets a session for each credential, so that what it remembers of one
agent it cannot tell another; a session that it has forgotten is begun again, once; sessions are bounded, and
ended with DELETE. Streams are read message by message and never resumed.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from gatepass.access import CredentialId, UpstreamId
from gatepass.errors import Error, Malformed, UpstreamFailed
from gatepass.gateway.forwarding.door import Door, Exposed, HttpAnswer, HttpCall, Patience, Traffic
from gatepass.gateway.mcp.servers.peers import (
    Exchange,
    Greeting,
    Outgoing,
    Peer,
    Progress,
    after_discover,
    after_initialize,
    answer_to,
    discover,
    framed,
    initialize,
    progress,
)
from gatepass.gateway.mcp.servers.reading import REJECTIONS, header, messages, only_answer
from gatepass.gateway.mcp.wire.eras import MODERN, encoded
from gatepass.gateway.mcp.wire.messages import (
    Answer,
    Call,
    Notice,
    write_answer,
    write_call,
    write_notice,
)
from gatepass.gateway.requests import Headers
from gatepass.registry import Upstream

__all__ = ["HttpServers"]

MOST_SESSIONS: Final = 128
"""Sessions that are kept with one server; the one unused for longest is ended for a new one."""
MOST_SERVERS: Final = 1_024
FRESH: Final = 600.0
"""Seconds for which a modern server is taken for one without asking again."""
PATIENCE: Final = Patience(first=660.0, idle=660.0, whole=660.0)
"""Longer than any call: a tool may work for minutes before its first byte, and whoever waits bounds the wait."""
FAREWELL: Final = Patience(connect=2.0, first=2.0, idle=2.0, whole=2.0)
LONGEST_SESSION: Final = 1_024
NOT_FOUND: Final = 404
REFUSALS: Final = range(400, 500)
OTHER_ERA: Final = frozenset({-32020, -32022})
"""Errors by which a server shows that it is not what it was taken for."""

_FIXED: Final = (
    (b"content-type", b"application/json"),
    (b"accept", b"application/json, text/event-stream"),
    (b"accept-encoding", b"identity"),
)


@dataclass(frozen=True, slots=True)
class _Session:
    """What a legacy server knows one credential by."""

    greeting: Greeting
    id: bytes | None


@dataclass(slots=True, eq=False)
class _Server:
    """One server, under one value of its secret."""

    upstream: Upstream
    modern: Greeting | None = None
    asked: float = 0.0
    sessions: OrderedDict[CredentialId, _Session] = field(default_factory=OrderedDict)
    greeting: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True, kw_only=True)
class HttpServers:
    """The servers that are reached over HTTP. A `Peers`."""

    door: Door
    patience: Patience = PATIENCE
    farewell: Callable[[Upstream], Exposed | None] = lambda _: None
    """The secret with which sessions are ended when everything ends."""
    _servers: OrderedDict[tuple[str, str, str], _Server] = field(default_factory=OrderedDict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _last: int = 0

    def peer(self, upstream: Upstream, *, secret: Exposed | None, version: str, credential: CredentialId) -> Peer:
        """The server of `upstream`, in the session of `credential` where it keeps sessions."""
        key = (upstream.id, upstream.target, version)
        server = self._servers.setdefault(key, _Server(upstream))
        server.upstream = upstream
        self._servers.move_to_end(key)
        if len(self._servers) > MOST_SERVERS:
            self._servers.popitem(last=False)
        return _HttpPeer(self, server, secret, credential)

    async def retain(self, upstreams: frozenset[UpstreamId]) -> None:
        """End the sessions with all other upstreams."""
        for key in [key for key, server in self._servers.items() if server.upstream.id not in upstreams]:
            self._end_all(self._servers.pop(key))

    async def close(self) -> None:
        """End every session."""
        await self.retain(frozenset())
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end_all(self, server: _Server) -> None:
        for session in server.sessions.values():
            with suppress(Error):
                self.later(self.end(server, session, self.farewell(server.upstream)))

    def number(self) -> int:
        """The next id of a request."""
        self._last += 1
        return self._last

    def later(self, work: Coroutine[None, None, None]) -> None:
        """Have something done that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self, server: _Server, session: _Session, secret: Exposed | None) -> None:
        """Tell a server that a session is over. Its answer makes no difference."""
        if session.id is None:
            return
        headers = ((b"mcp-session-id", session.id), (b"mcp-protocol-version", session.greeting.version.encode()))
        call = HttpCall(upstream=server.upstream, method="DELETE", path=b"", headers=headers, patience=FAREWELL)
        with suppress(Error):
            (await self.door.send(call, secret, Traffic())).close()


@dataclass(slots=True)
class _HttpPeer:
    """One server, as one call sees it."""

    servers: HttpServers
    server: _Server
    secret: Exposed | None
    credential: CredentialId

    async def greet(self) -> Greeting:
        return (await self.session()).greeting

    def ask(self, outgoing: Outgoing) -> Exchange:
        return _HttpExchange(self, outgoing)

    async def session(self) -> _Session:
        """The session to ask in; begun if need be. A modern server has none, and says so of every credential."""
        server, now = self.server, asyncio.get_running_loop().time()
        async with server.greeting:
            if server.modern is not None and now - server.asked < FRESH:
                return _Session(server.modern, None)
            if (session := server.sessions.get(self.credential)) is not None:
                server.sessions.move_to_end(self.credential)
                return session
            server.modern, server.asked = await self._discovered(), now
            if server.modern is not None:
                return _Session(server.modern, None)
            session = await self._initialized()
            server.sessions[self.credential] = session
            if len(server.sessions) > MOST_SESSIONS:
                _, oldest = server.sessions.popitem(last=False)
                self.servers.later(self.servers.end(server, oldest, self.secret))
            return session

    def forget(self) -> None:
        """The server no longer is what it was taken for."""
        self.server.modern = None
        self.server.sessions.pop(self.credential, None)

    async def send(self, body: bytes, headers: Headers, traffic: Traffic | None = None) -> HttpAnswer:
        """One POST to the server."""
        call = HttpCall(
            upstream=self.server.upstream,
            method="POST",
            path=b"",
            headers=(*_FIXED, *headers),
            body=body,
            patience=self.servers.patience,
        )
        return await self.servers.door.send(call, self.secret, traffic or Traffic())

    async def tell(self, body: bytes, session: _Session) -> None:
        """Send what has no answer."""
        with suppress(Error):
            (await self.send(body, _legacy_headers(session))).close()

    async def _discovered(self) -> Greeting | None:
        call = discover(self.servers.number())
        answer = await self.send(write_call(call), _modern_headers(call, ()))
        try:
            return after_discover(await only_answer(answer, call))
        except UpstreamFailed as failure:
            if failure.code != "upstream_garbled" or answer.status in REJECTIONS:
                raise
            return None  # whatever it said, it was not said by a modern server
        finally:
            answer.close()

    async def _initialized(self) -> _Session:
        call = initialize(self.servers.number())
        answer = await self.send(write_call(call), ())
        try:
            greeting = after_initialize(await only_answer(answer, call))
            session = _Session(greeting, _session_id(answer.headers))
        finally:
            answer.close()
        told = await self.send(write_notice(Notice("notifications/initialized", {})), _legacy_headers(session))
        told.close()
        return session


class _HttpExchange:
    """One request to a server over HTTP."""

    def __init__(self, peer: _HttpPeer, outgoing: Outgoing) -> None:
        self._peer = peer
        self._outgoing = outgoing
        self._traffic = Traffic()
        self._events = self._run()
        self._cancel: tuple[_Session, Call] | None = None
        """What to cancel by name, at a legacy server that has not answered."""

    @property
    def sent(self) -> bool:
        return self._traffic.left

    def __aiter__(self) -> "_HttpExchange":
        return self

    async def __anext__(self) -> Progress | Answer:
        return await anext(self._events)

    async def close(self) -> None:
        await self._events.aclose()
        if self._cancel is not None and self.sent:
            session, call = self._cancel
            self._cancel = None
            notice = Notice("notifications/cancelled", {"requestId": Decimal(call.id), "reason": "the caller has gone"})
            self._peer.servers.later(self._peer.tell(write_notice(notice), session))

    async def _run(self) -> AsyncGenerator[Progress | Answer, None]:
        session, call, answer = await self._sent()
        try:
            async for message in messages(answer, call):
                match message:
                    case Answer():
                        self._cancel = None
                        if message.fault is not None and message.fault.code in OTHER_ERA:
                            self._peer.forget()
                        yield message
                        return
                    case Notice():
                        if (report := progress(message, int(call.id))) is not None:
                            yield report
                    case Call() if not session.greeting.modern:
                        await self._peer.tell(write_answer(answer_to(message)), session)
        except Malformed as fault:
            raise UpstreamFailed("upstream_garbled", f"the upstream sent what is no message: {fault.message}") from None
        except UpstreamFailed:
            if answer.status in REFUSALS:
                self._peer.forget()
            raise
        finally:
            answer.close()

    async def _sent(self) -> tuple[_Session, Call, HttpAnswer]:
        """Send, in a session that the server knows."""
        for last in (False, True):
            session = await self._peer.session()
            call = framed(self._outgoing, self._peer.servers.number(), session.greeting)
            if session.greeting.modern:
                headers = _modern_headers(call, self._outgoing.mirrored)
            else:
                headers = _legacy_headers(session)
                self._cancel = (session, call)
            answer = await self._peer.send(write_call(call), headers, self._traffic)
            if last or answer.status != NOT_FOUND or session.id is None:
                return session, call, answer
            answer.close()
            self._peer.forget()
        raise AssertionError("the second round returns")


def _modern_headers(call: Call, mirrored: Headers) -> Headers:
    named = Outgoing(method=call.method, params=call.params).name
    name = () if named is None else ((b"mcp-name", encoded(named).encode("ascii")),)
    return ((b"mcp-protocol-version", MODERN.encode()), (b"mcp-method", call.method.encode()), *name, *mirrored)


def _legacy_headers(session: _Session) -> Headers:
    version = (b"mcp-protocol-version", session.greeting.version.encode())
    return (version,) if session.id is None else (version, (b"mcp-session-id", session.id))


def _session_id(headers: Headers) -> bytes | None:
    value = header(headers, b"mcp-session-id")
    if len(value) > LONGEST_SESSION or any(not 0x21 <= byte <= 0x7E for byte in value):  # noqa: PLR2004  visible ASCII
        raise UpstreamFailed("upstream_garbled", "the upstream named its session in a way that no header can hold")
    return value or None
