"""Turns an answer that is not a success back into the error that the server raised.

A problem document (RFC 9457) carries our `code`, `hint` and details; its status says the family. What is
missing or of another shape becomes `server_garbled`: an answer is never trusted to be ours because it says no.
"""

import re
from collections.abc import Mapping
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

__all__ = ["error_from"]

_CODE: Final = re.compile(r"[a-z][a-z_]{0,63}", re.ASCII)
_MEMBERS: Final = frozenset({"type", "title", "status", "detail", "instance", "code", "hint", "retry_after"})
_FAMILIES: Final[Mapping[int, type[Error]]] = {
    **dict.fromkeys((400, 405, 408, 413, 415, 421, 422), Malformed),
    401: Unauthenticated,
    403: Denied,
    404: NotFound,
    **dict.fromkeys((409, 412), Conflict),
    **dict.fromkeys((502, 504), UpstreamFailed),
    **dict.fromkeys((500, 503), Unavailable),
}
_LONGEST: Final = 2_000


def error_from(status: int, problem: Json) -> Error:
    """The error that `problem`, answered with `status`, tells of. Families as `web` maps them to statuses."""
    if not isinstance(problem, Mapping):
        return _garbled(status)
    code, hint = problem.get("code"), problem.get("hint")
    message = problem.get("detail") or problem.get("title")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(message, str):
        return _garbled(status)
    message, hint = _line(message), _line(hint) if isinstance(hint, str) else ""
    details = {name: _line(str(value)) for name, value in problem.items() if name not in _MEMBERS and _plain(value)}
    if status == 429:  # noqa: PLR2004 - the one family that says how long to wait
        return LimitExceeded(code, message, hint=hint, details=details, retry_after=_whole(problem.get("retry_after")))
    family = _FAMILIES.get(status)
    return family(code, message, hint=hint, details=details) if family is not None else _garbled(status)


def _garbled(status: int) -> Error:
    return UpstreamFailed("server_garbled", f"the server answered {status} in words that are not Gatepass's")


def _line(text: str) -> str:
    return " ".join(text[:_LONGEST].split())


def _plain(value: Json) -> bool:
    return isinstance(value, str | Decimal) and not isinstance(value, bool)


def _whole(value: Json) -> int | None:
    return int(value) if isinstance(value, Decimal) and value.is_finite() and 0 <= value < 1 << 53 else None
