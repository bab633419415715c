"""What a token endpoint answers, read strictly: a pass, a nonce to ask again with, or a refusal.

The law: a pass is taken only if it is what was asked for: bound to our key where we proved one, and with an end. A
refusal is one of our errors, whatever OAuth calls it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.client.holding.wanted import Pass
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, Unauthenticated, Unavailable, UpstreamFailed

__all__ = ["MOST_BYTES", "nonce_of", "read_json", "read_pass", "refusal"]

MOST_BYTES: Final = 64 * 1024
_NONCE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,512}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,20480}", re.ASCII)
_WAIT: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_NAME: Final = re.compile(r"[a-z_]{1,64}", re.ASCII)
_LONGEST: Final = 86_400
_SHOWN: Final = 500
_WHO: Final = frozenset({"invalid_client", "invalid_grant", "invalid_dpop_proof", "use_dpop_nonce"})
_FORM: Final = frozenset({"invalid_request", "unsupported_grant_type", "unsupported_token_type"})
_LATER: Final = frozenset({"server_error", "temporarily_unavailable"})


def nonce_of(headers: Mapping[str, str]) -> str | None:
    """The nonce that an answer gives, if it is one (RFC 9449, section 8.1)."""
    nonce = headers.get("dpop-nonce")
    return nonce if nonce is not None and _NONCE.fullmatch(nonce) else None


def read_json(content: bytes) -> Mapping[str, Json]:
    """An object. Raises `UpstreamFailed` (`server_garbled`)."""
    try:
        said = exact.read(content, max_bytes=MOST_BYTES, max_depth=32)
    except Malformed:
        said = None
    if not isinstance(said, Mapping):
        raise _garbled("something that is not an answer of a token endpoint")
    return said


def read_pass(content: bytes, *, resource: str, asked: Instant, proven: bool) -> Pass:
    """The pass of a success. `asked` is when it was asked for. Raises `UpstreamFailed` for what is none."""
    said = read_json(content)
    text, kind, lifetime, scope = (said.get(each) for each in ("access_token", "token_type", "expires_in", "scope"))
    if not isinstance(text, str) or not _TOKEN.fullmatch(text) or not isinstance(kind, str):
        raise _garbled("an answer without a token")
    if not isinstance(lifetime, Decimal) or not 0 < lifetime <= _LONGEST:
        raise _garbled("a token without an end")
    bound = kind.lower() == "dpop"
    if bound is not proven or kind.lower() not in {"dpop", "bearer"}:
        raise _garbled("a token of another kind than was asked for")
    expires = Instant(asked + int(lifetime * 1000))
    return Pass(text, resource=resource, scope=scope if isinstance(scope, str) else "", bound=bound, expires=expires)


def refusal(status: int, content: bytes, retry_after: str | None) -> Error:
    """The error that a refusal tells of, with OAuth's word for it in `details`."""
    try:
        said = read_json(content)
    except UpstreamFailed as error:
        return error
    word = said.get("error")
    if not isinstance(word, str) or not _NAME.fullmatch(word):
        return _garbled(f"{status} in words that are not OAuth's")
    told = said.get("error_description")
    message = " ".join(told[:_SHOWN].split()) if isinstance(told, str) else word.replace("_", " ")
    hint = said.get("hint")
    shown = " ".join(hint[:_SHOWN].split()) if isinstance(hint, str) else None
    details = {"oauth_error": word}
    if status == 429 or word == "slow_down":  # noqa: PLR2004 - too many requests
        wait = int(retry_after) * 1000 if retry_after is not None and _WAIT.fullmatch(retry_after) else None
        return LimitExceeded("limit_exceeded", message, hint=shown, details=details, retry_after=wait)
    if word in _WHO:
        return Unauthenticated("identity_refused", message, hint=shown, details=details)
    if word in _FORM:
        return Malformed("malformed_request", message, hint=shown, details=details)
    if word in _LATER:
        return Unavailable("issuer_unavailable", message, hint=shown, details=details)
    return Denied("issuance_refused", message, hint=shown, details=details)


def _garbled(what: str) -> UpstreamFailed:
    return UpstreamFailed("server_garbled", f"the issuer sent {what}")
