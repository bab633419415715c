"""What people manage, over the management API: one method a request, shapes as the API has them.

Answers are exact JSON, as they came. Lists are read to their end, which is bounded. Names and ids are
interchangeable wherever the API takes either. Spans of time are whole milliseconds here and whole seconds on
the wire.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Final, TypeAlias

from gatepass.access import Json
from gatepass.client.transport import Transport, segment
from gatepass.errors import UpstreamFailed

__all__ = ["Answer", "Management"]

Answer: TypeAlias = Mapping[str, Json]

_API: Final = "/api/v1"
_MOST_PAGES: Final = 1_000


class Management:
    """The management API of one server, as whoever the transport's token names."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._transport.url

    def get(self, *path: str, **query: str | None) -> Answer:
        """Read one thing."""
        return self._object("GET", path, query={name: value for name, value in query.items() if value is not None})

    def items(self, *path: str, **query: str | None) -> tuple[Answer, ...]:
        """Read a list to its end."""
        found: list[Answer] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self.page(*path, **query, cursor=cursor)
            found += page[0]
            if page[1] is None:
                return tuple(found)
            cursor = page[1]
        raise UpstreamFailed("server_garbled", f"the list at `/{'/'.join(path)}` does not end")

    def page(self, *path: str, **query: str | None) -> tuple[tuple[Answer, ...], str | None]:
        """Read one page of a list, and the cursor of the next."""
        answer = self.get(*path, **query)
        items, following = answer.get("items"), answer.get("next")
        if not isinstance(items, tuple) or not isinstance(following, str | None):
            raise _shape(path)
        return tuple(_mapping(item, path) for item in items), following

    def send(self, method: str, *path: str, body: Answer | None = None) -> Answer:
        """Change something. Members of `body` that are None are left out."""
        said = None if body is None else {name: value for name, value in body.items() if value is not None}
        return self._object(method, path, body=said)

    def lines(self, *path: str, **query: str | None) -> AbstractContextManager[Iterator[bytes]]:
        """Read an answer of many lines, one at a time."""
        said = {name: value for name, value in query.items() if value is not None}
        return self._transport.lines(_path(path), query=said)

    def _object(
        self, method: str, path: tuple[str, ...], *, query: Mapping[str, str] | None = None, body: Json = None
    ) -> Answer:
        answer = self._transport.ask(method, _path(path), query=query, body=body)
        return {} if answer is None else _mapping(answer, path)


def seconds(milliseconds: int | None) -> Decimal | None:
    """A span of time as the API takes it."""
    return None if milliseconds is None else Decimal(milliseconds // 1_000)


def _path(path: tuple[str, ...]) -> str:
    return "/".join((_API, *map(segment, path)))


def _mapping(value: Json, path: tuple[str, ...]) -> Answer:
    if not isinstance(value, Mapping):
        raise _shape(path)
    return value


def _shape(path: tuple[str, ...]) -> UpstreamFailed:
    return UpstreamFailed("server_garbled", f"the server answered `/{'/'.join(path)}` in another shape")
