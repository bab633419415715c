"""What each operation can refuse: the problems of all operations like it, and those that its row names.

Each status lists the codes that it can come with. A code's status is the one of its family or its own, as everywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from gatepass.access import ActionClass
from gatepass.administration.operators import RULES
from gatepass.errors import Conflict, Denied, Error, LimitExceeded, Malformed, NotFound, Unauthenticated, Unavailable
from gatepass.web.management.calls import Operation
from gatepass.web.management.openapi.schemas import PROBLEM, reference
from gatepass.web.problems import BY_CODE, BY_FAMILY

__all__ = ["Refusals", "codes_of"]

_READING: Final = ("malformed_request", "malformed_json", "too_large", "too_slow", "unsupported_media", "misdirected")
_ASKING: Final = ("credential_missing", "credential_invalid", "person_required", "operator_forbidden", "limit_exceeded")
_STORE: Final = ("storage_unavailable", "internal")

_FAMILIES: Final[tuple[tuple[type[Error], frozenset[str]], ...]] = (
    (
        Unauthenticated,
        frozenset(
            {
                "credential_missing",
                "credential_invalid",
                "person_required",
                "reauthentication_required",
                "sign_in_failed",
            }
        ),
    ),
    (
        Denied,
        frozenset(
            {
                "operator_forbidden",
                "role_forbids",
                "ceiling_exceeded",
                "too_broad",
                "too_long",
                "admin_not_storable",
            }
        ),
    ),
    (LimitExceeded, frozenset({"limit_exceeded"})),
    (Error, frozenset({"internal"})),
    (NotFound, frozenset({"not_found"})),
    (Conflict, frozenset({"conflict", "precondition_failed", "idempotency_key_in_use", "configuration_changed"})),
    (
        Unavailable,
        frozenset(
            {
                "storage_unavailable",
                "journal_unavailable",
                "journal_damaged",
                "store_damaged",
                "search_unfinished",
                "key_unusable",
                "secret_unreadable",
            }
        ),
    ),
)
"""The families of the codes that this API answers; what is in none of them is `Malformed`."""

_SAID: Final = {
    400: "What was sent cannot be read; the problem names the part.",
    401: "Nobody is signed in, or not recently enough, or not as a person.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing, or none that whoever asks may see.",
    408: "The body did not come to its end in time.",
    409: "The world is not as the request assumed.",
    412: "The condition does not hold: the thing was changed since it was read.",
    413: "The body or the query is larger than this operation takes.",
    415: "The body is not plain `application/json`.",
    421: "This host name is not the one of people.",
    422: "The `Idempotency-Key` was sent with another request before.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait.",
    500: "A defect of ours. It says nothing more.",
    503: "It cannot be done safely now, so it was not done; `Retry-After` says when to ask again.",
}
_HEADERS: Final[dict[int, tuple[tuple[str, str], ...]]] = {
    401: (("WWW-Authenticate", "Bearer, with `error` and, where a person has to sign in again, `max_age`."),),
    429: (
        ("Retry-After", "Whole seconds."),
        ("RateLimit", "What is left (draft-ietf-httpapi-ratelimit-headers), where a credential's own rate is meant."),
        ("RateLimit-Policy", "The rate itself."),
    ),
    503: (("Retry-After", "Whole seconds."),),
}


def codes_of(operation: Operation) -> frozenset[str]:
    """Every code that the operation can answer."""
    kinds = {RULES[act].kind for act in operation.acts}
    codes = {*_READING, *_STORE, *operation.codes}
    codes |= set() if operation.stranger else set(_ASKING)
    codes |= {"reauthentication_required"} if ActionClass.ADMIN in kinds else set()
    codes |= {"not_found"} if "{" in operation.path else set()
    codes |= {"precondition_failed"} if operation.current is not None else set()
    codes |= {"idempotency_key_reused", "idempotency_key_in_use"} if operation.once else set()
    codes |= set() if operation.method == "GET" else {"journal_unavailable"}
    return frozenset(codes)


@dataclass(slots=True)
class Refusals:
    """The answers that say no. Those that several operations have stand once, among the components."""

    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: dict[tuple[int, tuple[str, ...]], str] = field(default_factory=dict)

    def of(self, operation: Operation) -> dict[str, Any]:
        """The answers of one operation, by status."""
        by_status: dict[int, list[str]] = {}
        for code in sorted(codes_of(operation)):
            by_status.setdefault(_status(code), []).append(code)
        return {str(status): self._reference(status, tuple(codes)) for status, codes in sorted(by_status.items())}

    def _reference(self, status: int, codes: tuple[str, ...]) -> dict[str, Any]:
        name = self._names.get((status, codes))
        if name is None:
            number = sum(known == status for known, _ in self._names) + 1
            name = self._names[status, codes] = f"Refused{status}" + (f"-{number}" if number > 1 else "")
            self.components[name] = _response(status, codes)
        return {"$ref": f"#/components/responses/{name}"}


def _status(code: str) -> int:
    family = next((family for family, codes in _FAMILIES if code in codes), Malformed)
    return BY_CODE.get(code, BY_FAMILY[family])


def _response(status: int, codes: Iterable[str]) -> dict[str, Any]:
    said = {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}
    response: dict[str, Any] = {
        "description": _SAID[status],
        "content": {"application/problem+json": {"schema": {"allOf": [reference(PROBLEM), said]}}},
    }
    if status in _HEADERS:
        response["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS[status]
        }
    return response
