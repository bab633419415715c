"""Redaction: whatever an upstream answers, its secret does not come out.

The law: no spelling of the secret that `forms` knows leaves here, wherever it begins, however it is cut
into pieces; and a text that holds none leaves byte for byte. A found spelling is overwritten by as many
asterisks, so that lengths that were announced still hold.

Speed comes from looking closely only where there is reason to: a text that holds neither a piece of a
spelling nor an escape of one of its characters is passed on after a handful of substring searches. Of a
stream, only an end that could be the beginning of a spelling is held back, at most one spelling long.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NoReturn

from gatepass.gateway.forwarding.forms import (
    PARTIAL_ESCAPE,
    Needle,
    Token,
    escape_pattern,
    needles_for,
    spoken_values,
)

__all__ = ["Redactor", "Redactors", "Stream"]

HEAD: Final = 40
"""Tokens of a needle that are searched for as one expression; the rest is followed token by token."""
MOST_KEPT: Final = 128
"""Redactors that are kept for the next call with the same secret."""
MASKS: Final = b"*#~^!@-_.:;xXzZqQjJ"
MOST_BYTES: Final = 4
"""Bytes of a character in UTF-8."""

_PARTIAL: Final = re.compile(PARTIAL_ESCAPE)


class Redactor:
    """Keeps one upstream's secret out of its answers. Holds the secret's spellings: it does not print or pickle."""

    __slots__ = (
        "_beginnings",
        "_close",
        "_compiled",
        "_escapes",
        "_heads",
        "_literals",
        "_lowered",
        "_mask",
        "_needles",
        "longest",
    )

    def __init__(self, values: Iterable[bytes]) -> None:
        """Make one for the plain `values` that have to be kept from view; with none, everything passes."""
        values = tuple(values)
        self._needles: tuple[Needle, ...] = tuple(needle for value in values for needle in needles_for(value))
        self._literals = tuple({s for needle in self._needles if not needle.any_case for s in needle.samples})
        self._lowered = tuple({s for needle in self._needles if needle.any_case for s in needle.samples})
        self._escapes = re.compile(escape_pattern(values)) if values else None
        self._close: re.Pattern[bytes] | None = None
        self._beginnings: re.Pattern[bytes] | None = None
        self._compiled: dict[Token, tuple[re.Pattern[bytes], ...]] = {}
        self._mask = _mask(b"".join(values))
        self.longest = max((needle.longest for needle in self._needles), default=0)
        """The most bytes that one spelling takes, and so the most that a stream holds back."""

    def whole(self, text: bytes) -> bytes:
        """A complete text, redacted."""
        return self.overwritten(text, more=False) if self.suspicious(text) else text

    def stream(self) -> "Stream":
        """Redaction of a text that comes in pieces."""
        return Stream(self)

    def __repr__(self) -> str:
        return "<redactor>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor holds a secret and is not pickled")

    def suspicious(self, text: bytes) -> bool:
        """Whether the text could hold a spelling: a piece of one in clear, or an escape that may be part of one."""
        if self._escapes is None:
            return False
        for literal in self._literals:
            if literal in text:
                return True
        lowered = text.lower()
        for literal in self._lowered:
            if literal in lowered:
                return True
        return self._escapes.search(text) is not None

    def overwritten(self, text: bytes, *, more: bool) -> bytes:
        """The text with every spelling overwritten; with `more` to come, but for one that is not complete yet."""
        close = self._close = self._close or self._compile_close()
        redacted: bytearray | None = None
        at = 0
        while (found := close.search(text, at)) is not None:
            assert found.lastindex is not None  # noqa: S101  each needle is a group
            start = found.start()
            end, complete = self._followed(self._needles[found.lastindex - 1], text, found.end(found.lastindex))
            at = end
            if complete or not more:
                redacted = redacted or bytearray(text)
                redacted[start:end] = self._mask * (end - start)
        return text if redacted is None else bytes(redacted)

    def _followed(self, needle: Needle, text: bytes, place: int) -> tuple[int, bool]:
        """How far an occurrence goes of which the head was found, and whether no further piece can change that."""
        places = {place}
        for token in needle.tokens[HEAD:]:
            onward = self._after(token, text, places)
            if not onward:
                return max(places), not self._continues(token, text, places)
            places = onward
        return max(places), True

    def held_from(self, text: bytes) -> int:
        """Where the end begins that may be the beginning of a spelling; the text's length where there is none."""
        if not self._needles:
            return len(text)
        beginnings = self._beginnings = self._beginnings or self._compile_beginnings()
        for found in beginnings.finditer(text, max(0, len(text) - self.longest)):
            if any(self._may_begin(needle, text, found.start()) for needle in self._needles):
                return found.start()
        return len(text)

    def _may_begin(self, needle: Needle, text: bytes, start: int) -> bool:
        """Whether what follows could become an occurrence once more text arrives."""
        places = {start}
        for token in needle.tokens:
            if self._continues(token, text, places):
                return True
            places = self._after(token, text, places)
            if not places:
                return False
        return False

    def _continues(self, token: Token, text: bytes, places: set[int]) -> bool:
        """Whether the text ends where this token would go on."""
        return any(
            place == len(text) or _PARTIAL.fullmatch(text, place) or _cut_off(token, text, place) for place in places
        )

    def _after(self, token: Token, text: bytes, places: set[int]) -> set[int]:
        ways = self._compiled.get(token)
        if ways is None:
            ways = self._compiled[token] = tuple(re.compile(way, re.DOTALL) for way in token.ways)
        return {match.end() for place in places for way in ways if (match := way.match(text, place))}

    # -- compiled on first need: most secrets are never echoed

    def _compile_close(self) -> re.Pattern[bytes]:
        """Each needle's head, as a group."""
        heads = [b"(" + b"".join(token.pattern for token in needle.tokens[:HEAD]) + b")" for needle in self._needles]
        return _at_starts(self._starts(), b"|".join(heads))

    def _compile_beginnings(self) -> re.Pattern[bytes]:
        """Every place where two tokens of a needle stand, or less and the end of the text."""
        partial = b"(?:" + PARTIAL_ESCAPE + rb"|[\x80-\xff]{1,3})"
        cut = partial + rb"?\Z"
        pairs = {
            needle.tokens[0].pattern
            + b"(?:"
            + b"".join(token.pattern for token in needle.tokens[1:2])
            + b"|"
            + cut
            + b")"
            for needle in self._needles
        }
        starts = self._starts() | frozenset(range(0x80, 0x100))
        return _at_starts(starts, b"|".join((*sorted(pairs), partial + rb"\Z")))

    def _starts(self) -> frozenset[int]:
        return frozenset[int]().union(*(needle.tokens[0].starts for needle in self._needles)) | frozenset(b"%\\&")


