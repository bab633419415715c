"""The body of a request: read once and exactly where it is decided on, passed on as it comes where it is not.

An operation says which (`body: none | json | stream`). A body that is decided on is read whole, under a
bound, before anything leaves, and these very bytes are forwarded. Any body that states its length in two
ways, is compressed, or is of another type than the operation takes, is refused.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Malformed
from gatepass.gateway.forwarding.headers import check_framing
from gatepass.gateway.operations import BodyUse, RestOperation
from gatepass.gateway.requests import Body, Headers, Request

__all__ = ["CappedBody", "read_body"]

LONGEST_ARRIVAL: Final = 30.0
"""Seconds for a body that has to be whole before it can be decided on."""

_MEDIA_TYPE: Final = re.compile(
    r"([a-z0-9.+-]+/[a-z0-9.+-]+)((?:\s*;\s*[a-z0-9-]+=(?:[a-z0-9._'+:=?-]+|\"[^\"\\]*\"))*)\s*"
)
_UTF_8: Final = re.compile(r"\s*;\s*charset=(?:utf-8|\"utf-8\")\s*")
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
"""In these, frameworks look for a parameter that replaces the method."""


class CappedBody:
    """A body on its way through, with a bound. `failure` says afterwards why it ended early."""

    def __init__(self, body: Body, most: int) -> None:
        self._body = body
        self._left = most
        self._most = most
        self.failure: Malformed | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece. Raises `Malformed` beyond the bound, or when the caller's body broke off."""
        try:
            piece = await anext(self._body)
            self._left -= len(piece)
            if self._left < 0:
                raise _too_large(self._most)
        except Malformed as failure:
            self.failure = failure
            raise
        return piece


async def read_body(request: Request, operation: RestOperation) -> "tuple[bytes | CappedBody | None, Json]":
    """What is to be forwarded, and what it says where that is decided on.

    Raises `Malformed`: `malformed_request`, `malformed_json`, `too_large`, `too_slow`.
    """
    length = check_framing(request.headers)
    if length == 0:
        return None, None
    if operation.body is BodyUse.NONE:
        raise Malformed("malformed_request", "this operation takes no body")
    if any(name == b"content-encoding" and value.strip().lower() != b"identity" for name, value in request.headers):
        raise Malformed("malformed_request", "the body has to be sent as it is, in no content coding")
    if length is not None and length > operation.max_body:
        raise _too_large(operation.max_body)
    _check_type(request.headers, operation)
    if operation.body is BodyUse.STREAM:
        return CappedBody(request.body, operation.max_body), None
    body = await _whole(request.body, operation.max_body)
    if length is not None and len(body) != length:
        raise Malformed("malformed_request", "the body is not as long as it was said to be")
    return body, exact.read(body, max_bytes=operation.max_body)


async def _whole(body: Body, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(LONGEST_ARRIVAL):
            async for piece in body:
                size += len(piece)
                if size > most:
                    raise _too_large(most)
                pieces.append(piece)
    except TimeoutError:
        raise Malformed("too_slow", f"the body did not arrive within {LONGEST_ARRIVAL:.0f} seconds") from None
    return b"".join(pieces)


def _check_type(headers: Headers, operation: RestOperation) -> None:
    stated = [value.decode("latin-1").strip().lower() for name, value in headers if name == b"content-type"]
    match = _MEDIA_TYPE.fullmatch(stated[0]) if len(stated) == 1 else None
    if match is None:
        raise Malformed("malformed_request", "a body needs one `content-type`")
    media_type, parameters = match[1], match[2]
    if operation.body is BodyUse.JSON:
        is_json = media_type == "application/json" or (
            media_type.startswith("application/") and media_type.endswith("+json")
        )
        if not is_json or (parameters and not _UTF_8.fullmatch(parameters)):
            raise Malformed("malformed_request", "the body has to be `application/json` in UTF-8")
    elif operation.content_types:
        if media_type not in operation.content_types:
            raise Malformed("malformed_request", f"the body may not be `{media_type[:64]}` here")
    elif media_type in _FORMS:
        raise Malformed("malformed_request", f"the body may not be a form (`{media_type}`) here")


def _too_large(most: int) -> Malformed:
    return Malformed("too_large", f"the body is longer than {most} bytes")
