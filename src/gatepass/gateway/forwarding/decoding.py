"""Content codings undone, so that redaction sees what the agent will see.

We ask for none, and some upstreams compress all the same. What comes in a coding that we cannot undo, or in
a character set in which text does not look like itself, is refused: redaction would be blind. What is
decoded comes out in bounded pieces, and an answer that grows out of all proportion is given up.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from gatepass.errors import UpstreamFailed
from gatepass.gateway.forwarding.headers import one
from gatepass.gateway.requests import Headers

__all__ = ["Decoder", "decoder_for"]

PIECE: Final = 1 << 16
"""Bytes that come out at a time."""
MOST_LAYERS: Final = 2
FREE_GROWTH: Final = 8 << 20
MOST_GROWTH: Final = 200
"""An answer may grow to so many bytes, or by this factor; text rarely shrinks by more than twenty."""

_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_MAGIC: Final = b"\x1f\x8b"
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*(\"?)([^\";\s]*)\1", re.IGNORECASE)
_PLAIN_CHARSETS: Final = re.compile(
    r"utf-?8|us-ascii|ascii|iso-?8859-[0-9]{1,2}|latin-?[0-9]|windows-?125[0-9]|cp-?125[0-9]|koi8-[ru]|binary"
    r"|gb2312|gbk|gb18030|big5(?:-hkscs)?|shift[_-]jis|euc-(?:jp|kr|cn|tw)|ks_c_5601-1987",
    re.IGNORECASE,
)
"""Character sets in which ASCII is ASCII."""


class Decoder:
    """Undoes the codings of one answer, outermost first. With none, everything passes as it is."""

    __slots__ = ("_came", "_layers", "_left")

    def __init__(self, codings: tuple[str, ...] = ()) -> None:
        self._layers = [_Layer(coding) for coding in reversed(codings)]
        self._came = 0
        self._left = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is decoded."""
        return not self._layers

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The next piece, decoded. Raises `UpstreamFailed` (`upstream_garbled`)."""
        if not self._layers:
            yield piece
            return
        self._came += len(piece)
        for decoded in self._through(piece, 0):
            self._left += len(decoded)
            if self._left > max(FREE_GROWTH, MOST_GROWTH * self._came):
                raise _garbled("grows out of all proportion when it is decoded")
            yield decoded

    def finish(self) -> None:
        """To be called at the end. Raises `UpstreamFailed` when the codings are not at theirs."""
        if not all(layer.ended for layer in self._layers):
            raise _garbled("ends in the middle of its content coding")

    def _through(self, piece: bytes, depth: int) -> Iterator[bytes]:
        if depth == len(self._layers):
            yield piece
            return
        for decoded in self._layers[depth].feed(piece):
            yield from self._through(decoded, depth + 1)


class _Layer:
    """One content coding."""

    __slots__ = ("_begun", "_coding", "_inflate")

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._begun = False
        self._inflate = zlib.decompressobj(31)

    @property
    def ended(self) -> bool:
        return self._inflate.eof or not self._begun

    def feed(self, piece: bytes) -> Iterator[bytes]:
        full = False
        while piece or full:
            if piece:
                self._begin(piece)
            try:
                decoded = self._inflate.decompress(piece, PIECE)
            except zlib.error:
                raise _garbled("is not in the content coding that it states") from None
            # A full piece may not be all: the rest can be inside the library, with no input left to feed it.
            full = len(decoded) == PIECE and not self._inflate.eof
            piece = self._inflate.unconsumed_tail or self._inflate.unused_data
            if decoded:
                yield decoded

    def _begin(self, piece: bytes) -> None:
        """Choose the format by the first byte; after the end of one gzip member, begin the next."""
        if self._begun and not self._inflate.eof:
            return
        if self._coding == "deflate":
            if self._begun:
                raise _garbled("goes on after the end of its content coding")
            zlib_wrapped = piece[0] & 0x0F == zlib.DEFLATED
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if zlib_wrapped else -zlib.MAX_WBITS)
        else:
            if self._begun and not piece.startswith(_GZIP_MAGIC[:1]):
                raise _garbled("goes on after the end of its content coding")
            self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun = True


def decoder_for(headers: Headers) -> Decoder:
    """The decoder for an answer with these headers. Raises `UpstreamFailed` for what cannot be read."""
    content_type = one(headers, b"content-type")
    if content_type is not None:
        stated = _CHARSET.findall(content_type.decode("latin-1"))
        if any(not _PLAIN_CHARSETS.fullmatch(charset) for _, charset in stated):
            raise _garbled("is in a character set that is not passed on")
    stated_codings = one(headers, b"content-encoding") or b""
    codings = [part.strip().lower() for part in stated_codings.decode("latin-1").split(",")]
    codings = [coding for coding in codings if coding not in {"", "identity"}]
    if len(codings) > MOST_LAYERS or not _CODINGS.issuperset(codings):
        raise _garbled("is in a content coding that was not asked for")
    return Decoder(tuple(codings))


def _garbled(what: str) -> UpstreamFailed:
    return UpstreamFailed("upstream_garbled", f"the upstream's answer {what}")
