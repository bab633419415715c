"""How pages ask for anything: the management API, called in this process as any client would call it.

A request is made of a method, a path, a JSON body and the bearer token of whoever is signed in; what comes back
is exact JSON, or the error that it tells of. There is no other way from a page to the deployment, so nothing
is possible here that the API refuses. What a request may not hold for want of meaning (a dot segment, half a
surrogate pair) is refused before it is made.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from starlette.types import ASGIApp

from gatepass import exact
from gatepass.access import Json
from gatepass.client.problems import error_from
from gatepass.client.transport import segment
from gatepass.errors import Malformed, Unavailable, UpstreamFailed

__all__ = ["Answered", "Bridge", "Members"]

Members: TypeAlias = Mapping[str, Json]

API: Final = "/api/v1"
LARGEST_ANSWER: Final = 16 << 20
MOST_PARTS: Final = 100
"""Parts of a list that are read one after the other."""
_FAILED: Final = 400
_EMPTY: Final = 204


@dataclass(frozen=True, slots=True)
class Answered:
    """What the API said: the value, and the tag of what it said it about."""

    value: Json = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """The management API, as whoever holds `token`, from where they are."""

    api: ASGIApp
    host: str
    """The host name of people."""
    client: tuple[str, int] | None
    token: str | None = field(default=None, repr=False)

    async def get(self, *path: str, **query: str | None) -> Members:
        """Read one thing."""
        return _members((await self.ask("GET", path, query=query)).value)

    async def seen(self, *path: str) -> tuple[Members, str | None]:
        """Read one thing with its tag, which a later change presents."""
        answered = await self.ask("GET", path)
        return _members(answered.value), answered.etag

    async def part(self, *path: str, **query: str | None) -> tuple[tuple[Members, ...], str | None]:
        """Read one part of a list, and where the next one begins."""
        answer = await self.get(*path, **query)
        items, following = answer.get("items"), answer.get("next")
        if not isinstance(items, tuple) or not isinstance(following, str | None):
            raise _shape()
        return tuple(_members(item) for item in items), following

    async def listed(self, *path: str, **query: str | None) -> tuple[Members, ...]:
        """Read a list to its end."""
        found: list[Members] = []
        cursor: str | None = None
        for _ in range(MOST_PARTS):
            items, cursor = await self.part(*path, **{"limit": "500", **query}, cursor=cursor)
            found += items
            if cursor is None:
                return tuple(found)
        raise Unavailable("search_unfinished", "the list is longer than one page can show")

    async def post(
        self, *path: str, body: Members | None = None, key: str | None = None, etag: str | None = None
    ) -> Members:
        """Create or do something. `key` makes asking twice the same as asking once."""
        answered = await self.ask("POST", path, body=body, key=key, etag=etag)
        return {} if answered.value is None else _members(answered.value)

    async def put(self, *path: str, body: Members, etag: str | None = None, anew: bool = False) -> Members:
        """Put something in the place of what is there; `anew`: only where nothing is yet."""
        answered = await self.ask("PUT", path, body=body, etag=etag, anew=anew)
        return {} if answered.value is None else _members(answered.value)

    async def patch(self, *path: str, body: Members, etag: str | None = None) -> Members:
        """Change what is named."""
        return _members((await self.ask("PATCH", path, body=body, etag=etag)).value)

    async def delete(self, *path: str, etag: str | None = None) -> None:
        """Delete something."""
        await self.ask("DELETE", path, etag=etag)

    async def ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str | None] | None = None,
        body: Members | None = None,
        key: str | None = None,
        etag: str | None = None,
        anew: bool = False,
    ) -> Answered:
        """Make one request. Raises the error that its answer tells of."""
        content = b"" if body is None else _written(body)
        headers = [(b"host", self.host.encode("ascii"))]
        if self.token is not None:
            headers.append((b"authorization", b"Bearer " + self.token.encode("ascii", "replace")))
        if content:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if key is not None:
            headers.append((b"idempotency-key", _plain(key)))
        if etag is not None:
            headers.append((b"if-match", _plain(etag)))
        if anew:
            headers.append((b"if-none-match", b"*"))
        said = urlencode({name: value for name, value in (query or {}).items() if value is not None})
        target = "/".join((API, *map(segment, path)))
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target,
            "raw_path": target.encode("ascii"),
            "query_string": said.encode("ascii"),
            "root_path": "",
            "headers": headers,
            "client": self.client,
            "server": None,
        }
        reading = _Reading(content)
        await self.api(scope, reading.receive, reading.send)
        return reading.answered()


@dataclass(slots=True)
class _Reading:
    """The other side of one call: gives the body once, then waits as a caller who stays; collects the answer."""

    content: bytes = field(repr=False)
    status: int = 0
    etag: str | None = None
    said: bytearray = field(default_factory=bytearray, repr=False)
    given: bool = False

    async def receive(self) -> dict[str, Any]:
        if self.given:
            await asyncio.get_running_loop().create_future()
        self.given = True
        return {"type": "http.request", "body": self.content, "more_body": False}

    async def send(self, message: Any) -> None:  # noqa: ANN401  ASGI's messages are dictionaries of anything
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.etag = next((value.decode("latin-1") for name, value in message["headers"] if name == b"etag"), None)
        elif message["type"] == "http.response.body":
            self.said += message.get("body", b"")
            if len(self.said) > LARGEST_ANSWER:
                raise UpstreamFailed("server_garbled", "the answer is larger than a page can show")

    def answered(self) -> Answered:
        if self.status == _EMPTY or (self.status < _FAILED and not self.said):
            return Answered(None, self.etag)
        value = exact.read(bytes(self.said), max_bytes=LARGEST_ANSWER)
        if self.status >= _FAILED:
            raise error_from(self.status, value)
        return Answered(value, self.etag)


def _written(body: Members) -> bytes:
    try:
        return exact.write(body)
    except (UnicodeEncodeError, ValueError):
        raise Malformed("malformed_request", "the form holds a character or a number that no text can hold") from None


def _plain(text: str) -> bytes:
    """A tag or key on its way back. It has been in a form, so it may be anything by now."""
    if not text.isascii() or not text.isprintable():
        raise Malformed("malformed_request", "a hidden field of the form was changed", hint="Open the page again.")
    return text.encode("ascii")


def _members(value: Json) -> Members:
    if not isinstance(value, Mapping):
        raise _shape()
    return value


def _shape() -> UpstreamFailed:
    return UpstreamFailed("server_garbled", "the management API answered in another shape than pages expect")
