"""The path and the query of a request: decoded once, and forwarded byte for byte as they came.

What is decided on has to be what every reader behind us reads. So a path follows the rules of `segments`,
and in a query refused are: a parameter without `=`, a repeated or empty name, `;` (a separator for some),
`+` (a space for some), escapes that are malformed or doubled, and bytes that have to be escaped.
"""

import re
from typing import Final

import msgspec

from gatepass.access import Json
from gatepass.documents import shown
from gatepass.errors import Malformed
from gatepass.gateway.operations.segments import decode_escapes, read_segments

__all__ = ["RequestPath", "read_path", "read_query"]

LONGEST_QUERY: Final = 8192
"""Bytes, encoded."""
MOST_PARAMETERS: Final = 64

_QUERY: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*,=:@/?]|%[0-9A-Fa-f]{2})*")
_SWITCH: Final = "_method"


class RequestPath(msgspec.Struct, frozen=True):
    """A path's decoded segments, and whether it ends in a slash."""

    segments: tuple[str, ...]
    slash: bool = False


def read_path(raw: bytes) -> RequestPath:
    """Read a raw path. Raises `Malformed` (`malformed_request`) for one that could be read in two ways."""
    if not raw.startswith(b"/"):
        raise Malformed("malformed_request", "the path has to begin with `/`")
    if raw == b"/":
        return RequestPath(())
    slash = raw.endswith(b"/")
    return RequestPath(read_segments(raw[1:-1] if slash else raw[1:]), slash)


def read_query(raw: bytes) -> dict[str, Json]:
    """Read a raw query. Raises `Malformed` (`malformed_request`) for one that could be read in two ways."""
    if not raw:
        return {}
    if len(raw) > LONGEST_QUERY:
        raise Malformed("malformed_request", f"the query is longer than {LONGEST_QUERY} bytes")
    if b"+" in raw:
        raise Malformed("malformed_request", "the query holds `+`: write a space as `%20`, a plus as `%2B`")
    if not _QUERY.fullmatch(raw):
        raise Malformed(
            "malformed_request", "the query holds `;`, a malformed escape, or a byte that has to be escaped"
        )
    pairs = raw.split(b"&")
    if len(pairs) > MOST_PARAMETERS:
        raise Malformed("malformed_request", f"the query has more than {MOST_PARAMETERS} parameters")
    parameters: dict[str, Json] = {}
    for pair in pairs:
        raw_name, equals, raw_value = pair.partition(b"=")
        name = decode_escapes(raw_name, "the query")
        if not name or not equals:
            raise Malformed("malformed_request", "the query has a parameter that is not `name=value`")
        if name in parameters:
            raise Malformed("malformed_request", f"the query has `{shown(name)}` more than once")
        if name.casefold() == _SWITCH:
            raise Malformed("malformed_request", f"`{shown(name)}` asks for another method than the request's")
        parameters[name] = decode_escapes(raw_value, "the query")
    return parameters
