"""A proof is used once.

The law: of all calls that carry one proof, one goes on, whatever runs at the same moment in other processes, and
after a restart too: the store decides, in one step, and a store that cannot answer lets nobody pass. What is kept is
a digest, until the proof would be too old anyway.
"""

from typing import Protocol

from gatepass.access import Instant
from gatepass.credentials.proofs.dpop import Proof, ProofFault
from gatepass.errors import Unauthenticated

__all__ = ["ReplayStore", "use_once"]


class ReplayStore(Protocol):
    """Where uses are remembered."""

    async def first(self, use: bytes, until: Instant, /) -> bool:
        """Whether this is the first time that `use` (32 bytes) is claimed; it is remembered until `until` at least.

        Atomic, and durable before it answers yes. Raises `Unavailable` when it cannot say.
        """
        ...


async def use_once(proof: Proof, store: ReplayStore) -> None:
    """Claim the one use of a proof. Raises `Unauthenticated` (`proof_replayed`) for every further one."""
    if not await store.first(proof.use, proof.until):
        raise Unauthenticated("proof_replayed", "the proof was used before", details={"fault": ProofFault.REPLAYED})
