"""What is posted to an endpoint of OAuth, read strictly (RFC 6749, section 3.2 and appendix B).

The law: one form, in the body and nowhere else, of bounded size and time, in UTF-8, each parameter once. Two readers of
a request that says something twice would act on two different requests. What RFC 8707 and 8693 let a client repeat
(`resource`, `audience`) is asked for as a list. A parameter without a value counts as left out, and one that nobody
asks for is ignored, both as the RFC says. What is wrong is named and never repeated: it may be a secret.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from gatepass.errors import Malformed
from gatepass.gateway.requests import Headers, Request

__all__ = ["Parameters", "read_parameters"]

LARGEST_FORM: Final = 64 * 1024
LONGEST_WAIT: Final = 15.0
"""Seconds for a whole form to come in."""
MOST_PARAMETERS: Final = 64
_REPEATABLE: Final = frozenset({"resource", "audience"})
_MOST_REPEATS: Final = 8
_MEDIA: Final = re.compile(rb'application/x-www-form-urlencoded(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)
_ENCODED: Final = re.compile(rb"(?:[!-$'-~]|%[0-9A-Fa-f]{2})*")
"""Without `%` alone, `&`, white space and what is not ASCII."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one form."""

    _values: Mapping[str, tuple[str, ...]] = field(repr=False)

    def one(self, name: str) -> str | None:
        """The value of a parameter; None where it was left out."""
        values = self._values.get(name, ())
        if len(values) > 1:
            raise Malformed("malformed_request", f"`{name}` stands in the form more than once")
        return values[0] if values else None

    def required(self, name: str) -> str:
        """The value of a parameter that has to be there."""
        value = self.one(name)
        if value is None:
            raise Malformed("malformed_request", f"`{name}` is missing")
        return value

    def each(self, name: str) -> tuple[str, ...]:
        """The values of a parameter that may be repeated."""
        return self._values.get(name, ())

    def __contains__(self, name: str) -> bool:
        return name in self._values


async def read_parameters(request: Request) -> Parameters:
    """The form of a POST. Raises `Malformed`."""
    if request.query:
        raise Malformed("malformed_request", "parameters belong in the body, and none in the URL")
    _check_media(request.headers)
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            async for chunk in request.body:
                body += chunk
                if len(body) > LARGEST_FORM:
                    raise Malformed("too_large", f"a form has at most {LARGEST_FORM} bytes")
    except TimeoutError:
        raise Malformed("too_slow", f"the form did not come in within {LONGEST_WAIT:.0f} seconds") from None
    return parse(bytes(body))


def parse(body: bytes) -> Parameters:
    """The parameters of a form. Raises `Malformed`."""
    values: dict[str, tuple[str, ...]] = {}
    pairs = [pair for pair in body.split(b"&", MOST_PARAMETERS) if pair]
    if len(pairs) > MOST_PARAMETERS:
        raise Malformed("malformed_request", f"a form has at most {MOST_PARAMETERS} parameters")
    for pair in pairs:
        raw, _, said = pair.partition(b"=")
        name, value = _decoded(raw), _decoded(said)
        if not _NAME.fullmatch(name):
            raise Malformed("malformed_request", "the form has a parameter whose name is none")
        known = values.get(name)
        if known is not None and (name not in _REPEATABLE or len(known) == _MOST_REPEATS):
            raise Malformed("malformed_request", f"`{name}` stands in the form more than once")
        values[name] = (*(known or ()), value)
    kept = {name: tuple(value for value in each if value) for name, each in values.items()}
    return Parameters({name: each for name, each in kept.items() if each})


def _decoded(text: bytes) -> str:
    spaced = text.replace(b"+", b"%20")
    if not _ENCODED.fullmatch(spaced):
        raise Malformed("malformed_request", "the form is not encoded as forms are")
    try:
        decoded = unquote_to_bytes(spaced).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("malformed_request", "the form is not UTF-8") from None
    if "\0" in decoded:
        raise Malformed("malformed_request", "the form has a zero byte in it")
    return decoded


def _check_media(headers: Headers) -> None:
    types = [value for name, value in headers if name == b"content-type"]
    if len(types) != 1 or not _MEDIA.fullmatch(types[0].strip()):
        raise Malformed(
            "unsupported_media",
            "the body is not `application/x-www-form-urlencoded`",
            hint="Send a form: `Content-Type: application/x-www-form-urlencoded`.",
        )
    if any(name == b"content-encoding" for name, _ in headers):
        raise Malformed("unsupported_media", "the form comes in a content encoding", hint="Send the form as it is.")
