"""The MCP surface: one address an upstream, both eras, no session of ours.

    POST   one message, in the caller's era: decided, sent on in the server's era, answered
    others 405: there is no stream to open by GET and no session to DELETE

The caller is met before its body is read. What a request touches is decided on its arguments
(`tools/call`, `resources/read`, `prompts/get`, `completion/complete`); lists show what could be permitted;
`initialize`, `server/discover` and `ping` are answered here, from what the server said of itself and what
the operations file maps; every other method is unknown. Legacy clients may cancel a call by name; in either
era, leaving cancels it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.documents import shown as printable
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, NotFound, Unauthenticated, Unavailable
from gatepass.gateway.admission import Admission
from gatepass.gateway.callers import Caller, answer_headers
from gatepass.gateway.forwarding.redaction import Redactor
from gatepass.gateway.mcp.answers import accepted, denied_tool, plain, refused, reply
from gatepass.gateway.mcp.behind import Behind, Way
from gatepass.gateway.mcp.calls import DECIDED, asked, holder, named, progress_token
from gatepass.gateway.mcp.listing import LISTS, shown, usable
from gatepass.gateway.mcp.relay import Bounds, Relay, UnderWay
from gatepass.gateway.mcp.results import SHORT, Fitting, Seal, cacheable, introduced, server_info
from gatepass.gateway.mcp.servers.peers import Outgoing
from gatepass.gateway.mcp.wire.eras import LEGACY, SUPPORTED, Dialect, dialect, single
from gatepass.gateway.mcp.wire.messages import (
    Answer,
    Call,
    Notice,
    read_from_client,
    request_id,
    write_answer,
)
from gatepass.gateway.requests import Reply, Request
from gatepass.gateway.snapshot import Served

__all__ = ["McpSurface"]

SURFACE: Final = "mcp"
DENIALS: Final = (Denied, Malformed)
"""Families that a model can act on: for a tool they are the tool's result."""
PROTOCOL: Final = frozenset({"scope_missing", "header_mismatch", "withdrawn_in_flight"})
"""Codes among them that the client has to act on, not the model."""


