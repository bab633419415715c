"""Requests, read strictly and under bounds.

llhttp splits the bytes. What it leaves open is bounded here, before anything is complete: the head, in bytes and in
fields; chunk extensions and trailers, which are dropped (RFC 9110 section 6.5.1 allows it). A target is a path and
perhaps a query, byte for byte (RFC 9112 section 3.2.1); absolute forms are for proxies. A request that asks for
another protocol is answered in this one, and is the last of its connection; one with a body too is refused, because
nobody can tell where that body ends.
"""

import re
from typing import Final, NamedTuple, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gatepass.gateway.requests import Headers

__all__ = ["LARGEST_HEAD", "LARGEST_TARGET", "MOST_FIELDS", "Head", "Heard", "RequestParser"]

LARGEST_HEAD: Final = 32 * 1024
"""Bytes of request line and header fields together."""
LARGEST_TARGET: Final = 8 * 1024
"""Bytes of the request target: path and query."""
MOST_FIELDS: Final = 100
LARGEST_BETWEEN: Final = 8 * 1024
"""Bytes that are neither head nor body: chunk extensions and trailers."""

_ORIGIN_FORM: Final = re.compile(rb"/[\x21-\x22\x24-\x7e]*")
"""No fragment, no white space, nothing beyond ASCII."""
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class Head(NamedTuple):
    """A request line and its fields."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    """In the order received, names in lower case."""
    version: str
    keep_alive: bool
    framed: bool
    """Whether a body is announced. HTTP/1.1 has no other way to (RFC 9112 section 6.3)."""
    waits: bool
    """Whether the caller sends the body only when told to."""


class Heard(Protocol):
    """Who is told what was read, in order."""

    def begun(self, head: Head) -> None:
        """A head is complete."""
        ...

    def body(self, data: bytes) -> None:
        """A piece of the body of the last head."""
        ...

    def ended(self) -> None:
        """The request of the last head is complete."""
        ...


class _RefusedError(Exception):
    """The head is not acceptable. Raised inside the parser, which makes an error of its own of it."""


class RequestParser:
    """The requests of one connection, one after the other."""

    __slots__ = ("_between", "_fields", "_head", "_heard", "_parser", "_seen", "_size", "_url", "inside", "on_headers")

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.on_headers = True
        """Whether what comes is a head, or what precedes one."""
        self.inside = False
        """Whether a request has begun and not ended."""
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head = self._size = self._between = self._seen = 0

    def feed(self, data: bytes) -> bool:
        """Take what came. Whether all of it can be read; if not, nothing further can."""
        if self._parser is None:
            return False
        seen = self._seen
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.close()
            return False
        if self._seen != seen:
            self._head = self._between = 0
        elif self.on_headers:
            self._head += len(data)
        else:
            self._between += len(data)
        if self._head > LARGEST_HEAD or self._between > LARGEST_BETWEEN:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Read no more. The parser holds on to this object, so it is let go of."""
        self._parser = None

    # -- what the parser calls; raising ends its work

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._url, self._fields, self._size = b"", [], 0
        self.inside = self.on_headers = True

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._url += url
        if len(self._url) > LARGEST_TARGET:
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; or a trailer, which is dropped."""
        self._size += len(name) + len(value)
        if self._size > LARGEST_HEAD or len(self._fields) >= MOST_FIELDS:
            raise _RefusedError
        if self.on_headers:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        parser = self._parser
        assert parser is not None  # noqa: S101  it is the one that calls
        version, upgrade = parser.get_http_version(), parser.should_upgrade()
        if version not in _VERSIONS or not _ORIGIN_FORM.fullmatch(self._url):
            raise _RefusedError
        if self._size + len(self._url) > LARGEST_HEAD:
            raise _RefusedError
        framed = waits = False
        for name, value in self._fields:
            if name in _ANNOUNCING:
                framed = True
            elif name == b"expect" and value.lower() == b"100-continue":
                waits = version == "1.1"
        if upgrade and framed:
            raise _RefusedError
        path, _, query = self._url.partition(b"?")
        self.on_headers = False
        self._seen += 1
        keep_alive = version == "1.1" and not upgrade and parser.should_keep_alive()
        method = parser.get_method().decode("ascii")
        self._heard.begun(Head(method, path, query, tuple(self._fields), version, keep_alive, framed, waits))

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._seen += 1
        self._heard.body(data)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._seen += 1
        self.inside, self.on_headers = False, True
        self._heard.ended()


_ANNOUNCING: Final = frozenset({b"content-length", b"transfer-encoding"})
