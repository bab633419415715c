"""Answers, read strictly and under bounds.

llhttp splits the bytes; here is what it leaves open. An answer whose end two readers could see in two places is
refused: two lengths, a length beside a transfer coding, any coding but `chunked`, chunks in HTTP/1.0. A head has
bounds before it is complete, so have interim answers, trailers and whatever else stands between two parts of a
body. Trailers are dropped. What comes after the end of an answer is nobody's: the connection is not used again.
Source: RFC 9112 sections 6 and 7, RFC 9110 section 15.2.
"""

import re
from collections import deque
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gatepass.gateway.requests import Headers

__all__ = ["GarbledError", "Reading"]

LARGEST_HEAD: Final = 1 << 16
"""Bytes of all that comes before a body: interim answers and the head."""
LONGEST_FIELD: Final = 8190
MOST_FIELDS: Final = 100
MOST_INTERIM: Final = 8
"""Answers such as 100 and 103 before the real one."""
LARGEST_BETWEEN: Final = 1 << 13
"""Bytes that are neither head nor body: chunk extensions and trailers."""

_FINAL: Final = range(200, 600)
_SWITCHING: Final = 101
_NO_CONTENT: Final = 204
_BODILESS: Final = frozenset({_NO_CONTENT, 304})
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")


class GarbledError(ValueError):
    """It is not an answer, or one that could be read in two ways, or beyond every bound."""


class Reading:
    """The answers of one connection, one after the other."""

    __slots__ = (
        "_between", "_fields", "_head", "_interim", "_parser", "_seen", "_size", "_to_head",
        "ended", "headed", "headers", "held", "pieces", "status", "tainted", "until_eof",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.tainted = False
        """Whether the connection may not be used again."""
        self.pieces: deque[bytes] = deque()
        """Of the body, not taken yet."""
        self.held = 0
        self.ended = True
        """Whether the whole answer is here. Between two answers, too."""
        self.headed = False
        self.until_eof = False
        self.status = 0
        self.headers: Headers = ()
        self._fields: list[tuple[bytes, bytes]] = []
        self._to_head = False
        self._head = self._size = self._interim = self._between = self._seen = 0

    def begin(self, *, to_head: bool) -> None:
        """A request is about to leave: what comes from now on is its answer."""
        self._to_head = to_head
        self.headed = self.ended = self.until_eof = False
        self._fields, self.headers, self.status = [], (), 0
        self._head = self._size = self._interim = self._between = 0

    def feed(self, data: bytes) -> None:
        """Take what came. Raises `GarbledError`; what was read before stays."""
        if self.ended or self._parser is None:
            self.tainted = True
            return
        if not self._read(self._parser, data):
            self.tainted = True
            if not self.is_over():  # what is wrong came before the end of the answer
                raise GarbledError

    def finish(self) -> bool:
        """The connection ended in order. Whether that is the end of an answer; if not, it broke off."""
        self.tainted = True
        if self.headed and self.until_eof:
            self.ended = True
        return self.ended

    def take(self) -> bytes:
        """All of the body that is here."""
        pieces = self.pieces
        taken = pieces.popleft() if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.held = 0
        return taken

    def drop(self) -> None:
        """Nothing more is read: let go of the parser, which holds on to this object."""
        self.tainted = True
        self._parser = None

    def is_over(self) -> bool:
        """Whether the answer has ended by now."""
        return self.ended

    def _read(self, parser: HttpResponseParser, data: bytes) -> bool:
        """Whether it can be read, and has bounds: neither a head nor what is neither head nor body goes on for ever."""
        seen = self._seen
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            return False
        if not self.headed:
            self._head += len(data)
            return self._head <= LARGEST_HEAD
        self._between = 0 if self.ended or self._seen != seen else self._between + len(data)
        return self._between <= LARGEST_BETWEEN

    # -- what the parser calls; raising ends its work

    def on_message_begin(self) -> None:
        """An answer begins: the one that was asked for, or what follows an interim one."""
        if self.ended:
            raise GarbledError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head. One after the body is dropped."""
        self._size += len(name) + len(value)
        if self._size > LARGEST_HEAD or len(value) > LONGEST_FIELD or len(self._fields) >= MOST_FIELDS:
            raise GarbledError
        if not self.headed:
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is there."""
        parser, fields = self._parser, self._fields
        assert parser is not None  # noqa: S101  it is the one that calls
        status, version = parser.get_status_code(), parser.get_http_version()
        lengths = [value for name, value in fields if name == b"content-length"]
        codings = [value for name, value in fields if name == b"transfer-encoding"]
        if version not in _VERSIONS:
            raise GarbledError
        if status not in _FINAL:
            self._interim += 1
            if not 100 <= status < 200 or status == _SWITCHING:  # noqa: PLR2004  the interim ones
                raise GarbledError
            if lengths or codings or self._interim > MOST_INTERIM:
                raise GarbledError
            self._fields = []
            return
        _check_framing(lengths, codings, version)
        self.status, self.headers, self.headed = status, tuple(fields), True
        framed = bool(codings) or lengths not in ([], [b"0"])
        if not parser.should_keep_alive() or (framed and (self._to_head or status == _NO_CONTENT)):
            # After an answer to HEAD the parser waits for a body that does not come: it reads no other answer.
            self.tainted = True
        if self._to_head:
            self.tainted = self.tainted or not lengths
            self.ended = True
        elif status not in _BODILESS:
            self.until_eof = not lengths and not codings

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self.ended:
            raise GarbledError
        self._seen += 1
        self.pieces.append(body)
        self.held += len(body)

    def on_message_complete(self) -> None:
        """The end of an answer, or of an interim one."""
        if self.headed:
            self.ended = True


def _check_framing(lengths: list[bytes], codings: list[bytes], version: str) -> None:
    if codings:
        if lengths or len(codings) > 1 or codings[0].lower() != b"chunked" or version != "1.1":
            raise GarbledError
    elif lengths and (len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0])):
        raise GarbledError
