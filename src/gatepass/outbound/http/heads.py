"""The head of a request, and how its body is framed.

The law: what is written is one request head and nothing else, whatever was handed over. The bytes are looked at as
a whole before they leave: there are as many lines as there are headers, no CR, LF or NUL stands anywhere else, no
space in the target, and the framing is ours alone.
"""

import re
from typing import Final

from gatepass.errors import Malformed
from gatepass.gateway.requests import Body, Headers
from gatepass.outbound.writing import Target, Written

__all__ = ["CHUNKED", "request_head"]

CHUNKED: Final = -1
"""The length of a body that is sent in chunks."""

_HEAD: Final = re.compile(
    rb"[A-Z-]{1,20} /[\x21\x22\x24-\x7e]*+ HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: [\t\x20-\x7e\x80-\xff]*+\r\n)++\r\n"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_OURS: Final = frozenset(
    {b"host", b"connection", b"content-length", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"expect"}
)
_EXPECT_A_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods of which a server wants to know that no body comes (RFC 9110 section 8.6)."""


def request_head(method: str, target: Target, written: Written, body: bytes | Body | None) -> tuple[bytes, int]:
    """The head, and how many bytes of body follow: `CHUNKED` where nobody knows.

    Raises `Malformed` for what cannot be written as one request.
    """
    headers, framing, length = written.headers, b"", 0
    if isinstance(body, bytes):
        length = len(body)
        framing = b"Content-Length: %d\r\n" % length
    elif body is not None:
        headers, framing, length = _streamed(headers)
    elif method in _EXPECT_A_BODY:
        framing = b"Content-Length: 0\r\n"
    if any(name.lower() in _OURS for name, _ in headers):
        raise Malformed("malformed_request", "a header frames the message, which is not for a caller to do")
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    query = b"?" + written.query if written.query else b""
    start = b"%b %b%b HTTP/1.1\r\nHost: %b\r\n" % (method.encode(), written.path, query, target.authority)
    head = start + lines + framing + b"\r\n"
    ends = 3 + len(headers) + bool(framing)
    if head.count(b"\n") != ends or not _HEAD.fullmatch(head):
        raise Malformed("malformed_request", "the request holds characters that no request head may hold")
    return head, length


def _streamed(headers: Headers) -> tuple[Headers, bytes, int]:
    """Take the announced length out of the headers, and frame by it; in chunks where there is none."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return headers, b"Transfer-Encoding: chunked\r\n", CHUNKED
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Malformed("malformed_request", "`content-length` is not one number")
    others = tuple(header for header in headers if header[0] != b"content-length")
    return others, b"content-length: %b\r\n" % lengths[0], int(lengths[0])
