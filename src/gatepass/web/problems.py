"""Errors as answers: the one table of status codes, problem documents, and the headers that go with them.

Nothing beneath this room knows a status. The family of an error gives it, and a few codes say it more
exactly. What goes out is RFC 9457: `type title status detail instance`, our `code` and `hint`, and what the
error's details name. An exception that nobody raised on purpose becomes a bare 500 that says nothing: its
text may hold anything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

from gatepass.credentials.proofs import ALGORITHMS
from gatepass.errors import (
    CODES,
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
from gatepass.gateway.requests import Headers

__all__ = ["BY_CODE", "BY_FAMILY", "INTERNAL", "Problem", "ProblemDocument", "problem_of", "status_of"]

BY_FAMILY: Final[Mapping[type[Error], int]] = {
    Malformed: 400,
    Unauthenticated: 401,
    Denied: 403,
    LimitExceeded: 429,
    NotFound: 404,
    Conflict: 409,
    UpstreamFailed: 502,
    Unavailable: 503,
    Error: 500,
}
"""A test holds that every family has its row."""

BY_CODE: Final[Mapping[str, int]] = {
    "too_large": 413,
    "too_slow": 408,
    "unsupported_media": 415,
    "method_not_allowed": 405,
    "misdirected": 421,
    "precondition_failed": 412,
    "idempotency_key_reused": 422,
    "upstream_timeout": 504,
}
"""Codes whose status says more than their family's. A test holds that each exists."""

PROBLEM: Final = b"application/problem+json"
REALM: Final = "gatepass"
LONGEST_INSTANCE: Final = 512
RESERVED: Final = frozenset(
    {"type", "title", "status", "detail", "instance", "code", "hint", "retry_after", "rate_limit", "rate_limit_policy"}
    | {"scheme", "resource_metadata", "dpop_nonce"}
)
"""Members that are set here, and details that travel as headers alone."""


class ProblemDocument(TypedDict):
    """What is wrong (RFC 9457), with a stable code and a hint; some codes say more."""

    type: str
    title: str
    status: int
    detail: str
    instance: NotRequired[str]
    code: str
    hint: str
    retry_after: NotRequired[int | None]
    """Milliseconds; null where waiting does not help."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that says what is wrong, ready to be sent."""

    status: int
    headers: Headers
    body: bytes


def status_of(error: Error) -> int:
    """The HTTP status of `error`."""
    by_code = BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((BY_FAMILY[family] for family in type(error).__mro__ if family in BY_FAMILY), 500)


def problem_of(error: Error, path: bytes = b"") -> Problem:
    """The whole answer to `error`, for a request to `path` (raw, without its query)."""
    status = status_of(error)
    members: ProblemDocument = {
        "type": f"urn:gatepass:problem:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": error.message,
        "instance": _instance(error, path),
        "code": error.code,
        "hint": error.hint,
    }
    if isinstance(error, LimitExceeded):
        members["retry_after"] = error.retry_after
    more = {name: value for name, value in error.details.items() if name not in RESERVED}
    return _problem(status, {**members, **more}, _said(error, status))


def _problem(status: int, members: Mapping[str, object], headers: Headers) -> Problem:
    body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Problem(
        status,
        (
            (b"content-type", PROBLEM),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *headers,
        ),
        body,
    )


def _instance(error: Error, path: bytes) -> str:
    """Where this occurrence can be looked up: its decision in the journal, or else the path that was asked for."""
    decision = error.details.get("decision_id")
    if decision:
        return f"/api/v1/journal?decision={decision}"
    text = path[:LONGEST_INSTANCE].decode("ascii", "replace")
    return "".join(character for character in text if character.isprintable())


