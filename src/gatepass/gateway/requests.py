"""What comes in and what goes out, as plain values and byte streams: no framework reaches this room."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

__all__ = ["Body", "Headers", "Reply", "Request"]

Headers = tuple[tuple[bytes, bytes], ...]
"""Name and value in the order received; names in lower case."""

Body = AsyncIterator[bytes]


class Request(msgspec.Struct, frozen=True):
    """A request head and the body still to be read.

    `path` and `query` are the raw bytes after the surface's prefix: for `/u/orders/v1/x?a=b` they are
    `/v1/x` and `a=b`, nothing decoded. `upstream` is the name in the prefix.
    """

    method: str
    upstream: str
    path: bytes
    query: bytes
    headers: Headers
    source: str
    body: Body
    certificate: bytes | None = None
    """The client certificate (DER) whose key the TLS handshake proved, here or at a proxy that is trusted with it."""
    target: bytes = b""
    """The whole path as it came, the surface's prefix included: what a proof of possession names."""


@dataclass(slots=True)
class Reply:
    """An answer: status, headers, and a body that is read once, to its end or closed early."""

    status: int
    headers: Headers
    body: Body
