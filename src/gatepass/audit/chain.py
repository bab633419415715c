"""The chain: what makes a line of the journal depend on every line before it.

    hash = SHA-256("gatepass journal entry 1" LF writer LF seq LF prev LF body)

`writer` names the process that wrote the entry, `seq` is its place as a decimal number, `prev` the hash of
the entry before it in lower-case hex (64 zeros before the very first), `body` the entry's bytes exactly as
they are stored. None of the four in front can hold a line feed, so no two entries have the same preimage.
Whoever changes, drops, inserts or moves a line has to rewrite all that follow it, and cannot rewrite a head
that somebody else has kept. `docs/journal.md` tells an outsider how to check it without us.
"""

import re
from binascii import hexlify
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, NewType

from gatepass.errors import Malformed

__all__ = ["ORIGIN", "TAG", "Head", "Row", "WriterId", "line_of", "link", "links_of", "read_line"]

WriterId = NewType("WriterId", str)
"""`wrt_…`: one run of one process. Each writes a chain of its own, which its first entry ties to the one before."""

ORIGIN: Final = bytes(32)
"""What stands for the hash before the first entry."""

TAG: Final = b"gatepass journal entry 1\n"
"""What an entry's hash begins with, so that it can be taken for no other hash of ours."""

_LINE: Final = re.compile(
    rb'\{"seq":([1-9][0-9]{0,18}),"writer":"(wrt_[0-9A-Za-z]{1,64})","prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"'
    rb',"entry":(\{[^\n]*\})\}\n?'
)


class Row(NamedTuple):
    """One line of the journal as it is stored. `body` is never written anew from its meaning."""

    seq: int
    writer: WriterId
    prev: bytes
    hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a writer's chain stands: its last entry."""

    writer: WriterId
    seq: int
    hash: bytes


def link(writer: str, seq: int, prev: bytes, body: bytes) -> bytes:
    """The hash of the entry `seq` of `writer` that says `body` and follows on `prev`."""
    return sha256(
        b"%b%b\n%d\n%b\n%b" % (TAG, writer.encode("utf-8", "replace"), seq, prev.hex().encode(), body)
    ).digest()


def links_of(writer: str) -> Callable[[int, bytes, bytes], bytes]:
    """The same for many entries of one writer: of a number, the hash before it and the body."""
    prefix = b"%b%b\n" % (TAG, writer.encode("utf-8", "replace"))

    def follow(seq: int, prev: bytes, body: bytes) -> bytes:
        return sha256(b"%b%d\n%b\n%b" % (prefix, seq, hexlify(prev), body)).digest()

    return follow


def line_of(row: Row) -> bytes:
    """The row as one line of an export: JSON, the body last and byte for byte as it is stored."""
    ends = row.prev.hex().encode(), row.hash.hex().encode()
    return b'{"seq":%d,"writer":"%b","prev":"%b","hash":"%b","entry":%b}\n' % (
        row.seq,
        row.writer.encode(),
        *ends,
        row.body,
    )


def read_line(line: bytes) -> Row:
    """The inverse of `line_of`. Raises `Malformed` (`malformed_json`) for what is no line of an export."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise Malformed("malformed_json", "not a line of an exported journal")
    seq, writer, prev, hash_, body = match.groups()
    return Row(int(seq), WriterId(writer.decode()), bytes.fromhex(prev.decode()), bytes.fromhex(hash_.decode()), body)
