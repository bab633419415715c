"""The list itself: statuses of 1, 2, 4 or 8 bits, packed from the lowest bit of each byte up, compressed with zlib.

The law: what is written is read back, byte for byte, by any reader of the draft (section 4.1); what is read is bounded
before it is unpacked, and anything but one whole list is refused. An index beyond the list has no status: its token is
to be refused, never taken for valid.
"""

import zlib
from typing import Final, Self

from gatepass.errors import Malformed
from gatepass.keys.jose.base64url import decode, encode

__all__ = ["INVALID", "VALID", "StatusBits"]

VALID: Final = 0
INVALID: Final = 1
WIDTHS: Final = frozenset({1, 2, 4, 8})
MOST_ENTRIES: Final = 1 << 24
MOST_TEXT: Final = 1 << 25
_BYTE: Final = 8


class StatusBits:
    """A list of `size` statuses, all of them valid at first."""

    __slots__ = ("_bytes", "bits", "size")

    def __init__(self, size: int, bits: int = 1) -> None:
        if bits not in WIDTHS or not 0 < size <= MOST_ENTRIES or size * bits % _BYTE:
            raise ValueError("a list has 1, 2, 4 or 8 bits for each entry, and whole bytes of them")
        self.bits = bits
        self.size = size
        self._bytes = bytearray(size * bits // _BYTE)

    def __getitem__(self, index: int) -> int:
        """The status at `index`. Raises `Malformed`: beyond the list there is none."""
        place, shift = self._place(index)
        return self._bytes[place] >> shift & (1 << self.bits) - 1

    def __setitem__(self, index: int, status: int) -> None:
        if not 0 <= status < 1 << self.bits:
            raise ValueError("the status does not fit")
        place, shift = self._place(index)
        cleared = self._bytes[place] & ~((1 << self.bits) - 1 << shift)
        self._bytes[place] = cleared | status << shift

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    @property
    def text(self) -> str:
        """The member `lst`: zlib at its highest level, base64url without padding."""
        return encode(zlib.compress(bytes(self._bytes), level=9))

    @classmethod
    def read(cls, text: str, bits: int) -> Self:
        """Undo `text`. Raises `Malformed` for what is none, or larger than any list is."""
        if bits not in WIDTHS or len(text) > MOST_TEXT:
            raise _malformed()
        unpacker = zlib.decompressobj()
        most = MOST_ENTRIES * bits // _BYTE
        try:
            unpacked = unpacker.decompress(decode(text), most)
        except (ValueError, zlib.error):
            raise _malformed() from None
        if not unpacked or not unpacker.eof or unpacker.unused_data:
            raise _malformed()
        found = cls(len(unpacked) * _BYTE // bits, bits)
        found._bytes[:] = unpacked
        return found

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < self.size:
            raise Malformed("malformed_request", "the index is beyond the status list")
        return divmod(index * self.bits, _BYTE)


def _malformed() -> Malformed:
    return Malformed("malformed_request", "the status list cannot be read")
