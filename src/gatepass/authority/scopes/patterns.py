"""Texts that name resources, and patterns over them.

The law: two texts are the same only if they are the same code points in canonical form, and whatever is not in
canonical form is covered by nothing. An id is a path of segments separated by `:` or `/`, which differ; a leading
`scheme://` is a segment of its own. A pattern replaces whole segments by `*`: the last one stands for one or more
segments, any other for exactly one. `covers` and `meet` are exact and decided from left to right, in the length of
the shorter.

This module also holds the one rule for percent-encoding, because patterns are written inside scopes.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from gatepass.errors import Malformed

__all__ = [
    "MAX_ID",
    "MAX_SEGMENTS",
    "Parts",
    "Pattern",
    "decode",
    "encode",
    "id_fault",
    "is_clean",
    "shown",
    "split_id",
]

MAX_ID: Final = 1024
"""Longest id, in code points."""
MAX_SEGMENTS: Final = 64

Parts: TypeAlias = tuple[tuple[str, str], ...]
"""An id cut into segments, each with the separator before it: `""` first, then `:`, `/` or, after a scheme, `//`."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)//", re.ASCII)
_SEPARATOR: Final = re.compile(r"([:/])")
_PLAIN_ID: Final = re.compile(r"[ -.0-9;-~]+(?:[:/][ -.0-9;-~]+)*", re.ASCII)
_PART: Final = re.compile(r"([:/]?)([^:/]+)")
_DOTS: Final = frozenset({".", ".."})
_PLAIN_ASCII: Final = re.compile(r"[ -~]*", re.ASCII)
_RAW: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._@+,;$'()[]^`{}")
"""What stands for itself: what OAuth allows in a scope token (RFC 6749, section 3.3) less what the notation uses."""
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9\-._@+,;$'()\[\]^`{}]|%[0-9A-F]{2})*", re.ASCII)
_REORDERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Controls of writing direction: they make a text read as another one to the person who approves it."""
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})


def is_clean(text: str) -> bool:
    """Whether `text` is canonical: NFC, without controls, line separators, surrogates and unassigned characters."""
    if _PLAIN_ASCII.fullmatch(text):
        return True
    if any(unicodedata.category(c) in _REFUSED_CATEGORIES or c in _REORDERING for c in text):
        return False
    return unicodedata.is_normalized("NFC", text)


def shown(text: str, most: int = 200) -> str:
    """Make `text` fit to be quoted in a message: one line, nothing invisible, not too long."""
    cut = text if len(text) <= most else text[:most] + "..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def encode(text: str, *, also: str = "") -> str:
    """Percent-encode what the notation uses or OAuth forbids, and `also`."""
    if _RAW.issuperset(text) and not (also and any(c in text for c in also)):
        return text
    return "".join(c if c in _RAW and c not in also else _percent(c) for c in text)


def decode(text: str) -> str | None:
    """Undo `encode`. None for a character that has to be encoded, a broken or lower-case escape, or no UTF-8."""
    if not _ENCODED.fullmatch(text):
        return None
    if "%" not in text:
        return text
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            out.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            out.append(ord(text[at]))
            at += 1
    try:
        return out.decode("utf-8")
    except UnicodeDecodeError:
        return None


def id_fault(text: str) -> str | None:
    """Say why no permission can cover the id `text`, or None when it is well formed. Names no part of it."""
    if not text:
        return "it is empty"
    if len(text) > MAX_ID:
        return f"it is longer than {MAX_ID} characters"
    if not is_clean(text):
        return "it is not canonical text"
    scheme = _SCHEME.match(text)
    segments = _SEPARATOR.split(text[scheme.end() :] if scheme else text)[::2]
    if len(segments) + (scheme is not None) > MAX_SEGMENTS:
        return f"it has more than {MAX_SEGMENTS} segments"
    if "" in segments:
        return "it has an empty segment"
    if not _DOTS.isdisjoint(segments):
        return "it has a segment `.` or `..`"
    return None


def split_id(text: str) -> Parts | None:
    """Cut an id into its segments. None when the id is malformed, and so covered by nothing."""
    # Most ids are plain; this branch and the other agree on all of them, which a property checks.
    if len(text) <= MAX_ID and _PLAIN_ID.fullmatch(text):
        parts = tuple(_PART.findall(text))
        dotted = "." in text and any(part[1] in _DOTS for part in parts)
        return None if dotted or len(parts) > MAX_SEGMENTS else parts
    return None if id_fault(text) is not None else _cut(text)


def _cut(text: str) -> Parts:
    scheme = _SCHEME.match(text)
    pieces = _SEPARATOR.split(text[scheme.end() :] if scheme else text)
    first = "//" if scheme else ""
    parts = tuple(zip([first, *pieces[1::2]], pieces[::2], strict=True))
    return (("", scheme.group(1)), *parts) if scheme else parts


@dataclass(frozen=True, slots=True, repr=False)
class Pattern:
    """Which ids are meant: `files/finreports.csv`, `agents:jobs:*`, `agents:jobs:*:state`, `https://host/*`.

    `parts` are the segments that have a place of their own, each with the separator before it; None stands for any one
    segment. `tail` is the separator before a final `*`, and None without one. Made by `parse`, `of_id` and `over`.
    """

    parts: tuple[tuple[str, str | None], ...]
    tail: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Read a pattern, percent-encoded as in a scope. Raises `Malformed` (`malformed_scope`)."""
        if len(text) > 12 * MAX_ID:
            raise _malformed(text, "it is too long")
        scheme = _SCHEME.match(text)
        pieces = _SEPARATOR.split(text[scheme.end() :] if scheme else text)
        separators = ["//" if scheme else "", *pieces[1::2]]
        segments = [_segment(text, piece) for piece in pieces[::2]]
        parts: list[tuple[str, str | None]] = [("", scheme.group(1))] if scheme else []
        parts.extend(zip(separators, segments, strict=True))
        tail = parts.pop()[0] if segments[-1] is None else None
        plain = "".join(separator + ("*" if segment is None else segment) for separator, segment in parts)
        if (fault := id_fault(plain + (f"{tail}*" if tail is not None else ""))) is not None:
            raise _malformed(text, fault)
        return cls(tuple(parts), tail)

    @classmethod
    def of_id(cls, text: str) -> "Pattern | None":
        """Give the pattern that covers the id `text` alone. None when the id is malformed."""
        parts = split_id(text)
        return None if parts is None else cls(parts)

    @classmethod
    def over(cls, ids: Iterable[str]) -> "Pattern | None":
        """Give the narrowest pattern that covers every id. None when one is malformed or there is none."""
        cut = [split_id(text) for text in dict.fromkeys(ids)]
        whole = [parts for parts in cut if parts is not None]
        if not whole or len(whole) != len(cut):
            return None
        return _generalised(whole)

    def __str__(self) -> str:
        """Print the pattern as `parse` reads it."""
        scheme = self._has_scheme()
        shown = "".join(
            # A scheme ends in a colon of its own, which is no separator.
            separator + ("*" if segment is None else segment if scheme and not separator else encode(segment))
            for separator, segment in self.parts
        )
        return shown if self.tail is None else f"{shown}{self.tail}*"

    def __repr__(self) -> str:
        return f"Pattern({str(self)!r})"

    def _has_scheme(self) -> bool:
        return (self.parts[1][0] if len(self.parts) > 1 else self.tail) == "//"

    @property
    def fixed(self) -> int:
        """How many segments are fixed: a scheme is not counted, for it says nothing about what is behind it."""
        return sum(segment is not None for _, segment in self.parts) - self._has_scheme()

    @property
    def is_literal(self) -> bool:
        """Whether exactly one id is covered."""
        return self.tail is None and all(segment is not None for _, segment in self.parts)

    def covers_id(self, text: str) -> bool:
        """Whether the id `text` is meant. A malformed id never is."""
        parts = split_id(text)
        return parts is not None and self.covers_parts(parts)

    def covers_parts(self, parts: Parts) -> bool:
        """`covers_id` for an id already cut by `split_id`."""
        fixed = len(self.parts)
        if self.tail is None:
            if len(parts) != fixed:
                return False
        elif len(parts) <= fixed or parts[fixed][0] != self.tail:
            return False
        return all(
            mine[0] == its[0] and (mine[1] is None or mine[1] == its[1])
            for mine, its in zip(self.parts, parts, strict=False)
        )

    def covers(self, other: "Pattern") -> bool:
        """Whether every id that `other` covers is covered. Exact."""
        fixed = len(self.parts)
        if self.tail is None:
            if other.tail is not None or len(other.parts) != fixed:
                return False
        elif other.separator_at(fixed) != self.tail:
            return False
        return all(
            mine[0] == its[0] and (mine[1] is None or mine[1] == its[1])
            for mine, its in zip(self.parts, other.parts, strict=False)
        )

    def separator_at(self, place: int) -> str | None:
        """Give the separator that is at `place` in everything covered, or None where nothing or anything may be."""
        if place < len(self.parts):
            return self.parts[place][0]
        return self.tail if place == len(self.parts) else None

    def meet(self, other: "Pattern") -> "Pattern | None":
        """Give the pattern of exactly those ids that both cover. None when there is none."""
        short, long = (self, other) if len(self.parts) <= len(other.parts) else (other, self)
        fixed = len(short.parts)
        merged: list[tuple[str, str | None]] = []
        for mine, its in zip(short.parts, long.parts, strict=False):
            if mine[0] != its[0] or (mine[1] is not None and its[1] is not None and mine[1] != its[1]):
                return None
            merged.append((mine[0], its[1] if mine[1] is None else mine[1]))
        if short.tail is None:
            # `long` may cover an id of this length only if it has no more places and no tail.
            return Pattern(tuple(merged)) if len(long.parts) == fixed and long.tail is None else None
        if long.separator_at(fixed) != short.tail:
            return None
        return Pattern((*merged, *long.parts[fixed:]), long.tail)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="surrogatepass"))


