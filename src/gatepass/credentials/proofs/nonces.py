"""Nonces of a server that keeps none (RFC 9449, sections 8 and 9).

The law: a nonce says in which span of time it was given, under a key that only we have; it counts in that span and in
the next. Processes that share the key take each other's. A proof that was made before this process began needs one:
whatever a store of uses may have lost, nothing from before the start passes twice. Whoever sends a nonce sends one
that counts. Otherwise none is asked for: a proof is used once, and lives a minute (ADR 121).
"""

import hmac
from collections.abc import Callable
from typing import Final

from gatepass.access import Instant
from gatepass.credentials.proofs.dpop import Proof, ProofFault
from gatepass.errors import Unauthenticated
from gatepass.keys.jose.base64url import encode

__all__ = ["SPAN", "Nonces"]

SPAN: Final = 120_000
"""Milliseconds. A nonce counts for one to two of these."""
_BYTES: Final = 16


class Nonces:
    """Gives and knows nonces. `mac` is a keyed digest (HMAC-SHA-256 or the like); `began` is when this process did."""

    __slots__ = ("_began", "_mac")

    def __init__(self, mac: Callable[[bytes], bytes], began: Instant) -> None:
        self._mac = mac
        self._began = began

    def fresh(self, at: Instant) -> str:
        """The nonce of now, for the header `DPoP-Nonce`."""
        return self._of(at // SPAN)

    def check(self, proof: Proof, at: Instant) -> None:
        """Raise `Unauthenticated` (`proof_nonce`), with a nonce that counts, where the proof's is missing or over."""
        if proof.nonce is None:
            if proof.issued > self._began:
                return
        elif any(hmac.compare_digest(proof.nonce.encode(), self._of(span).encode()) for span in _spans(at)):
            return
        raise Unauthenticated(
            "proof_nonce",
            "the proof does not have a nonce of this server",
            details={"fault": ProofFault.NONCE, "dpop_nonce": self.fresh(at)},
        )

    def _of(self, span: int) -> str:
        return encode(self._mac(b"gatepass nonce/1\0%d" % span)[:_BYTES])


def _spans(at: Instant) -> tuple[int, int]:
    return at // SPAN, at // SPAN - 1
