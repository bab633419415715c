"""One management request at work, and the operations that there are.

An operation is a row: method, path, the shapes of its body and query, whether a stranger may ask, and the
function that does it. Everything that is the same for all of them happens once, here, in this order:

    1 credential   who asks, before anything of the body is read
    2 query        each parameter once, and none that the operation does not know
    3 body         bounded, declared, strict
    4 operation    which asks administration, which decides
    5 answer       never to be stored by anything in between
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from gatepass.access import Json
from gatepass.administration import Administration, Operator
from gatepass.errors import Malformed, NotFound
from gatepass.gateway.requests import Headers
from gatepass.web.exchange import Exchange, source_of
from gatepass.web.management.answers import Shows, encode
from gatepass.web.management.forms import NoQuery
from gatepass.web.management.reading import Form, read_bearer, read_body, read_form, read_query

__all__ = ["API", "Answer", "Call", "Operation", "Resource"]

API: Final = "/api/v1"
SMALL: Final = 64 * 1024
"""Bytes of a body, unless the operation says otherwise."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation came to. Exactly one of `shown` and `lines`, or neither for an empty answer."""

    status: int = 200
    shown: object = None
    lines: AsyncIterator[bytes] | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose credential, query and body have been read."""

    administration: Administration
    shows: Shows
    ref: str
    """The id or name in the path."""
    source: str
    form: Any
    """The body in the operation's shape."""
    exact: Json = field(repr=False)
    """The same body with every digit, for operations that ask for it."""
    query: Any
    """The query in the operation's shape."""
    asking: Operator | None

    @property
    def operator(self) -> Operator:
        """Who asks. Operations that are open to strangers have nobody to name."""
        assert self.asking is not None  # noqa: S101  `Resource` lets nobody through to the others
        return self.asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table."""

    method: str
    path: str
    handle: Callable[[Call], Awaitable[Answer]]
    body: type[Form] | None = None
    query: type[Form] = NoQuery
    optional: bool = False
    """An empty body stands for the shape with nothing named."""
    exact: bool = False
    """Whether it wants the body with every digit. Others do not get it: it may hold a secret, and prints."""
    largest: int = SMALL
    stranger: bool = False
    """Needs no credential: what the body shows is the credential."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One path, as an ASGI application: its operations by method."""

    administration: Administration
    operations: dict[str, Operation]
    shows: Shows
    known: Headers = field(
        default=(
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
        )
    )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        operation = self.operations.get(scope["method"])
        if operation is None:
            allowed = ", ".join(sorted(self.operations))
            message = f"this path has {allowed}"
            raise NotFound("method_not_allowed", message, details={"allow": allowed})
        source, headers = source_of(scope), scope["headers"]
        asking = None
        if not operation.stranger:
            asking = await self.administration.sessions.operator(read_bearer(headers), source)  # (1)
        query = read_query(scope["query_string"], operation.query)  # (2)
        body = await read_body(headers, receive, operation.largest)  # (3)
        form, exact = _said(operation, body)
        call = Call(
            administration=self.administration,
            shows=self.shows,
            ref=scope["path_params"].get("ref", ""),
            source=source,
            form=form,
            exact=exact if operation.exact else None,
            query=query,
            asking=asking,
        )
        answer = await operation.handle(call)  # (4)
        await self._answer(Exchange(scope, receive, send), answer)  # (5)

    async def _answer(self, exchange: Exchange, answer: Answer) -> None:
        headers = list(self.known)
        if answer.location is not None:
            headers.append((b"location", f"{API}{answer.location}".encode("ascii")))
        if answer.lines is not None:
            headers.append((b"content-type", b"application/x-ndjson"))
            await exchange.deliver(answer.status, tuple(headers), answer.lines)
            return
        body = b"" if answer.shown is None else encode(answer.shown)
        if answer.shown is not None:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await exchange.deliver(answer.status, tuple(headers), _once(body))


def _said(operation: Operation, body: bytes) -> tuple[Form | None, Json]:
    if operation.body is None:
        if body:
            raise Malformed("malformed_request", "this request takes no body")
        return None, None
    if not body and not operation.optional:
        raise Malformed("malformed_request", "the body is missing")
    return read_form(body or b"{}", operation.body)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
