"""Keyed digests of a call's arguments, for the journal.

The law: whoever reads the journal cannot find out arguments by guessing them (an unkeyed hash of an amount is the
amount), and whoever holds the keyring can show that a digest is of these arguments. The digest's key is derived from
a key-encryption key and the digest says from which, so it stays verifiable until that key is dropped.
"""

import hmac
from collections.abc import Callable
from typing import Final

from gatepass.keys.guarded import Guarded
from gatepass.keys.keyring import KeyEncryptionKey, Keyring

__all__ = ["Digests"]

_PURPOSE: Final = "journal arguments"


class Digests(Guarded):
    """Makes and checks digests. `keyring` is asked anew each time, so that a rotation takes effect at once."""

    __slots__ = ("_derived", "_keyring")

    def __init__(self, keyring: Callable[[], Keyring]) -> None:
        self._keyring = keyring
        self._derived: dict[str, bytes] = {}

    def digest(self, arguments: bytes) -> str:
        """`kek_…:` and the HMAC-SHA-256 of the canonical arguments in hexadecimal."""
        key = self._keyring().current
        return f"{key.id}:{hmac.digest(self._key(key), arguments, 'sha256').hex()}"

    def verify(self, digest: str, arguments: bytes) -> bool:
        """Whether `digest` is of `arguments`. False for what was made under a key that is gone, or is no digest."""
        key_id, _, stated = digest.partition(":")
        key = self._keyring().find(key_id)
        if key is None:
            return False
        made = hmac.digest(self._key(key), arguments, "sha256").hex()
        return hmac.compare_digest(made.encode(), stated.encode("utf-8", "surrogatepass"))

    def _key(self, key: KeyEncryptionKey) -> bytes:
        derived = self._derived.get(key.id)
        if derived is None:
            derived = self._derived[key.id] = key.derive(_PURPOSE)
        return derived

    def __repr__(self) -> str:
        return f"<digests under {self._keyring().current.id}>"
