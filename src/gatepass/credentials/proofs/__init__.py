"""Proofs of possession: that whoever sends a credential holds the key that it is bound to."""

from gatepass.credentials.proofs.dpop import ALGORITHMS, Proof, ProofFault, ProvenCall, verify_proof
from gatepass.credentials.proofs.nonces import Nonces
from gatepass.credentials.proofs.replay import ReplayStore, use_once
from gatepass.credentials.proofs.targets import normal

__all__ = [
    "ALGORITHMS",
    "Nonces",
    "Proof",
    "ProofFault",
    "ProvenCall",
    "ReplayStore",
    "normal",
    "use_once",
    "verify_proof",
]
