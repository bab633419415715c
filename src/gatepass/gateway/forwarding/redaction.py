"""Redaction: whatever an upstream answers, its secret does not come out.

The law: no spelling of the secret that `forms` knows leaves here, wherever it begins, however it is cut
into pieces; and a text that holds none leaves byte for byte. A found spelling is overwritten by as many
asterisks, so that lengths that were announced still hold.

Only a whole spelling makes a difference. Whoever can have chosen texts relayed could otherwise ask, letter by
letter, "does the secret begin like this?": so a part of a spelling is neither overwritten nor held back for
being one. What is held back of a stream is decided on its shape, the same for every secret: the word, or
the lines of base64, that it stops in the middle of, and no more than one spelling can be long.

Speed comes from looking closely only where there is reason to: a text that holds neither a piece of a
spelling nor an escape of one of its characters is passed on after a handful of substring searches.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NoReturn

from gatepass.gateway.forwarding.forms import (
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
LONGEST_LINE: Final = 1024
"""Bytes of a line of wrapped base64. Mail has 76, nobody has a thousand."""
SHORTEST_LINE: Final = 8
"""Bytes that have to stand at the end of a line for the next line to be, perhaps, their continuation."""

_ENDINGS: Final = (b"\r\n", b"\n", b"\r")
_GAPS: Final = (b" ", b"\t", b"\r", b"\n")
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"


class Redactor:
    """Keeps one upstream's secret out of its answers. Holds the secret's spellings: it does not print or pickle."""

    __slots__ = (
        "_close",
        "_compiled",
        "_escapes",
        "_has_gaps",
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
        self._has_gaps = any(gap in value for value in values for gap in _GAPS)
        self._compiled: dict[Token, tuple[re.Pattern[bytes], ...]] = {}
        self._mask = _mask(b"".join(values))
        self.longest = max((needle.longest for needle in self._needles), default=0)
        """The most bytes that one spelling takes, and so the most that a stream holds back."""

    def whole(self, text: bytes) -> bytes:
        """A complete text, redacted."""
        return self.overwritten(text) if self.suspicious(text) else text

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

    def overwritten(self, text: bytes) -> bytes:
        """The text with every whole spelling overwritten."""
        close = self._close = self._close or self._compile_close()
        redacted: bytearray | None = None
        at = 0
        while (found := close.search(text, at)) is not None:
            assert found.lastindex is not None  # noqa: S101  each needle is a group
            start = found.start()
            end = self._end(self._needles[found.lastindex - 1], text, found.end(found.lastindex))
            if end is None:
                at = start + 1
                continue
            redacted = redacted or bytearray(text)
            redacted[start:end] = self._mask * (end - start)
            at = end
        return text if redacted is None else bytes(redacted)

    def held_from(self, text: bytes) -> int:
        """Where the end of a stream's text begins that waits for what comes next."""
        if not self._needles:
            return len(text)
        earliest = max(0, len(text) - self.longest)
        if self._has_gaps:
            return earliest
        start = 1 + max(text.rfind(gap, earliest) for gap in _GAPS)
        while (wrapped := _wrapped_from(text, start)) < start:
            start = wrapped
        return max(start, earliest)

    def _end(self, needle: Needle, text: bytes, place: int) -> int | None:
        """Where an occurrence ends of which the head was found; None where it does not go on to its end."""
        places = {place}
        for token in needle.tokens[HEAD:]:
            ways = self._compiled.get(token)
            if ways is None:
                ways = self._compiled[token] = tuple(re.compile(way, re.DOTALL) for way in token.ways)
            places = {match.end() for at in places for way in ways if (match := way.match(text, at))}
            if not places:
                return None
        return max(places)

    def _compile_close(self) -> re.Pattern[bytes]:
        """Each needle's head, as a group. Compiled on first need: most secrets are never echoed.

        The set in front is what makes it fast: the engine runs over all other bytes without trying anything.
        """
        starts = frozenset[int]().union(*(needle.tokens[0].starts for needle in self._needles))
        first = b"".join(rb"\x%02x" % start for start in sorted(starts))
        heads = [b"(" + b"".join(token.pattern for token in needle.tokens[:HEAD]) + b")" for needle in self._needles]
        return re.compile(b"[" + first + b"](?<=(?=" + b"|".join(heads) + b").)", re.DOTALL)


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
        text = redactor.whole(text)
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


def _wrapped_from(text: bytes, start: int) -> int:
    """Where the base64 begins that ends in a line break just before `start`; `start` where none does."""
    end = start
    while end and text[end - 1] in b" \t":
        end -= 1
    line = text[max(0, end - LONGEST_LINE) : end]
    ending = next((ending for ending in _ENDINGS if line.endswith(ending)), b"")
    line = line.removesuffix(ending)  # one line break: an empty line ends whatever it was
    length = len(line) - len(line.rstrip(_BASE64))
    return end - len(ending) - length if ending and length >= SHORTEST_LINE else start


def _mask(spelled: bytes) -> bytes:
    """An asterisk, or another sign where the secret has asterisks: overwriting must not spell anything."""
    return bytes((next((sign for sign in MASKS if sign not in spelled), MASKS[0]),))
