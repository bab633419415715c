"""Base64url without padding (RFC 7515, section 2), in one spelling.

The law: each string of bytes has exactly one text, and no other text is read. Padding, white space, `+` and `/`, and
bits in the last character that decoders ignore all make another text of the same bytes, and whatever compares,
counts or withdraws by text could be passed by with one.
"""

import binascii
from typing import Final

__all__ = ["decode", "encode"]

_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""What is no base64url becomes what the decoder skips, so that it is missed when the bytes are written again."""
_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")
_PADDING: Final = (b"", b"===", b"==", b"=")


def encode(data: bytes) -> str:
    """The one text of `data`."""
    return binascii.b2a_base64(data, newline=False).translate(_FROM_STANDARD, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of `text`. Raises `ValueError` for every text that `encode` does not give."""
    try:
        standard = text.encode("ascii").translate(_TO_STANDARD)
        data = binascii.a2b_base64(standard + _PADDING[len(text) & 3])
    except ValueError:
        raise ValueError("not base64url") from None
    # What the decoder skipped or ignored is not written again, so the comparison finds all of it.
    if binascii.b2a_base64(data, newline=False).rstrip(b"=") != standard:
        raise ValueError("not base64url in its one spelling")
    return data
