"""Typed ids that sort by time: a prefix, seven characters of milliseconds, then randomness, all base62.

The law: ids of one prefix and length compare, as text, in the order of the milliseconds in which they were made, until
the year 2081; ids of the same millisecond differ by chance alone, so whatever stores them still refuses a second one.
An id is public. It is no secret, and knowing one is power over nothing.
"""

from collections.abc import Callable
from typing import Final

from gatepass.access import Instant

__all__ = ["ALPHABET", "Ahead", "base62", "new_id", "random_base62"]

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In the order of ASCII, so that numbers of one width sort as text as they do as numbers."""

_BASE: Final = len(ALPHABET)
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
"""Two digits at a time: an id is made and a checksum compared on every call."""
_TIME_CHARACTERS: Final = 7
_LATEST: Final = _BASE**_TIME_CHARACTERS - 1
_RANDOM_CHARACTERS: Final = 9

_FAIR: Final = 256 - 256 % _BASE
_TO_ALPHABET: Final = bytes(ord(ALPHABET[byte % _BASE]) for byte in range(256))
_UNFAIR: Final = bytes(range(_FAIR, 256))
_MOST_DRAWS: Final = 64
_AHEAD: Final = 4096


class Ahead:
    """Randomness drawn ahead, for ids, which are public: one draw for many of them. Not for secrets.

    No byte is handed out twice. Asking the system each time would let other threads in on every call.
    """

    __slots__ = ("_at", "_drawn", "_entropy")

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._drawn = b""
        self._at = 0

    def __call__(self, size: int) -> bytes:
        """`size` bytes that nobody could guess before."""
        end = self._at + size
        if end > len(self._drawn):
            self._drawn, self._at, end = self._entropy(max(_AHEAD, size)), 0, size
        taken, self._at = self._drawn[self._at : end], end
        return taken


def new_id(prefix: str, at: Instant, entropy: Callable[[int], bytes], *, characters: int = _RANDOM_CHARACTERS) -> str:
    """`dec_` + 7 characters of time + 9 random ones. 9 characters make two of a millisecond equal once in 10**16."""
    return f"{prefix}_{base62(at, _TIME_CHARACTERS)}{random_base62(characters, entropy)}"


def base62(number: int, width: int) -> str:
    """`number` in exactly `width` characters. Raises `ValueError` for one that does not fit: an id never wraps."""
    if not 0 <= number < _BASE**width:
        raise ValueError(f"{number} does not fit in {width} characters of base62")
    found = ""
    for _ in range(width // 2):
        number, pair = divmod(number, len(_PAIRS))
        found = _PAIRS[pair] + found
    return ALPHABET[number] + found if width % 2 else found


def random_base62(count: int, entropy: Callable[[int], bytes]) -> str:
    """`count` characters, each of the 62 equally likely: bytes that would favour some of them are thrown away.

    Raises `ValueError` when `entropy` gives too few bytes, or only ones that are thrown away: it is broken.
    """
    found = b""
    for _ in range(_MOST_DRAWS):
        drawn = entropy(count + 4)
        if len(drawn) != count + 4:
            break
        found += drawn.translate(_TO_ALPHABET, _UNFAIR)
        if len(found) >= count:
            return found[:count].decode()
    raise ValueError("the source of randomness is broken")
