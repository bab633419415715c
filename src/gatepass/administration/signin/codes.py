"""One-time codes: how a person signs in who has no password yet.

A code is 120 random bits that nobody stores: what is kept, in memory and for ten minutes, is its hash. It is
spent by being presented, whatever comes of that, and a new one for the same person replaces it. A restart
forgets them all. There is nothing to guess, so presenting wrong ones is not limited, and nobody can keep a
person out by doing so.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Instant, PersonId

__all__ = ["Code", "Codes"]

LIFETIME: Final = 10 * 60_000
"""Milliseconds."""
MOST_OPEN: Final = 32
"""Codes that wait at once; one more pushes out the oldest."""

_BYTES: Final = 15
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing that looks like something else."""
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Code:
    """A code on its way to being shown once. It does not print."""

    text: str = field(repr=False)
    expires: Instant


@dataclass(slots=True)
class Codes:
    """The codes that were offered and not spent."""

    entropy: Callable[[int], bytes]
    lifetime: int = LIFETIME
    _open: dict[bytes, tuple[PersonId, Instant]] = field(default_factory=dict, repr=False)

    def offer(self, person: PersonId, now: Instant) -> Code:
        """A new code for `person`. Any earlier one of theirs is void."""
        self._open = {hash_: kept for hash_, kept in self._open.items() if kept[0] != person and now < kept[1]}
        while len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        number = int.from_bytes(self.entropy(_BYTES), "big")
        plain = "".join(_ALPHABET[number >> shift & 31] for shift in range(_BYTES * 8 - 5, -1, -5))
        expires = Instant(now + self.lifetime)
        self._open[_hash(plain)] = (person, expires)
        return Code("-".join(plain[at : at + 4] for at in range(0, len(plain), 4)), expires)

    def spend(self, text: str, now: Instant) -> PersonId | None:
        """Whose code it was, and never again; None when it is unknown, spent or too old."""
        person, expires = self._open.pop(_hash(text), (None, now))
        return person if now < expires else None


def _hash(text: str) -> bytes:
    """Of the code as it was meant: case, dashes, spaces and look-alikes do not matter."""
    return hashlib.sha256(text[:_LONGEST].upper().translate(_READ_AS).encode("utf-8", "replace")).digest()