def _said(error: Error, status: int) -> Headers:
    """The headers that say in HTTP's own words what the document says in ours."""
    said = {
        "retry-after": _retry_after(error),
        "gatepass-decision": error.details.get("decision_id", ""),
        "gatepass-credential": error.details.get("credential", ""),
        "ratelimit": error.details.get("rate_limit", ""),
        "ratelimit-policy": error.details.get("rate_limit_policy", ""),
        "allow": error.details.get("allow", ""),
        "dpop-nonce": error.details.get("dpop_nonce", ""),
    }
    fields = tuple((name.encode(), _field(value)) for name, value in said.items() if value)
    return (*((b"www-authenticate", _field(challenge)) for challenge in challenges(error, status)), *fields)


def challenges(error: Error, status: int) -> tuple[str, ...]:
    """One challenge a scheme: the one that was used first, with what was wrong (RFC 6750, 9449, 9470, 9728).

    `invalid_token` is said only to who presented a token; to whom presented none, and to whom signed in
    with something else, the bare challenge says which scheme is understood.
    """
    parameters = _parameters(error, status)
    if parameters is None:
        return ()
    metadata = error.details.get("resource_metadata")
    place = {"resource_metadata": metadata} if metadata else {}
    bearer, dpop = f'Bearer realm="{REALM}"', f'DPoP realm="{REALM}"'
    algorithms = {"algs": _ALGORITHMS}
    if error.details.get("scheme") == "dpop":
        used = dpop + _joined({**algorithms, **parameters, **place})
        return (used, bearer + _joined(place)) if status == BY_FAMILY[Unauthenticated] else (used,)
    used = bearer + _joined({**parameters, **place})
    # Without a name for itself, a surface takes nothing that is bound to a key.
    return (
        (used, dpop + _joined({**algorithms, **place})) if place and status == BY_FAMILY[Unauthenticated] else (used,)
    )


def _parameters(error: Error, status: int) -> dict[str, str] | None:
    """What a challenge says of the error; None where there is nothing to challenge."""
    parameters: dict[str, str] = {}
    if error.code == "reauthentication_required":
        parameters = {"error": "insufficient_user_authentication", "max_age": "900"}
    elif status == BY_FAMILY[Unauthenticated]:
        if error.code not in {"credential_missing", "sign_in_failed"}:
            parameters = {"error": _PROOFS.get(error.code, "invalid_token")}
    elif error.code == "scope_missing" and error.details.get("missing_scope"):
        parameters = {"error": "insufficient_scope", "scope": error.details["missing_scope"]}
    else:
        return None
    return {**parameters, "error_description": error.message} if parameters else parameters


_ALGORITHMS: Final = " ".join(sorted(ALGORITHMS))
_PROOFS: Final = {
    "proof_missing": "invalid_dpop_proof",
    "proof_invalid": "invalid_dpop_proof",
    "proof_replayed": "invalid_dpop_proof",
    "proof_nonce": "use_dpop_nonce",
}
"""RFC 9449, sections 7.1 and 9."""


def _joined(parameters: Mapping[str, str]) -> str:
    return "".join(f", {name}={_quoted(value)}" for name, value in parameters.items())


def _retry_after(error: Error) -> str:
    """Whole seconds, rounded up: who waits that long has waited long enough."""
    if isinstance(error, LimitExceeded) and error.retry_after is not None:
        return str(max(1, -(-error.retry_after // 1000)))
    return "1" if isinstance(error, Unavailable) else ""


def _quoted(text: str) -> str:
    """A quoted string of what RFC 6750 allows in one: printable ASCII without the quote and the backslash."""
    kept = "".join(character if " " <= character <= "~" and character not in '"\\' else "'" for character in text)
    return f'"{kept}"'


def _field(value: str) -> bytes:
    """A header value that cannot end its line."""
    return "".join(character if " " <= character <= "~" else "?" for character in value).encode("ascii")


INTERNAL: Final = _problem(
    500,
    {
        "type": "urn:gatepass:problem:internal",
        "title": "Internal",
        "status": 500,
        "detail": "something went wrong here, and nothing more can be said",
        "code": "internal",
        "hint": CODES["internal"],
    },
    (),
)
"""What an exception that nobody raised on purpose is answered with."""
