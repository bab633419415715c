"""Which proofs were used, in memory: the twin of the one on disk, held to the same suite.

The law: one claim of each use is told yes, and nothing is forgotten before its time.
"""

from collections.abc import Callable

from gatepass.access import Instant
from gatepass.errors import Unavailable

__all__ = ["MemoryReplay"]


class MemoryReplay:
    """A `credentials.proofs.ReplayStore` that forgets with its process."""

    def __init__(self, clock: Callable[[], Instant], *, most: int = 500_000) -> None:
        self._clock, self._most = clock, most
        self._uses: dict[bytes, Instant] = {}
        self._why: str | None = None

    async def first(self, use: bytes, until: Instant, /) -> bool:
        """See `credentials.proofs.ReplayStore`."""
        if len(self._uses) >= self._most:
            now = self._clock()
            self._uses = {each: end for each, end in self._uses.items() if end >= now}
        if self._why is not None or len(self._uses) >= self._most:
            why = self._why or "there are too many"
            raise Unavailable("storage_unavailable", f"the uses of proofs cannot be recorded: {why}")
        if use in self._uses:
            return False
        self._uses[use] = until
        return True

    def fail(self, why: str = "the disk is full") -> None:
        """From now on nothing can be claimed, until `mend`."""
        self._why = why

    def mend(self) -> None:
        """Take claims again."""
        self._why = None