def _segment(pattern: str, text: str) -> str | None:
    if text == "*":
        return None
    if "*" in text:
        raise _malformed(pattern, "`*` stands for a whole segment; write %2A where it is meant literally")
    decoded = decode(text)
    if decoded is None or encode(decoded) != text:
        raise _malformed(pattern, "a segment is not in canonical percent-encoding")
    if ":" in decoded or "/" in decoded:
        raise _malformed(pattern, "a separator is never percent-encoded")
    return decoded


def _malformed(text: str, why: str) -> Malformed:
    return Malformed("malformed_scope", f"the pattern `{shown(text, 80)}` is malformed: {why}")


def _generalised(ids: Sequence[Parts]) -> Pattern:
    shortest = min(len(parts) for parts in ids)
    merged: list[tuple[str, str | None]] = []
    for place in range(shortest):
        separators = {parts[place][0] for parts in ids}
        if len(separators) > 1:
            break
        segments = {parts[place][1] for parts in ids}
        merged.append((separators.pop(), segments.pop() if len(segments) == 1 else None))
        if merged[-1][1] is None and "//" in {part[0] for parts in ids for part in parts[1:2]}:
            break  # no pattern stands for schemes that differ, and only a first segment is a scheme
    if all(len(parts) == len(merged) for parts in ids) and merged[-1][1] is not None:
        return Pattern(tuple(merged))
    return Pattern(tuple(merged[:-1]), merged[-1][0])
