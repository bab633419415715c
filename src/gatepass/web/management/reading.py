"""What a management request says, read strictly: one credential, one JSON body, parameters named once.

A stranger's body is not looked at. Whoever is let in sends `application/json`, which no form of another site can
send without asking first, and a bearer credential, which no browser adds by itself: that is the whole defence
against cross-site requests, and nobody is told that they may ask. What is wrong is named by its place and never
repeated: it may be a secret.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.types import Receive

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Malformed, Unauthenticated
from gatepass.web.bodies import read_pairs, read_whole

__all__ = ["Form", "read_bearer", "read_body", "read_form", "read_query"]

LARGEST_BODY: Final = 1 << 20
DEEPEST: Final = 32
LONGEST_QUERY: Final = 4096
MOST_PARAMETERS: Final = 32
MOST_FAULTS: Final = 3

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)

Headers = Iterable[tuple[bytes, bytes]]
Shape = TypeVar("Shape", bound="Form")


class Form(BaseModel):
    """The shape of a body or a query: what is named and nothing else, in its type and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


def read_bearer(headers: Headers) -> str | None:
    """The one bearer token; None where there is none."""
    presented = [value for name, value in headers if name == b"authorization"]
    if not presented:
        return None
    scheme, _, text = presented[0].partition(b" ")
    if len(presented) > 1 or scheme.lower() != b"bearer":
        raise Unauthenticated("credential_invalid", "the credential was not sent as one bearer token")
    return text.strip().decode("ascii", "replace")


async def read_body(headers: Headers, receive: Receive, largest: int = LARGEST_BODY) -> bytes:
    """The whole body, at most `largest` bytes. Empty for none. Raises `Malformed`."""
    named = [(name, value) for name, value in headers if name in {b"content-type", b"content-encoding"}]
    body = await read_whole(receive, largest)
    if body:
        _check_media(named)
    return body


def read_form(body: bytes, shape: type[Shape], largest: int = LARGEST_BODY) -> tuple[Shape, Json]:
    """The body as `shape`, and the same exactly, with every digit of its numbers."""
    value = exact.read(body, max_bytes=max(largest, LARGEST_BODY), max_depth=DEEPEST)
    if not isinstance(value, Mapping):
        raise Malformed("malformed_request", "the body is not a JSON object")
    try:
        return shape.model_validate_json(body), value
    except ValidationError as error:
        raise _malformed(error, shape) from None


def read_query(query: bytes, shape: type[Shape]) -> Shape:
    """The query as `shape`, whose members are all strings. A parameter stands there once."""
    pairs = read_pairs(query, largest=LONGEST_QUERY, most=MOST_PARAMETERS, what="query")
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed("malformed_request", "the query names a parameter twice")
    try:
        return shape.model_validate(dict(pairs))
    except ValidationError as error:
        raise _malformed(error, shape) from None


def _check_media(named: list[tuple[bytes, bytes]]) -> None:
    types = [value.decode("latin-1").strip() for name, value in named if name == b"content-type"]
    codings = [value.strip().lower() for name, value in named if name == b"content-encoding"]
    if len(types) != 1 or not _JSON.fullmatch(types[0]):
        raise Malformed("unsupported_media", "the body is not declared as application/json")
    if any(coding != b"identity" for coding in codings):
        raise Malformed("unsupported_media", "the body has a content encoding")


def _malformed(error: ValidationError, shape: type[Form]) -> Malformed:
    """Every member that is wrong, up to a few, and what was expected there. Never what was sent."""
    faults = error.errors(include_url=False, include_context=True, include_input=False)
    told = [_told(fault, shape) for fault in faults[:MOST_FAULTS]]
    more = f", and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
    return Malformed("malformed_request", "; ".join(told) + more)


def _told(fault: Mapping[str, Any], shape: type[Form]) -> str:
    """One fault. A name that is none of ours may be anything, a secret too, so ours are listed instead."""
    path = tuple(str(step) for step in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = "" if path[1:] else f"; there are {', '.join(f'`{name}`' for name in shape.model_fields)}"
        return f"`{_place(path[:-1])}`: a member that is not known{known if shape.model_fields else ''}"
    return f"`{_place(path)}`: {_expected(fault)}"


def _place(path: tuple[str, ...]) -> str:
    """The path of a member, as far as its steps are plain."""
    return ".".join(step if _NAME.fullmatch(step) else "..." for step in path) or "body"


def _expected(fault: Mapping[str, Any]) -> str:
    said = _SAID.get(str(fault["type"]))
    if said is None:
        said = str(fault["msg"]).replace("Input should be", "expected").replace("`", "'")
        said = said[:1].lower() + said[1:]
    return " ".join(said.split())[:200]


_SAID: Final = {
    "missing": "it is missing",
    "json_invalid": "it is not JSON",
}
