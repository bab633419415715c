"""A small body, read whole, and what is written as name=value: one reader for every surface of people.

A body is bounded in size, in each pause and in time altogether, so that nobody holds a request open by sending a byte a
minute. Names and values are UTF-8 behind percent-encoding, or refused; what cannot be read is never repeated, since it
may be a secret. Who may say a name twice, and what it means, is for whoever asks.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Receive

from gatepass.errors import Malformed
from gatepass.web import exchange

__all__ = ["LONGEST_ARRIVAL", "read_pairs", "read_whole"]

LONGEST_ARRIVAL: Final = 120.0
"""Seconds that a whole body may take to come in."""


async def read_whole(receive: Receive, largest: int, what: str = "body") -> bytes:
    """The body, at most `largest` bytes; empty for none. Raises `Malformed`: `too_large`, `too_slow`."""
    body = bytearray()
    more = True
    ends = asyncio.get_running_loop().time() + LONGEST_ARRIVAL
    while more:
        left = ends - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, min(left, exchange.LONGEST_PAUSE))):
                message = await receive()
        except TimeoutError:
            raise Malformed("too_slow", f"the {what} did not come to its end") from None
        if message["type"] == "http.disconnect":
            raise Malformed("malformed_request", f"the connection closed before the {what} ended")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise Malformed("too_large", f"the {what} has more than {largest} bytes")
    return bytes(body)


def read_pairs(text: bytes, *, largest: int, most: int, what: str) -> Sequence[tuple[str, str]]:
    """The names and values in their order, blank ones too. Raises `Malformed`."""
    if len(text) > largest:
        raise Malformed("too_large", f"the {what} has more than {largest} bytes")
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            max_num_fields=most,
            errors="strict",
        )
    except ValueError:
        raise Malformed("malformed_request", f"the {what} is not a list of name=value in UTF-8") from None
