"""Nonces that nobody keeps: what counts, for how long, and when one is needed."""

import hashlib
import hmac

import pytest

from gatepass.access import Instant
from gatepass.credentials.proofs import Nonces, Proof
from gatepass.credentials.proofs.nonces import SPAN
from gatepass.errors import Unauthenticated

BEGAN = Instant(15_000_000 * SPAN)


def proof(nonce: str | None, issued: int) -> Proof:
    return Proof(thumbprint="t", use=bytes(32), until=Instant(issued + 60_001), issued=Instant(issued), nonce=nonce)


def nonces(key: bytes = b"k") -> Nonces:
    return Nonces(lambda said: hmac.digest(key, said, hashlib.sha256), BEGAN)


def test_a_nonce_counts_in_its_span_and_the_next() -> None:
    given = nonces().fresh(BEGAN)
    for later in (0, SPAN - 1, SPAN, 2 * SPAN - 1):
        nonces().check(proof(given, BEGAN + later), Instant(BEGAN + later))
    with pytest.raises(Unauthenticated) as over:
        nonces().check(proof(given, BEGAN + 2 * SPAN), Instant(BEGAN + 2 * SPAN))
    assert over.value.code == "proof_nonce"
    nonces().check(proof(over.value.details["dpop_nonce"], BEGAN + 2 * SPAN), Instant(BEGAN + 2 * SPAN))


def test_another_process_with_the_key_takes_it_and_one_without_does_not() -> None:
    given = nonces().fresh(BEGAN)
    nonces().check(proof(given, BEGAN), BEGAN)
    with pytest.raises(Unauthenticated):
        nonces(b"another").check(proof(given, BEGAN + 1), BEGAN)


@pytest.mark.parametrize("made", ["", "é", "x" * 22, "x" * 512])
def test_a_made_up_nonce_is_refused_even_where_none_was_needed(made: str) -> None:
    with pytest.raises(Unauthenticated):
        nonces().check(proof(made, BEGAN + 1), Instant(BEGAN + 1))


def test_a_nonce_from_before_the_start_says_nothing_of_when_a_proof_was_made() -> None:
    """It may be of a call that was made before, whose use was lost with the store."""
    given = nonces().fresh(Instant(BEGAN - 1))
    for issued in (BEGAN - 1000, BEGAN):
        with pytest.raises(Unauthenticated) as needed:
            nonces().check(proof(given, issued), Instant(BEGAN + 1))
        assert needed.value.code == "proof_nonce"
    nonces().check(proof(given, BEGAN + 1), Instant(BEGAN + 1))  # made since: it only is not over


def test_a_proof_from_before_the_start_needs_one() -> None:
    for issued in (BEGAN - 1000, BEGAN):
        with pytest.raises(Unauthenticated) as needed:
            nonces().check(proof(None, issued), Instant(BEGAN + 1))
        nonces().check(proof(needed.value.details["dpop_nonce"], issued), Instant(BEGAN + 1))
    nonces().check(proof(None, BEGAN + 1), Instant(BEGAN + 1))