class Stream:
    """One text on its way through a redactor."""

    __slots__ = ("_held", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece, give back what may leave: perhaps nothing yet."""
        redactor = self._redactor
        text = self._held + piece if self._held else piece
        if redactor.suspicious(text):
            text = redactor.overwritten(text, more=True)
        keep = redactor.held_from(text)
        self._held = text[keep:]
        return text[:keep]

    def finish(self) -> bytes:
        """What was held back, once nothing more comes."""
        text, self._held = self._redactor.whole(self._held), b""
        return text


class Redactors:
    """Redactors for secrets in use. Found by a digest of the secret; the oldest are dropped."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Redactor] = OrderedDict()

    def redactor(self, secret: bytes, prefix: str = "") -> Redactor:
        """The redactor for a secret that is sent with `prefix` before it. To be called inside `expose_to`."""
        key = sha256(prefix.encode() + b"\0" + secret).digest()
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        made = self._kept[key] = Redactor(spoken_values(secret, prefix))
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return made


def _at_starts(starts: Iterable[int], pattern: bytes) -> re.Pattern[bytes]:
    """What matches `pattern` at a byte of `starts`, consuming that byte alone; the groups tell the rest.

    The set in front is what makes it fast: the engine runs over all other bytes without trying anything.
    """
    first = b"".join(rb"\x%02x" % start for start in sorted(starts))
    return re.compile(b"[" + first + b"](?<=(?=" + pattern + b").)", re.DOTALL)


def _cut_off(token: Token, text: bytes, place: int) -> bool:
    """Whether the text ends inside a character of several raw bytes."""
    tail = text[place:]
    return 0 < len(tail) < MOST_BYTES and any(
        len(way) > len(tail) and re.escape(tail) == way[: len(re.escape(tail))] for way in token.ways
    )


def _mask(spelled: bytes) -> bytes:
    """An asterisk, or another sign where the secret has asterisks: overwriting must not spell anything."""
    return bytes((next((sign for sign in MASKS if sign not in spelled), MASKS[0]),))
