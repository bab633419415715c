"""Which path of the issuer is answered by whom.

The law: a path is matched as it came, byte for byte; nothing is decoded first. An endpoint gets a form that was read
strictly, or none at all; a document gets nothing but its path. What is raised on purpose comes back in OAuth's shape,
for endpoints; a path that is nobody's, and everything else, is left to the application above.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gatepass.errors import Error, NotFound
from gatepass.gateway.requests import Headers, Reply, Request
from gatepass.web.oauth.answers import refusal_of
from gatepass.web.oauth.forms import Parameters, read_parameters

__all__ = ["Document", "Endpoint", "OAuth", "Posted"]

_PAST: Final = b"time="
"""Asks for a status list of another time (draft 21, section 8.4), and none is kept."""
_READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Posted:
    """A form that came to an endpoint."""

    form: Parameters
    headers: Headers
    source: str
    certificate: bytes | None = None
    """See `gateway.requests.Request`."""

    def header(self, name: bytes) -> tuple[bytes, ...]:
        """The values of a header, in their order; its name in lower case."""
        return tuple(value for each, value in self.headers if each == name)


Endpoint = Callable[[Posted], Awaitable[Reply]]
"""Takes POST alone. Raises an `Error`, which becomes an answer in OAuth's shape."""
Document = Callable[[bytes], Reply | None]
"""Takes GET and HEAD. Given what stands after its path; None where there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """The issuer's paths, as a surface: `/oauth2/…` and `/.well-known/…`, on the host of agents."""

    endpoints: Mapping[bytes, Endpoint]
    """By path: `/oauth2/token`."""
    documents: Mapping[bytes, Document]
    """By path, or by its beginning for those that end with a slash: `/oauth2/status/`."""

    async def handle(self, request: Request) -> Reply:
        """See `web.exchange.Surface`."""
        endpoint = self.endpoints.get(request.path)
        if endpoint is not None:
            return await self._posted(endpoint, request)
        path, left = self._document(request.path)
        document = self.documents.get(path)
        if document is None:
            raise NotFound("not_found", "there is nothing at this path")
        if request.method not in _READS:
            raise NotFound("method_not_allowed", "a document is read with GET", details={"allow": "GET, HEAD"})
        reply = None if request.query.startswith(_PAST) else document(left)
        if reply is None:
            raise NotFound("not_found", "there is nothing at this path")
        return reply

    async def _posted(self, endpoint: Endpoint, request: Request) -> Reply:
        if request.method != "POST":
            raise NotFound("method_not_allowed", "this endpoint takes POST", details={"allow": "POST"})
        by_header = any(name == b"authorization" for name, _ in request.headers)
        try:
            return await endpoint(
                Posted(await read_parameters(request), request.headers, request.source, request.certificate)
            )
        except Error as error:
            return refusal_of(error, by_header=by_header)

    def _document(self, path: bytes) -> tuple[bytes, bytes]:
        """The document's path, and what stands after it."""
        if path in self.documents:
            return path, b""
        cut = path
        while (at := cut.rfind(b"/", 0, len(cut) - 1)) > 0:
            cut = path[: at + 1]
            if cut in self.documents:
                return cut, path[at + 1 :]
        return path, b""
