"""One management request at work, and the operations that there are.

An operation is a row: method, path, the shapes of its body, query and answer, whom administration lets do it, and the
function that does it. OpenAPI is made from the rows. Everything that is the same for all of them happens once, here,
in this order:

    1 credential   who asks, before anything of the body is read
    2 query        each parameter once, and none that the operation does not know
    3 body         bounded, declared, strict
    4 repetition   a request that was answered before, under its key, is answered the same
    5 operation    which asks administration, which decides, and looks at the condition in the change's turn
    6 answer       with its tag, never to be stored by anything in between
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from gatepass.access import Json
from gatepass.administration import Act, Administration, Operator
from gatepass.errors import Error, Malformed, NotFound
from gatepass.gateway.requests import Headers
from gatepass.web.exchange import Exchange, source_of
from gatepass.web.management.answers import Shows, encode, shapes
from gatepass.web.management.conditions import read_conditions, tag_of
from gatepass.web.management.forms import NoQuery
from gatepass.web.management.reading import Form, read_bearer, read_body, read_form, read_query
from gatepass.web.management.repeats import Kept, Repeats, fingerprint, read_key

__all__ = ["API", "LINES", "Answer", "Call", "Operation", "Resource"]

API: Final = "/api/v1"
LINES: Final = "lines"
"""The answer of an operation that shows a JSON object a line."""
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
    acts: tuple[Act, ...] = ()
    """What it is to administration. With several, it depends on the request which of them it is."""
    status: int = 200
    """Of an answer that says yes."""
    answer: object = None
    """The type of what is shown; None for an answer without a body."""
    current: Callable[[Call], shapes.Shape] | None = None
    """How the one thing in the path stands now: what `If-Match` is compared with."""
    once: bool = False
    """Creates something: an `Idempotency-Key` makes a repeat harmless."""
    codes: tuple[str, ...] = ()
    """The problems that it can answer beyond those of all operations like it."""

    @property
    def name(self) -> str:
        """The operation's own name, which is that of its function."""
        return getattr(self.handle, "__name__", "")


@dataclass(frozen=True, slots=True)
class Resource:
    """One path, as an ASGI application: its operations by method."""

    administration: Administration
    operations: dict[str, Operation]
    shows: Shows
    repeats: Repeats

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
        key = read_key(headers) if operation.once else None
        if key is None:
            kept = await self._do(operation, call, headers)
        else:
            asked = fingerprint(scope["method"], scope["raw_path"], body)
            kept = await self._do_once(operation, call, headers, key, asked)
        exchange = Exchange(scope, receive, send)
        await exchange.deliver(kept.status, kept.headers, kept.lines or _once(kept.body))

    async def _do_once(self, operation: Operation, call: Call, headers: Headers, key: str, asked: bytes) -> Kept:
        """(4) The answer that was given before, if whoever asks may still have it; else do it now and remember."""
        async with self.repeats.once(call.operator.credential, key, asked) as attempt:
            if attempt.answer is not None:
                self._still_may(operation, call.operator)
                return replace(attempt.answer, headers=(*attempt.answer.headers, (b"idempotent-replayed", b"true")))
            attempt.answer = await self._do(operation, call, headers)
            return attempt.answer

    async def _do(self, operation: Operation, call: Call, headers: Headers) -> Kept:
        """(5, 6) Do it, on the condition that was named; the answer with its tag."""
        conditions = read_conditions(headers)
        reads = operation.method == "GET"
        if call.asking is not None and not reads:
            current = operation.current
            condition = conditions.on_change(operation.method, None if current is None else lambda: current(call))
            call = replace(call, asking=replace(call.asking, condition=condition))
        answer = await operation.handle(call)
        tag = tag_of(answer.shown)
        said = [*_ALWAYS]
        if tag is not None:
            said.append((b"etag", tag.encode("ascii")))
        if reads and conditions.unchanged(tag):
            return Kept(304, tuple(said), b"")
        if answer.location is not None:
            said.append((b"location", f"{API}{answer.location}".encode("ascii")))
        if answer.lines is not None:
            return Kept(answer.status, (*said, (b"content-type", b"application/x-ndjson")), b"", answer.lines)
        body = b"" if answer.shown is None else encode(answer.shown)
        if answer.shown is not None:
            said += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return Kept(answer.status, tuple(said), body)

    def _still_may(self, operation: Operation, operator: Operator) -> None:
        """Raise, unless whoever asks could do one of the acts that the operation is. They did one of them before."""
        refusals: list[Error] = []
        for act in operation.acts:
            try:
                self.administration.desk.checked(operator, act, lambda _: True)
            except Error as error:
                refusals.append(error)
        if len(refusals) == len(operation.acts):
            raise refusals[0]


_ALWAYS: Final[Headers] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)


def _said(operation: Operation, body: bytes) -> tuple[Form | None, Json]:
    if operation.body is None:
        if body:
            raise Malformed("malformed_request", "this request takes no body")
        return None, None
    if not body and not operation.optional:
        raise Malformed("malformed_request", "the body is missing")
    return read_form(body or b"{}", operation.body, operation.largest)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
