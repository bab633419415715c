"""Our own answers to clients: results as JSON, and errors in the three forms that MCP has for them.

A call that the caller could make otherwise, or later, or never, is refused as the result of the tool
(`isError`), so that the model reads why. A token that is too narrow is HTTP 403 with the scope that is
missing, so that the client can ask for more. Everything else is a JSON-RPC error. All three carry the
same members: `code`, `detail`, `hint`, and what the error's details name.

Legacy clients take a status of 400 and above for the end of their session, so to them an error that
answers a well-formed request travels with 200. Numbers outside JSON-RPC's reserved range are HTTP's.
"""

import re
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Final

from gatepass.access import Json
from gatepass.errors import (
    Conflict,
    Denied,
    Error,
    LimitExceeded,
    Malformed,
    NotFound,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
)
from gatepass.gateway.mcp.wire.eras import SUPPORTED
from gatepass.gateway.mcp.wire.messages import Answer, Fault, RequestId, write_answer
from gatepass.gateway.requests import Headers, Reply

__all__ = [
    "EVENT_STREAM",
    "JSON",
    "accepted",
    "denied_tool",
    "fault_of",
    "plain",
    "refused",
    "reply",
    "said_of",
    "status_of",
]

NUMBERS: Final[Mapping[str, int]] = {
    "malformed_json": -32700,
    "malformed_message": -32600,
    "too_large": -32600,
    "too_slow": -32600,
    "unsupported_media": -32600,
    "method_unknown": -32601,
    "header_mismatch": -32020,
    "version_unsupported": -32022,
}
"""Codes whose number says more than their family's."""

FAMILIES: Final[Mapping[type[Error], tuple[int, int]]] = {
    Malformed: (-32602, 400),
    Unauthenticated: (401, 401),
    LimitExceeded: (429, 429),
    Denied: (403, 403),
    NotFound: (-32602, 404),
    Conflict: (409, 409),
    UpstreamFailed: (-32603, 502),
    Unavailable: (-32603, 503),
    Error: (-32603, 500),
}
"""Each family's JSON-RPC number and HTTP status."""

STATUSES: Final[Mapping[str, int]] = {
    "too_large": 413,
    "too_slow": 408,
    "unsupported_media": 415,
    "upstream_timeout": 504,
}
UNREAD: Final = frozenset(
    {"malformed_json", "malformed_message", "header_mismatch", "version_unsupported", "foreign_origin"}
)
"""Codes of what was no well-formed request: their status is the same in both eras."""

JSON: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
EVENT_STREAM: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)
_HEADERS_ALONE: Final = frozenset({"rate_limit", "rate_limit_policy", "scheme", "resource_metadata", "dpop_nonce"})
"""Details that travel as headers."""
_QUOTABLE: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_HEADERS: Final = {
    "decision_id": b"gatepass-decision",
    "credential": b"gatepass-credential",
    "rate_limit": b"ratelimit",
    "rate_limit_policy": b"ratelimit-policy",
}


def reply(status: int, body: bytes, headers: Headers) -> Reply:
    """A complete JSON answer."""
    length = (b"content-length", str(len(body)).encode())
    return Reply(status, (*JSON, length, *headers), _once(body))


def accepted() -> Reply:
    """A notification was taken."""
    return Reply(202, ((b"content-length", b"0"),), _once(b""))


def plain(status: int, headers: Headers) -> Reply:
    """A status without a body, such as 405."""
    return Reply(status, ((b"content-length", b"0"), *headers), _once(b""))


def refused(error: Error, identifier: RequestId | None, *, modern: bool) -> Reply:
    """`error` as a JSON-RPC error, with the headers that go with it."""
    status = status_of(error, modern=modern)
    headers = _headers(error)
    if status == 403 and error.code == "scope_missing":  # noqa: PLR2004  HTTP's own number
        headers = (*headers, _challenge(error))
    if status == 429 and isinstance(error, LimitExceeded) and error.retry_after is not None:  # noqa: PLR2004
        headers = (*headers, (b"retry-after", str(-(-error.retry_after // 1000)).encode()))
    return reply(status, write_answer(Answer(identifier, fault=fault_of(error))), headers)


def denied_tool(error: Error, identifier: RequestId, *, modern: bool) -> Reply:
    """`error` as the result of the tool that was called."""
    text = f"{error.message}. {error.hint}"
    result: dict[str, Json] = {
        "content": ({"type": "text", "text": text},),
        "isError": True,
        "structuredContent": said_of(error),
    }
    if modern:
        result["resultType"] = "complete"
    return reply(200, write_answer(Answer(identifier, result=result)), _headers(error))


def fault_of(error: Error) -> Fault:
    """`error` as the member of a JSON-RPC answer."""
    number = NUMBERS.get(error.code)
    if number is None:
        number = next(FAMILIES[family][0] for family in type(error).__mro__ if family in FAMILIES)
    return Fault(number, error.message, said_of(error))


def status_of(error: Error, *, modern: bool) -> int:
    """The HTTP status of a JSON-RPC error."""
    if not modern and error.code not in UNREAD and error.code not in {"scope_missing", "too_large"}:
        return 200
    by_code = STATUSES.get(error.code)
    return by_code or next(FAMILIES[family][1] for family in type(error).__mro__ if family in FAMILIES)


def said_of(error: Error) -> Mapping[str, Json]:
    """What every form of the error says."""
    said: dict[str, Json] = {"code": error.code, "detail": error.message, "hint": error.hint}
    said |= {name: text for name, text in error.details.items() if name not in _HEADERS_ALONE}
    if isinstance(error, LimitExceeded) and error.retry_after is not None:
        said["retry_after"] = Decimal(error.retry_after)
    if error.code == "version_unsupported":
        said["supported"] = SUPPORTED
    return said


def _headers(error: Error) -> Headers:
    return tuple((_HEADERS[name], text.encode()) for name, text in error.details.items() if name in _HEADERS)


def _challenge(error: Error) -> tuple[bytes, bytes]:
    """RFC 6750 section 3.1. A scope that no header can hold is left out: the body has it."""
    scope = error.details.get("missing_scope", "")
    named = f', scope="{scope}"' if scope and _QUOTABLE.fullmatch(scope) else ""
    metadata = error.details.get("resource_metadata", "")
    described = f', resource_metadata="{metadata}"' if metadata and _QUOTABLE.fullmatch(metadata) else ""
    scheme = "DPoP" if error.details.get("scheme") == "dpop" else "Bearer"
    return b"www-authenticate", f'{scheme} error="insufficient_scope"{named}{described}'.encode("ascii")


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
