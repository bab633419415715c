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

    __slots__ = ("_derived", "_keyring", "_purpose")

    def __init__(self, keyring: Callable[[], Keyring], purpose: str = _PURPOSE) -> None:
        """`purpose` keeps apart what digests are made for: none of one purpose is any of another."""
        self._keyring = keyring
        self._purpose = purpose
        self._derived: dict[str, hmac.HMAC] = {}
        """By the id of the key: the digest of nothing yet, under the key that was derived from it."""

    def digest(self, arguments: bytes) -> str:
        """`kek_…:` and the HMAC-SHA-256 of the canonical arguments in hexadecimal."""
        key = self._keyring().current
        return f"{key.id}:{self._made(key, arguments)}"

    def verify(self, digest: str, arguments: bytes) -> bool:
        """Whether `digest` is of `arguments`. False for what was made under a key that is gone, or is no digest."""
        key_id, _, stated = digest.partition(":")
        key = self._keyring().find(key_id)
        if key is None:
            return False
        return hmac.compare_digest(self._made(key, arguments).encode(), stated.encode("utf-8", "surrogatepass"))

    def _made(self, key: KeyEncryptionKey, arguments: bytes) -> str:
        """A copy of the keyed state is half the work of keying anew, and does not hand the interpreter to a thread."""
        keyed = self._derived.get(key.id)
        if keyed is None:
            keyed = self._derived[key.id] = hmac.new(key.derive(self._purpose), digestmod="sha256")
        made = keyed.copy()
        made.update(arguments)
        return made.hexdigest()

    def __repr__(self) -> str:
        return f"<digests under {self._keyring().current.id}>"
