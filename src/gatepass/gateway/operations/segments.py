"""A path's segments, decoded once. What two readers could take for different paths is refused, not guessed.

A path that is accepted here has one meaning: its segments are its bytes between slashes, percent-decoded
once, UTF-8. To make sure that no reader behind us arrives at another one, refused are: empty segments,
`.` and `..` in any spelling, encoded or raw backslashes, encoded slashes, `;` (parameters of a segment,
which some servers cut off), `+` (which some servers read as a space), escapes that are malformed,
lower-case or needless, a second layer of escapes, control characters, and characters whose compatibility
form is a slash, a backslash or a dot segment. Sources: RFC 3986, sections 2.1, 2.4, 3.3, 6.2.2.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from gatepass.errors import Malformed

__all__ = ["LONGEST_PATH", "MOST_SEGMENTS", "decode_escapes", "read_segments", "read_template"]

LONGEST_PATH: Final = 8192
"""Bytes, encoded."""
MOST_SEGMENTS: Final = 64
LONGEST_SEGMENT: Final = 1024
"""Characters, decoded."""

_PLAIN: Final = re.compile(rb"[A-Za-z0-9\-._~!$&'()*,=:@/]*")
"""`pchar` of RFC 3986 and the slash, without escapes, `;` and `+`."""
_ESCAPED: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*,=:@/]|%[0-9A-F]{2})*")
_NEEDLESS: Final = re.compile(rb"%(?:4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A]|3[0-9]|2[DE]|5F|7E)")
"""Escapes of unreserved characters."""
_SEPARATING: Final = re.compile(rb"%(?:2F|5C|3B)")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_VARIABLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})(\+)?\}")
_SECOND_LAYER: Final = re.compile(r"%[0-9A-Fa-f]{2}")


def read_segments(raw: bytes) -> tuple[str, ...]:
    """The decoded segments of what stands after a path's first slash. Raises `Malformed` (`malformed_request`)."""
    if len(raw) > LONGEST_PATH:
        raise _refused(f"is longer than {LONGEST_PATH} bytes")
    parts = raw.split(b"/")
    if len(parts) > MOST_SEGMENTS:
        raise _refused(f"has more than {MOST_SEGMENTS} segments")
    if _PLAIN.fullmatch(raw):
        segments = raw.decode("ascii").split("/")
    else:
        _check_escapes(raw)
        segments = [_decoded(part) for part in parts]
    for segment in segments:
        if not segment:
            raise _refused("has an empty segment")
        if segment in {".", ".."}:
            raise _refused("has a dot segment")
        if len(segment) > LONGEST_SEGMENT:
            raise _refused(f"has a segment longer than {LONGEST_SEGMENT} characters")
    return tuple(segments)


def decode_escapes(raw: bytes, of: str = "the path") -> str:
    """Percent-decode once, as UTF-8. Raises `Malformed` for what is not, or is escaped twice, or holds controls."""
    try:
        text = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw).decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("is not UTF-8 once decoded", of) from None
    if _SECOND_LAYER.search(text):
        raise _refused("is percent-encoded twice", of)
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        raise _refused("holds a control character", of)
    return text


def read_template(parts: Sequence[str]) -> tuple[tuple[str | None, ...], tuple[str, ...], bool]:
    """A template's segments (a variable is None), its variables, and whether the last takes all that is left.

    A variable is `{name}`, or `{name+}` at the end. Raises ValueError with what was expected.
    """
    segments: list[str | None] = []
    names: list[str] = []
    rest = False
    for place, part in enumerate(parts):
        variable = _VARIABLE.fullmatch(part)
        if variable is None:
            if "{" in part or "}" in part:
                raise ValueError("a variable to be a whole segment: `{name}`, or `{name+}` at the end")
            try:
                segments.append(read_segments(part.encode("utf-8", "surrogatepass"))[0])
            except Malformed as fault:
                raise ValueError(f"a path as it is sent, but {fault.message}") from None
            continue
        rest = variable[2] is not None
        if rest and place < len(parts) - 1:
            raise ValueError(f"`{{{variable[1]}+}}` to stand last")
        if variable[1] in names:
            raise ValueError(f"`{{{variable[1]}}}` once")
        segments.append(None)
        names.append(variable[1])
    return tuple(segments), tuple(names), rest


def _check_escapes(raw: bytes) -> None:
    if not _ESCAPED.fullmatch(raw):
        raise _refused("holds a character that has to be percent-encoded, or a malformed or lower-case escape")
    if _NEEDLESS.search(raw):
        raise _refused("percent-encodes a character that needs none")
    if _SEPARATING.search(raw):
        raise _refused("holds an encoded `/`, `\\` or `;`")


def _decoded(part: bytes) -> str:
    text = decode_escapes(part)
    if not text.isascii():
        compatible = unicodedata.normalize("NFKC", text)
        if "/" in compatible or "\\" in compatible or compatible in {".", ".."}:
            raise _refused("holds a character that some servers take for a separator or a dot")
    return text


def _refused(what: str, of: str = "the path") -> Malformed:
    return Malformed("malformed_request", f"{of} {what}")
