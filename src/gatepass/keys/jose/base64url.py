"""Base64url without padding (RFC 7515, section 2), in one spelling.

The law: each string of bytes has exactly one text, and no other text is read. Padding, white space, `+` and `/`, and
bits in the last character that decoders ignore all make another text of the same bytes, and whatever compares,
counts or withdraws by text could be passed by with one.
"""

import binascii
from typing import Final

__all__ = ["decode", "encode"]

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")
_PADDING: Final = ("", "===", "==", "=")


def encode(data: bytes) -> str:
    """The one text of `data`."""
    return binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of `text`. Raises `ValueError` for every text that `encode` does not give."""
    try:
        data = binascii.a2b_base64(text.translate(_TO_STANDARD) + _PADDING[len(text) & 3])
    except binascii.Error:
        raise ValueError("not base64url") from None
    # What the decoder skipped or ignored is not written again, so the comparison finds all of it.
    if encode(data) != text:
        raise ValueError("not base64url in its one spelling")
    return data
