"""Which proofs were used, in one process.

The law: of all calls that carry one proof, one goes on. What cannot be remembered is refused. Proofs that were made
before this memory began are refused too, for it cannot know whether they were used.
"""

import threading
from typing import Final, Protocol

from gatepass.access import Instant
from gatepass.credentials.proofs.dpop import WINDOW
from gatepass.errors import Unauthenticated, Unavailable

__all__ = ["Uses", "UsesInMemory"]

MOST: Final = 100_000


class Uses(Protocol):
    """Where uses are remembered: for several processes, one store that they share."""

    def first(self, use: bytes, until: Instant, at: Instant, /) -> bool:
        """Whether this is the first claim of `use`, in one step; it is remembered until `until`."""
        ...


class UsesInMemory:
    """For one process."""

    def __init__(self, began: Instant, most: int = MOST) -> None:
        """`began` is now: a proof of this second or an earlier one may have been used where nobody remembers."""
        self._began = began
        self._until: dict[bytes, Instant] = {}
        self._most = most
        self._turn = threading.Lock()

    def first(self, use: bytes, until: Instant, at: Instant) -> bool:
        """Raises `Unavailable` (`proofs_too_many`) where there is no room for another, `Unauthenticated` before it."""
        if until - WINDOW - 1 <= self._began // 1000 * 1000:
            raise Unauthenticated("proof_invalid", "the proof is refused: it was made before this API began to listen")
        with self._turn:
            if use in self._until:
                return False
            if len(self._until) >= self._most:
                self._until = {kept: end for kept, end in self._until.items() if end > at}
            if len(self._until) >= self._most:
                raise Unavailable("proofs_too_many", f"{self._most} proofs are remembered, and none is too old yet")
            self._until[use] = until
            return True
