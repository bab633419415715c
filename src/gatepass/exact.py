"""Strict JSON in, canonical JSON out.

`read` takes one JSON text (RFC 8259) and refuses whatever two readers could understand differently: bytes that are
not UTF-8, a byte order mark, a name twice in one object, a lone surrogate, `NaN`, a number too long or too large to
be kept exactly, nesting deeper or text longer than the bound. Every number comes out as the `Decimal` of its text;
nothing passes through a float.

`write` gives the one spelling of a value: names sorted by UTF-16 code units and strings escaped as RFC 8785 says,
numbers by the same layout rules as ECMAScript (RFC 8785, section 3.2.2.3) but over their exact decimal digits. Values
that are equal have equal bytes, so a digest of the bytes is a digest of the value.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final, Never

from gatepass.access import Json
from gatepass.errors import Malformed

__all__ = ["MAX_DIGITS", "MAX_EXPONENT", "number", "read", "spell", "write"]

MAX_DIGITS: Final = 100
"""Digits that a number may be written with, leading and trailing zeros included: a 256-bit integer has 78."""
MAX_EXPONENT: Final = 400
"""Largest exponent, either way, that a number may be written with: a binary64 needs 324."""

_SHOWN: Final = 40
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_OPENING: Final = frozenset("[{")
_CLOSING: Final = frozenset("]}")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_PLAIN_FROM: Final = -7
_PLAIN_TO: Final = 21
"""ECMAScript writes a number plainly while its decimal exponent lies between these two."""


class _RefusedError(ValueError):
    """Carries a sentence out of the reader's hooks."""


def read(text: bytes | str, *, max_bytes: int = 1 << 20, max_depth: int = 64) -> Json:
    """Read one JSON value exactly.

    Raises `Malformed` with code `malformed_json`, or `too_large` when `text` is longer than `max_bytes`.
    """
    decoded = _decoded(text, max_bytes)
    _check_depth(decoded, max_depth)
    try:
        value = _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        raise Malformed(
            "malformed_json", f"not JSON at line {error.lineno}, column {error.colno}: {error.msg.lower()}"
        ) from None
    except _RefusedError as refusal:
        raise Malformed("malformed_json", str(refusal)) from None
    return _frozen(value, surrogates=_SURROGATE_ESCAPE.search(decoded) is not None)


def number(text: str) -> Decimal:
    """Read a JSON number of bounded length exactly. Raises `Malformed` (`malformed_json`)."""
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    # The length first, so that the pattern never runs over a megabyte of digits.
    if len(text) > MAX_DIGITS + 10 or (match := _NUMBER.fullmatch(text)) is None:
        what = (
            f"a number of {len(text)} characters is too long"
            if len(text) > MAX_DIGITS
            else f"`{shown}` is not a number"
        )
        raise Malformed("malformed_json", what)
    whole, fraction, exponent = match.group(1), match.group(2) or "", match.group(3) or "0"
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise Malformed("malformed_json", f"a number of {len(whole) + len(fraction)} digits is too long")
    if abs(int(exponent)) > MAX_EXPONENT:
        raise Malformed("malformed_json", f"the exponent of `{shown}` is beyond {MAX_EXPONENT}")
    return Decimal(text)


def spell(value: Decimal) -> str:
    """Write a finite number in its one spelling: equal numbers, equal texts. Raises ValueError for any other."""
    plain = str(value)
    if len(plain) < _PLAIN_TO and plain.isdigit() and (plain[0] != "0" or plain == "0"):
        return plain
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("a number has to be finite")  # noqa: TRY004 - a value, not a type, is wrong
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    if not stripped:
        return "0"
    point = len(text) + exponent
    minus = "-" if sign else ""
    if _PLAIN_FROM < point - 1 < _PLAIN_TO:
        return minus + _plain(stripped, point)
    mantissa = stripped if len(stripped) == 1 else f"{stripped[0]}.{stripped[1:]}"
    return f"{minus}{mantissa}e{point - 1:+d}"


def write(value: Json) -> bytes:
    """Write `value` in its one spelling. Raises ValueError or TypeError for what no JSON text can say exactly."""
    return _text(value).encode()


def _decoded(text: bytes | str, max_bytes: int) -> str:
    if len(text) > max_bytes:
        raise Malformed("too_large", f"more than {max_bytes} bytes of JSON")
    try:
        raw = text.encode() if isinstance(text, str) else text
        decoded = raw.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise Malformed("malformed_json", f"not UTF-8 at byte {error.start}") from None
    if len(raw) > max_bytes:
        raise Malformed("too_large", f"more than {max_bytes} bytes of JSON")
    if decoded.startswith("\ufeff"):
        raise Malformed("malformed_json", "starts with a byte order mark")
    return decoded


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before the reader recurses into it."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for token in _STRING_OR_BRACKET.findall(text):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth > max_depth:
            raise Malformed("malformed_json", f"nested deeper than {max_depth}")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _RefusedError(f"the name {json.dumps(twice[:_SHOWN])} appears twice in one object")
    return members


def _no_constant(name: str) -> Never:
    raise _RefusedError(f"`{name}` is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=number, parse_int=number, parse_constant=_no_constant
)
"""Made once: `json.loads` makes one for every text."""


def _frozen(value: Any, *, surrogates: bool) -> Json:  # noqa: ANN401 - the standard reader's output is untyped
    if isinstance(value, str):
        if surrogates:
            _check_surrogates(value)
        return value
    if isinstance(value, list):
        return tuple(_frozen(item, surrogates=surrogates) for item in value)
    if isinstance(value, dict):
        if surrogates:
            for name in value:
                _check_surrogates(name)
        return {name: _frozen(item, surrogates=surrogates) for name, item in value.items()}
    return value  # type: ignore[no-any-return] # None, bool or Decimal: the hooks leave nothing else


def _check_surrogates(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed("malformed_json", "a string holds half a surrogate pair")


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def _text(value: Json) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if type(value) is dict or isinstance(value, Mapping):
        # Among names in ASCII the code units are the characters, and nothing has to be encoded to compare them.
        names = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf16)
        return "{" + ",".join([f"{encode_basestring(name)}:{_text(value[name])}" for name in names]) + "}"
    if isinstance(value, Decimal):
        return spell(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple):
        return "[" + ",".join([_text(item) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} is not an exact JSON value")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")
