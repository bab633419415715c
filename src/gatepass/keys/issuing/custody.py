"""The private halves: made here, wrapped by the keyring, opened when they sign.

The law: a wrapped key opens as the key of its id, and as no other: the id is bound into the wrap, and what comes out
has to have it. Nothing but signatures leaves an opened key.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.keys.guarded import Guarded
from gatepass.keys.issuing.records import IssuerKey
from gatepass.keys.keyring import DATA_KEY_BYTES, Entropy, Keyring, draw
from gatepass.keys.signing import SigningKey

__all__ = ["IssuerKeys"]

_MOST_OPEN: Final = 8


class IssuerKeys(Guarded):
    """Makes, opens and re-wraps. `keyring` is asked anew each time, so that a rotation of it takes effect at once."""

    __slots__ = ("_entropy", "_keyring", "_open")

    def __init__(self, keyring: Callable[[], Keyring], entropy: Entropy) -> None:
        self._keyring = keyring
        self._entropy = entropy
        self._open: dict[str, SigningKey] = {}

    def make(self, at: Instant, begins: Instant) -> IssuerKey:
        """A new key that signs from `begins` on."""
        seed = draw(self._entropy, DATA_KEY_BYTES)
        public = SigningKey(seed).public
        wrapping = self._keyring().current
        return IssuerKey(
            id=public.id,
            x=public.jwk["x"],
            y=public.jwk["y"],
            key_id=wrapping.id,
            wrapped=wrapping.wrap(seed, _context(public.id), self._entropy),
            created=at,
            begins=begins,
        )

    def open(self, key: IssuerKey) -> SigningKey:
        """The key that signs. Raises `Unavailable` (`secret_unreadable`) where its record was changed or moved."""
        known = self._open.get(key.id)
        if known is not None:
            return known
        opened = self._unwrapped(key)
        if len(self._open) >= _MOST_OPEN:
            self._open.clear()
        self._open[key.id] = opened
        return opened

    def forget(self, key: IssuerKey) -> None:
        """Let go of an opened key that signs no more."""
        self._open.pop(key.id, None)

    def current(self, key: IssuerKey) -> bool:
        """Whether it is wrapped under the current key-encryption key."""
        return key.key_id == self._keyring().current.id

    def rewrap(self, key: IssuerKey) -> IssuerKey:
        """The same key under the current key-encryption key."""
        keyring = self._keyring()
        seed = keyring.unwrap(key.key_id, key.wrapped, _context(key.id))
        try:
            wrapped = keyring.current.wrap(bytes(seed), _context(key.id), self._entropy)
        finally:
            seed[:] = bytes(len(seed))
        return replace(key, key_id=keyring.current.id, wrapped=wrapped)

    def _unwrapped(self, key: IssuerKey) -> SigningKey:
        seed = self._keyring().unwrap(key.key_id, key.wrapped, _context(key.id))
        try:
            opened = SigningKey(bytes(seed))
        finally:
            seed[:] = bytes(len(seed))
        if opened.public.id != key.id:
            raise Unavailable("secret_unreadable", "a signing key does not open: its record was changed or moved")
        return opened

    def __repr__(self) -> str:
        return "<issuer keys>"


def _context(key_id: str) -> bytes:
    return b"gatepass issuer key/1\0" + key_id.encode()
