"""Answers in OAuth's own shape (RFC 6749, section 5), and the one table from our codes to its errors.

The law: nothing that an endpoint says is kept by anybody on the way (`no-store`), and nothing that it says is text of
an exception that nobody raised on purpose. Beside `error` and `error_description` stand our `code` and `hint`, which
say more exactly what to do next; RFC 6749 has clients ignore members that they do not know.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Final

from gatepass.access import Json
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, Unauthenticated, Unavailable
from gatepass.gateway.requests import Headers, Reply
from gatepass.web.problems import status_of

__all__ = ["BY_CODE", "json_reply", "refusal_of"]

NO_STORE: Final[Headers] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"pragma", b"no-cache"),
    (b"x-content-type-options", b"nosniff"),
)
_REALM: Final = b'Basic realm="gatepass", charset="UTF-8"'
_NOT_SHOWN: Final = frozenset({"rate_limit", "rate_limit_policy", "dpop_nonce"})
"""Details that travel as headers."""

BY_CODE: Final[Mapping[str, str]] = {
    "client_invalid": "invalid_client",
    "grant_invalid": "invalid_grant",
    "grant_unsupported": "unsupported_grant_type",
    "malformed_scope": "invalid_scope",
    "unknown_scope": "invalid_scope",
    "scope_refused": "invalid_scope",
    "composition_needed": "invalid_scope",
    "malformed_details": "invalid_authorization_details",
    "details_refused": "invalid_authorization_details",
    "target_refused": "invalid_target",
    "role_forbids": "invalid_scope",
    "admin_not_storable": "invalid_scope",
    "proof_missing": "invalid_dpop_proof",
    "proof_invalid": "invalid_dpop_proof",
    "proof_replayed": "invalid_dpop_proof",
    "proof_nonce": "use_dpop_nonce",
    "limit_exceeded": "slow_down",
}
"""Each code with the error of OAuth that it is. What is not here follows from its family."""

_OF_FAMILY: Final[Mapping[type[Error], str]] = {
    Unauthenticated: "invalid_client",
    Denied: "access_denied",
    Malformed: "invalid_request",
    Unavailable: "temporarily_unavailable",
    Error: "invalid_request",
}


def json_reply(status: int, members: Mapping[str, object], headers: Headers = NO_STORE) -> Reply:
    """An answer of one JSON object."""
    return body_reply(status, json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(), headers)


def body_reply(status: int, body: bytes, headers: Headers) -> Reply:
    """An answer of bytes that are there already."""
    return Reply(status, (*headers, (b"content-length", str(len(body)).encode())), _whole(body))


def refusal_of(error: Error, *, by_header: bool = False) -> Reply:
    """The answer to a request that is refused. `by_header` says that `Authorization` was used."""
    name = error_of(error)
    status = 401 if name == "invalid_client" else _status(error)
    members: dict[str, Json] = {
        "error": name,
        "error_description": _plain(error.message),
        "code": error.code,
        "hint": error.hint,
        **{key: value for key, value in error.details.items() if key not in _NOT_SHOWN},
    }
    more: list[tuple[bytes, bytes]] = []
    if status == 401 and by_header:  # noqa: PLR2004  RFC 6749, section 5.2: the scheme that the client used
        more.append((b"www-authenticate", _REALM))
    if "dpop_nonce" in error.details:
        more.append((b"dpop-nonce", error.details["dpop_nonce"].encode("ascii", "replace")))
    if isinstance(error, LimitExceeded) and error.retry_after is not None:
        more.append((b"retry-after", str(max(1, -(-error.retry_after // 1000))).encode()))
    elif isinstance(error, Unavailable):
        more.append((b"retry-after", b"1"))
    return json_reply(status, members, (*NO_STORE, *more))


def error_of(error: Error) -> str:
    """The error of OAuth that ours is."""
    named = BY_CODE.get(error.code)
    if named is not None:
        return named
    return next(_OF_FAMILY[family] for family in type(error).__mro__ if family in _OF_FAMILY)


def _status(error: Error) -> int:
    """400 for whatever a client asked wrongly; what says more about the transport, or about time, keeps its own."""
    if isinstance(error, Unavailable | LimitExceeded) or error.code in {"too_large", "too_slow", "unsupported_media"}:
        return status_of(error)
    return 400


def _plain(text: str) -> str:
    """RFC 6749 allows printable ASCII without the quote and the backslash."""
    return "".join(one if " " <= one <= "~" and one not in '"\\' else "'" for one in text)


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