@dataclass(slots=True, kw_only=True)
class McpSurface:
    """Answers `/mcp/{upstream}` and `/k/{upstream}/mcp`."""

    admission: Admission
    behind: Behind
    seal: Seal
    origins: frozenset[str] = frozenset()
    """The origins of pages that may speak to us. Programs send none."""
    bounds: Bounds = field(default_factory=Bounds)
    _under_way: UnderWay = field(default_factory=UnderWay)

    async def handle(self, request: Request) -> Reply:
        """The answer to one request. Raises what the web layer answers for every surface: 401, 429 and 404."""
        if request.method != "POST":
            return plain(405, ((b"allow", b"POST"),))
        if foreign := self._foreign(request):
            return refused(foreign, None, modern=True)
        caller = await self.admission.meet(request, SURFACE)
        value: Json = None
        try:
            value = exact.read(await _body(request, self.bounds.request), max_bytes=self.bounds.request)
            message = read_from_client(value)
            spoken = dialect(request.headers, message)
        except Malformed as error:
            return refused(await self.admission.refuse(caller, error), request_id(value), modern=True)
        if isinstance(message, Notice):
            return self._noticed(message, spoken, caller)
        return await self._answered(message, spoken, caller)

    async def tidy(self) -> None:
        """End the sessions and children of upstreams that were disabled or removed. Called now and then."""
        served = self.admission.snapshot.upstreams.values()
        await self.behind.retain(frozenset(one.upstream.id for one in served if one.upstream.disabled is None))

    async def close(self) -> None:
        """End every session with a server, and every server that was started."""
        await self.behind.close()

    async def _answered(self, call: Call, spoken: Dialect, caller: Caller) -> Reply:
        try:
            return await self._method(call, spoken)(call, spoken, caller)
        except Unauthenticated:
            raise
        except Error as raised:
            error = await self._written(raised, call, caller)
            if call.method == "tools/call" and isinstance(error, DENIALS) and error.code not in PROTOCOL:
                return denied_tool(error, call.id, modern=spoken.modern)
            return refused(error, call.id, modern=spoken.modern)

    async def _written(self, error: Error, call: Call, caller: Caller) -> Error:
        """The error, journalled: what has a decision's id already was, and what cannot be becomes that."""
        if "decision_id" in error.details:
            return error
        try:
            return await self.admission.refuse(caller, error, action=call.method)
        except Unavailable as failure:
            return failure

    def _method(self, call: Call, spoken: Dialect) -> Callable[[Call, Dialect, Caller], Awaitable[Reply]]:
        if call.method in DECIDED:
            return self._decided
        if call.method in LISTS:
            return self._listed
        if call.method == ("server/discover" if spoken.modern else "initialize"):
            return self._greeted
        return self._ponged if call.method == "ping" and not spoken.modern else self._unknown

    # -- what touches something

    async def _decided(self, call: Call, spoken: Dialect, caller: Caller) -> Reply:
        served = await self._served(call, caller)
        try:
            wanted = asked(call, spoken, caller, served.operations.mcp, self.seal)
        except (Malformed, Denied) as error:
            raise await self.admission.refuse(caller, error, action=call.method, resource=named(call)) from None
        leave = await self._entered(caller, call, served)
        try:
            passage = await self.admission.admit(caller, wanted.access, arguments=wanted.digest)
            async with self.behind.called(passage) as way:
                outgoing = await way.mirrored(wanted, caller.request.headers, modern=spoken.modern)
                relay = self._relay(call, spoken, caller, way, outgoing)
                relay.done.append(leave)
                if not spoken.modern:
                    self._under_way.name((caller.credential.id, served.upstream.id, call.id), relay)
                return await relay.answer()
        except BaseException:  # whatever it was: the call no longer takes a place
            leave()
            raise

    async def _entered(self, caller: Caller, call: Call, served: Served) -> Callable[[], None]:
        who = caller.agent.id if caller.agent is not None else caller.credential.id
        try:
            return self._under_way.enter((who, served.upstream.id), self.bounds.at_once)
        except LimitExceeded as error:
            raise await self.admission.refuse(caller, error, action=call.method, resource=named(call)) from None

    def _relay(self, call: Call, spoken: Dialect, caller: Caller, way: Way, outgoing: Outgoing) -> Relay:
        fitting = Fitting(
            method=call.method, params=outgoing.params, dialect=spoken, holder=holder(caller), seal=self.seal
        )
        return Relay(
            passage=way.passage,
            exchange=way.peer.ask(outgoing),
            redactor=way.redactor,
            identifier=call.id,
            modern=spoken.modern,
            translate=fitting.fit,
            streams=_takes_events(caller.request),
            token=progress_token(call),
            bounds=self.bounds,
        )

    # -- what is shown

    @asynccontextmanager
    async def _looking(self, call: Call, caller: Caller, served: Served) -> AsyncIterator[Way]:
        """The way to what a server says of itself. It takes a place, as a call does."""
        leave = await self._entered(caller, call, served)
        try:
            with self.behind.consulted(self.admission.consult(caller)) as way:
                yield way
        finally:
            leave()

    async def _listed(self, call: Call, spoken: Dialect, caller: Caller) -> Reply:
        served = await self._served(call, caller)
        kind = LISTS[call.method]
        if unknown := sorted(set(call.params) - {"_meta"}):
            # All pages are read at once, so no cursor was ever handed out.
            error = Malformed(
                "malformed_request", f"`{call.method}` takes no `{printable(unknown[0])}`: it has one page"
            )
            raise await self.admission.refuse(caller, error, action=call.method)
        async with self._looking(call, caller, served) as way:
            if kind.capability not in (await way.greeting()).capabilities:
                raise await self.admission.refuse(caller, _no_method(call), action=call.method)
            items = await way.items(call.method, {})
            if call.method == "tools/list" and await way.mirrors(modern=spoken.modern):
                items = usable(items)
            visible = shown(items, call.method, served.operations.mcp, caller, partial(self.admission.may, caller))
            redactor = way.redactor
        await self.admission.listed(caller, call.method, len(visible), len(items) - len(visible))
        result: dict[str, Json] = {kind.member: visible}
        if spoken.modern:
            result = cacheable({**result, "resultType": "complete", "ttlMs": SHORT})
        return _reply(call, introduced(result, served.upstream.name), caller, redactor)

    async def _greeted(self, call: Call, spoken: Dialect, caller: Caller) -> Reply:
        """`initialize` and `server/discover`: what this upstream can be used for, through us."""
        served = await self._served(call, caller)
        async with self._looking(call, caller, served) as way:
            theirs = (await way.greeting()).capabilities
        mapped = served.operations.mcp
        offered = {
            "tools": bool(mapped.tools),
            "resources": bool(mapped.resources),
            "prompts": bool(mapped.prompts),
            "completions": bool(mapped.prompts or mapped.resources),
        }
        capabilities: Json = {name: {} for name, some in offered.items() if some and name in theirs}
        await self.admission.listed(caller, call.method, 0, 0)
        if spoken.modern:
            said: dict[str, Json] = {"resultType": "complete", "supportedVersions": SUPPORTED, "ttlMs": SHORT}
            result = cacheable({**said, "capabilities": capabilities})
            return _reply(call, introduced(result, served.upstream.name), caller)
        wanted = call.params.get("protocolVersion")
        version = wanted if isinstance(wanted, str) and wanted in LEGACY else LEGACY[0]
        info = server_info(served.upstream.name)
        return _reply(call, {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}, caller)

    async def _ponged(self, call: Call, _: Dialect, caller: Caller) -> Reply:
        return _reply(call, {}, caller)

    async def _unknown(self, call: Call, _: Dialect, caller: Caller) -> Reply:
        raise await self.admission.refuse(caller, _no_method(call), action=call.method)

    def _noticed(self, notice: Notice, spoken: Dialect, caller: Caller) -> Reply:
        if not notice.method.startswith("notifications/"):
            return refused(_no_method(notice), None, modern=True)
        if notice.method == "notifications/cancelled" and not spoken.modern and caller.served is not None:
            wanted = request_id({"id": notice.params.get("requestId")})
            if wanted is not None:
                self._under_way.cancel((caller.credential.id, caller.served.upstream.id, wanted))
        return accepted()

    # -- what everything needs

    async def _served(self, call: Call, caller: Caller) -> Served:
        served = caller.served
        if served is None or not served.upstream.kind.speaks_mcp:
            error = NotFound("upstream_unknown", f"`{caller.request.upstream[:64]}` is no MCP upstream")
            raise await self.admission.refuse(caller, error, action=call.method)
        return served

    def _foreign(self, request: Request) -> Error | None:
        origins = [value.decode("latin-1") for name, value in request.headers if name == b"origin"]
        if all(origin in self.origins for origin in origins):
            return None
        return Denied("foreign_origin", "a page of another origin may not speak to this address")


async def _body(request: Request, most: int) -> bytes:
    """The body, whole. Raises `Malformed`: nothing but plain JSON of a bounded size is read."""
    kind = (single(request.headers, b"content-type") or "").partition(";")[0].strip().lower()
    coding = single(request.headers, b"content-encoding")
    if kind != "application/json" or coding not in {None, "identity"}:
        raise Malformed("unsupported_media", "the body is not `application/json`, unencoded")
    body = bytearray()
    async for chunk in request.body:
        body += chunk
        if len(body) > most:
            raise Malformed("too_large", f"the body is larger than {most} bytes")
    return bytes(body)


def _takes_events(request: Request) -> bool:
    return any(b"text/event-stream" in value.lower() for name, value in request.headers if name == b"accept")


def _no_method(message: Call | Notice) -> NotFound:
    return NotFound("method_unknown", f"`{printable(message.method)}` is not offered here")


def _reply(call: Call, result: Mapping[str, Json], caller: Caller, redactor: Redactor | None = None) -> Reply:
    body = write_answer(Answer(call.id, result=result))
    return reply(200, body if redactor is None else redactor.whole(body), answer_headers(caller))
