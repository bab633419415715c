"""Nonces of a server that keeps none (RFC 9449, sections 8 and 9).

The law: a nonce says when it was given, under a key that only we have, and counts for a while. Processes that share
the key take each other's. A proof that could be from before this process began needs one that was given since:
whatever a store of uses may have lost, nothing from before the start passes twice. Whoever sends a nonce sends one
that counts. Otherwise none is asked for: a proof is used once, and lives a minute (ADR 121).
"""

import hmac
from collections.abc import Callable
from typing import Final

from gatepass.access import Instant
from gatepass.credentials.proofs.dpop import Proof, ProofFault
from gatepass.errors import Unauthenticated
from gatepass.keys.jose.base64url import decode, encode

__all__ = ["SPAN", "Nonces"]

SPAN: Final = 120_000
"""Milliseconds. A nonce counts for two of these."""
_INSTANT: Final = 8
_MAC: Final = 16
"""Bytes of either part."""


class Nonces:
    """Gives and knows nonces. `mac` is a keyed digest (HMAC-SHA-256 or the like); `began` is when this process did."""

    __slots__ = ("_began", "_mac")

    def __init__(self, mac: Callable[[bytes], bytes], began: Instant) -> None:
        self._mac = mac
        self._began = began

    def fresh(self, at: Instant) -> str:
        """The nonce of now, for the header `DPoP-Nonce`."""
        given = at.to_bytes(_INSTANT, "big")
        return encode(given + self._over(given))

    def check(self, proof: Proof, at: Instant) -> None:
        """Raise `Unauthenticated` (`proof_nonce`), with a nonce that counts, where the proof's is missing or over."""
        since = proof.issued > self._began
        if proof.nonce is None:
            if since:
                return
        elif (
            (given := self._given(proof.nonce)) is not None
            and at - given < 2 * SPAN
            and (since or given >= self._began)
        ):
            return
        raise Unauthenticated(
            "proof_nonce",
            "the proof does not have a nonce of this server",
            details={"fault": ProofFault.NONCE, "dpop_nonce": self.fresh(at)},
        )

    def _given(self, nonce: str) -> int | None:
        """When we gave it; None for what we never gave."""
        try:
            whole = decode(nonce)
        except ValueError:
            return None
        given, mac = whole[:_INSTANT], whole[_INSTANT:]
        return int.from_bytes(given, "big") if hmac.compare_digest(mac, self._over(given)) else None

    def _over(self, given: bytes) -> bytes:
        return self._mac(b"gatepass nonce/2\0" + given)[:_MAC]
