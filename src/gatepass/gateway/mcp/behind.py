"""The way to the server behind an admitted caller: the secret, the session, the redaction, the tools' marks.

A way is opened from a `Passage` and from nothing else, so there is no server without a live credential. What
is learnt of a server's tools is remembered for a short while, because both sides need it: what a client
mirrors into headers has to be checked, and what a server wants mirrored has to be sent.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gatepass.access import Instant, Json, UpstreamId
from gatepass.errors import Denied, Error, UpstreamFailed
from gatepass.gateway.callers import described
from gatepass.gateway.forwarding.redaction import Redactor, Redactors
from gatepass.gateway.mcp.calls import Asked
from gatepass.gateway.mcp.listing import Definitions, Items, Marked, collect, marks_of
from gatepass.gateway.mcp.relay import Bounds, hurried
from gatepass.gateway.mcp.servers.peers import Greeting, Outgoing, Peer, Peers
from gatepass.gateway.mcp.wire.mirrors import check, write
from gatepass.gateway.passage import Passage
from gatepass.gateway.requests import Headers
from gatepass.vault import Secret

__all__ = ["Behind", "Way"]

T = TypeVar("T")

PLAIN = Redactor(())
"""For upstreams without a secret."""


@dataclass(slots=True, kw_only=True)
class Way:
    """One server, open to one passage."""

    passage: Passage
    cut: Callable[[], Error]
    """What is raised when the token is withdrawn meanwhile."""
    peer: Peer
    redactor: Redactor
    server: tuple[str, str]
    over_http: bool
    clock: Callable[[], Instant]
    definitions: Definitions
    bounds: Bounds

    async def greeting(self) -> Greeting:
        """What the server said of itself."""
        return await self._hurried(self.peer.greet())

    async def items(self, method: str, capabilities: Mapping[str, Json]) -> Items:
        """All that the server lists."""
        items = await self._hurried(collect(self.peer, method, capabilities))
        if method == "tools/list":
            self.definitions.put(self.server, marks_of(items), self.clock())
        return items

    async def mirrors(self, *, modern: bool) -> bool:
        """Whether arguments are mirrored on either side: by a modern client, or for a modern server over HTTP."""
        return modern or (self.over_http and (await self.greeting()).modern)

    async def mirrored(self, wanted: Asked, headers: Headers, *, modern: bool) -> Outgoing:
        """The request with the headers that its server wants, the client's own checked against the arguments.

        Raises `Malformed` (`header_mismatch`), or `UpstreamFailed` where they have to be checked and cannot be.
        """
        outgoing = wanted.outgoing
        sent = any(name.startswith(b"mcp-param-") for name, _ in headers)
        if outgoing.method != "tools/call" or not await self.mirrors(modern=modern):
            return outgoing
        marked = (await self._marked(required=modern and sent)).get(outgoing.name or "", ())
        if marked is None:
            raise UpstreamFailed(
                "upstream_garbled", "the upstream marks this tool's arguments in a way that has no meaning"
            )
        if modern:
            check(marked, wanted.arguments, headers)
        return replace(outgoing, mirrored=write(marked, wanted.arguments))

    async def _marked(self, *, required: bool) -> Marked:
        known = self.definitions.get(self.server, self.clock())
        if known is None:
            try:
                await self.items("tools/list", {})
            except UpstreamFailed:
                # Nothing is decided on these headers: where the client sent none, there is nothing to check.
                if required:
                    raise
            known = self.definitions.get(self.server, self.clock())
        return known or {}

    async def _hurried(self, work: Awaitable[T]) -> T:
        return await hurried(work, self.passage.withdrawn, self.cut, self.bounds.list)


@dataclass(slots=True, kw_only=True)
class Behind:
    """The servers of all upstreams."""

    http: Peers
    stdio: Peers
    clock: Callable[[], Instant]
    bounds: Bounds = field(default_factory=Bounds)
    _redactors: Redactors = field(default_factory=Redactors)
    _definitions: Definitions = field(default_factory=Definitions)

    @asynccontextmanager
    async def called(self, passage: Passage) -> AsyncIterator[Way]:
        """The way of a call. If it ends before the call was sent, the passage is finished here."""
        try:
            yield self._way(passage, passage.cut)
        except Error as error:
            await passage.finish(sent=False, error=error.code)
            raise described(error, passage.caller) from None
        except BaseException:  # the server of the surface: the client has gone, or we are being stopped
            await asyncio.shield(passage.finish(sent=False, error="caller_gone"))
            raise

    @contextmanager
    def consulted(self, passage: Passage) -> Iterator[Way]:
        """The way to what a server says of itself."""
        try:
            yield self._way(passage, _withdrawn)
        finally:
            passage.leave()

    async def retain(self, upstreams: frozenset[UpstreamId]) -> None:
        """End what belongs to other upstreams: a child of a disabled one holds its secret for nobody."""
        await self.http.retain(upstreams)
        await self.stdio.retain(upstreams)

    async def close(self) -> None:
        """End every session and every child."""
        await self.http.close()
        await self.stdio.close()

    def _way(self, passage: Passage, cut: Callable[[], Error]) -> Way:
        served = passage.caller.served
        assert served is not None  # noqa: S101  a passage exists only for a served upstream
        upstream = served.upstream
        secret = passage.inject()
        sealed = passage.admission.snapshot.secrets.get(upstream.secret) if upstream.secret else None
        version = f"{sealed.id}/{sealed.version}" if sealed is not None else ""
        over_http = not upstream.kind.is_command
        peers = self.http if over_http else self.stdio
        return Way(
            passage=passage,
            cut=cut,
            peer=peers.peer(upstream, secret=secret, version=version, credential=passage.caller.credential.id),
            redactor=self._redactor(secret, upstream.injection.prefix if upstream.injection else ""),
            server=(upstream.id, f"{upstream.target}\n{version}"),
            over_http=over_http,
            clock=self.clock,
            definitions=self._definitions,
            bounds=self.bounds,
        )

    def _redactor(self, secret: Secret | None, prefix: str) -> Redactor:
        if secret is None:
            return PLAIN
        return secret.expose_to(lambda text: self._redactors.redactor(text, prefix))


def _withdrawn() -> Error:
    """For a consultation, which has no outcome of its own in the journal: the surface writes this one down."""
    return Denied("withdrawn_in_flight", "the token was withdrawn meanwhile")
