"""Step 5 for REST: from a request to the one `Access` that it is, and to the call that will leave.

Both are made from the same bytes here, and nothing of the request is read again afterwards.
"""

from dataclasses import dataclass

import msgspec

from gatepass import exact
from gatepass.access import Access, Json
from gatepass.documents import shown
from gatepass.errors import Denied, Malformed
from gatepass.gateway.callers import Caller
from gatepass.gateway.forwarding.door import HttpCall, Patience
from gatepass.gateway.forwarding.headers import request_headers
from gatepass.gateway.operations import BodyUse, Parts, RestOperations
from gatepass.gateway.operations.rest import Match
from gatepass.gateway.requests import Headers, Request
from gatepass.gateway.rest.bodies import read_body
from gatepass.gateway.rest.paths import read_path, read_query
from gatepass.registry import InjectionKind, Upstream

__all__ = ["Plan", "Reading"]


class Plan(msgspec.Struct, frozen=True):
    """What is decided on, and what is forwarded if it is permitted."""

    access: Access
    call: HttpCall
    arguments: bytes
    """Every argument in canonical form, for the journal's digest."""


@dataclass(slots=True)
class Reading:
    """One request being read. What was understood before something went wrong can be asked afterwards."""

    operations: RestOperations
    upstream: Upstream
    request: Request
    action: str = ""
    """`orders:refund`, once it is known."""
    resource: str = ""

    async def plan(self, caller: Caller, patience: Patience) -> Plan:
        """Read everything that the mapping needs. Raises `Malformed` or `Denied` (`operation_unmapped`)."""
        request = self.request
        path = read_path(request.path)
        match = self.operations.match(request.method, path.segments, slash=path.slash)
        if match is None or self.upstream.kind.speaks_mcp:
            what = f"`{shown(request.method)} {shown(request.path.decode('ascii'))}`"
            raise Denied("operation_unmapped", f"{what} is no operation of `{self.upstream.name}` that is mapped")
        rule = match.operation.rule
        self.action = f"{rule.type}:{rule.action.name}"
        headers = request_headers(request.headers, also=self.operations.headers)
        query = read_query(request.query)
        self._check_injected(query)
        body, said = await read_body(request, match.operation)
        parts = self._parts(match, query, said, body=body is not None)
        self.resource = parts.resource.pattern or ",".join(parts.resource.ids)
        access = Access(
            subject=caller.subject,
            action=rule.action,
            resource=parts.resource,
            context=caller.context,
            properties=parts.properties,
            free=parts.free,
        )
        call = HttpCall(
            upstream=self.upstream,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=_framed(headers, request, streamed=body is not None and match.operation.body is BodyUse.STREAM),
            body=body,
            patience=patience,
        )
        return Plan(access, call, _canonical(request, path_text=request.path.decode("ascii"), query=query, body=said))

    def _parts(self, match: Match, query: dict[str, Json], said: Json, *, body: bool) -> Parts:
        arguments: dict[str, Json] = {"path": match.variables, "query": query}
        if body and match.operation.body is BodyUse.JSON:
            arguments["body"] = said
        return match.operation.rule.parts(arguments)

    def _check_injected(self, query: dict[str, Json]) -> None:
        """The parameter that carries the secret is ours alone: two of it would be read in two ways."""
        injection = self.upstream.injection
        if injection is not None and injection.kind is InjectionKind.QUERY:
            for name in query:
                if name.casefold() == injection.name.casefold():
                    raise Malformed("malformed_request", f"`query.{shown(name)}` is not declared for this operation")


def _framed(headers: Headers, request: Request, *, streamed: bool) -> Headers:
    """For a body that is passed on as it comes, its announced length; the door frames all others."""
    lengths = [(name, value) for name, value in request.headers if name == b"content-length"]
    return (*headers, *lengths) if streamed else headers


def _canonical(request: Request, *, path_text: str, query: dict[str, Json], body: Json) -> bytes:
    return exact.write({"method": request.method, "path": path_text, "query": query, "body": body})
