"""Keyed digests of a call's arguments, for the journal.

The law: whoever reads the journal cannot find out arguments by guessing them (an unkeyed hash of an amount is the
amount), and whoever holds the keyring can show that a digest is of these arguments. The digest's key is derived from
a key-encryption key and the digest says from which, so it stays verifiable until that key is dropped.
"""

import hmac
from typing import Final

from gatepass.keys.guarded import Guarded
from gatepass.keys.keyring import Keyring

__all__ = ["Digests"]

_PURPOSE: Final = "journal arguments"


class Digests(Guarded):
    """Makes and checks digests under one keyring. Made anew when the keyring is rotated."""

    __slots__ = ("_current", "_keys")

    def __init__(self, keyring: Keyring) -> None:
        self._current = keyring.current.id
        self._keys = {key.id: key.derive(_PURPOSE) for key in (keyring.current, *keyring.retired)}

    def digest(self, arguments: bytes) -> str:
        """`kek_…:` and the HMAC-SHA-256 of the canonical arguments in hexadecimal."""
        return f"{self._current}:{hmac.digest(self._keys[self._current], arguments, 'sha256').hex()}"

    def verify(self, digest: str, arguments: bytes) -> bool:
        """Whether `digest` is of `arguments`. False for what was made under a key that is gone, or is no digest."""
        key_id, _, stated = digest.partition(":")
        key = self._keys.get(key_id)
        if key is None:
            return False
        made = hmac.digest(key, arguments, "sha256").hex()
        return hmac.compare_digest(made.encode(), stated.encode("utf-8", "surrogatepass"))

    def __repr__(self) -> str:
        return f"<digests under {self._current}>"
