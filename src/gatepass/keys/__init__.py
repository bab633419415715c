"""Signing and sealing keys and their rotation. The only room with `cryptography`."""

from gatepass.keys.digests import Digests
from gatepass.keys.guarded import Guarded
from gatepass.keys.issuing import IssuerKey, IssuerKeys
from gatepass.keys.keyring import Entropy, Keyring, LiveKeyring
from gatepass.keys.origins import Destination, origin_of
from gatepass.keys.passwords import hash_password, needs_rehash, verify_password
from gatepass.keys.sealing import SealedSecret, Sealer
from gatepass.keys.signing import SigningKey, VerifyingKey

__all__ = [
    "Destination",
    "Digests",
    "Entropy",
    "Guarded",
    "IssuerKey",
    "IssuerKeys",
    "Keyring",
    "LiveKeyring",
    "SealedSecret",
    "Sealer",
    "SigningKey",
    "VerifyingKey",
    "hash_password",
    "needs_rehash",
    "origin_of",
    "verify_password",
]
