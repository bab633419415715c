"""The head of an answer.

The law: what is written is one head and nothing else, whatever was handed over. It is looked at as a whole before it
leaves: as many lines as there are fields, no control characters in them, names that are names.
"""

import http
import re
from typing import Final

from gatepass.gateway.requests import Headers

__all__ = ["answer_head", "stated_length"]

_LINES: Final = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: [\t\x20-\x7e\x80-\xff]*+\r\n)*+")
_PHRASES: Final = {status.value: status.phrase for status in http.HTTPStatus}
_STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode("ascii") for status in range(100, 600)
}


def answer_head(status: int, headers: Headers, *more: bytes) -> bytes:
    """The bytes of it; `more` are lines of ours. Raises ValueError for what cannot be written as one head."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or not _LINES.fullmatch(lines):
        raise ValueError("a header of an answer holds what no header may hold")
    return b"".join((_STATUS_LINES[status], lines, *more, b"\r\n"))


def stated_length(headers: Headers) -> int | None:
    """The length that an answer announces. Raises ValueError for two, or one that is no number."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ValueError("`content-length` of an answer is not one number")
    return int(lengths[0])
