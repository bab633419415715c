"""JSON web keys and signatures, read strictly: the half that needs public keys alone."""

from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.jws import HeaderRule, UnverifiedJws
from gatepass.keys.jose.keyset import KeySet

__all__ = ["HeaderRule", "KeySet", "PublicKey", "UnverifiedJws"]
