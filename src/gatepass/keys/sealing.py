"""Envelope encryption: every secret under a data key of its own, every data key wrapped by the keyring.

The law: whoever can seal cannot open. A sealed record opens only as what it was sealed as: this secret, in this
version, for this upstream, at this exact origin. All four are authenticated twice, with the ciphertext and with the
wrapped data key, so that a record moved to another row, a row pointed at another origin and a data key taken from
another record all fail to open. The name and the time are for people and are not authenticated.

Re-wrapping after a rotation touches the wrapped data key and nothing else. `keys/unsealing.py` is the other half.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.errors import Malformed
from gatepass.keys.keyring import DATA_KEY_BYTES, Entropy, Keyring, draw

__all__ = ["LEAST_SECRET_BYTES", "MOST_SECRET_BYTES", "NONCE_BYTES", "SealedSecret", "Sealer"]

NONCE_BYTES: Final = 12
LEAST_SECRET_BYTES: Final = 8
"""A shorter secret could be guessed, and could not be told from ordinary text in an answer that echoes it."""
MOST_SECRET_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A secret as it is kept: all that the store, the management API and a backup ever see of it."""

    id: SecretId
    name: str
    """Unique; what people type: `orders-key`."""
    upstream: UpstreamId
    origin: str
    """To what alone it may be sent: `https://api.example:443`, or `stdio:` and the hash of a command line."""
    version: int
    """Grows by one whenever the value is replaced."""
    key_id: str
    """The key-encryption key that the data key is wrapped under now."""
    wrapped: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    created: Instant
    """When this version was stored."""

    def bound(self) -> bytes:
        """What the ciphertext and the wrapped key are bound to, in one unambiguous form."""
        parts = (self.id, self.upstream, self.origin, str(self.version))
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        return b"gatepass sealed/1" + b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


class Sealer:
    """Seals and re-wraps. `keyring` is asked anew each time, so that a rotation takes effect at once."""

    __slots__ = ("_entropy", "_keyring")

    def __init__(self, keyring: Callable[[], Keyring], entropy: Entropy) -> None:
        self._keyring = keyring
        self._entropy = entropy

    def seal(
        self,
        plaintext: bytes,
        *,
        id: SecretId,  # noqa: A002 - the record's own word
        name: str,
        upstream: UpstreamId,
        origin: str,
        version: int,
        at: Instant,
    ) -> SealedSecret:
        """Seal `plaintext` for one upstream at one origin, as `origin_of` names it. Raises `Malformed`."""
        if len(plaintext) < LEAST_SECRET_BYTES:
            raise Malformed("malformed_request", f"a secret has at least {LEAST_SECRET_BYTES} bytes")
        if len(plaintext) > MOST_SECRET_BYTES:
            raise Malformed("too_large", f"a secret has at most {MOST_SECRET_BYTES} bytes")
        key = self._keyring().current
        data_key = draw(self._entropy, DATA_KEY_BYTES)
        nonce = draw(self._entropy, NONCE_BYTES)
        empty = SealedSecret(
            id=id,
            name=name,
            upstream=upstream,
            origin=origin,
            version=version,
            key_id=key.id,
            wrapped=b"",
            nonce=nonce,
            ciphertext=b"",
            created=at,
        )
        bound = empty.bound()
        ciphertext = AESGCM(data_key).encrypt(nonce, plaintext, bound)
        return replace(empty, ciphertext=ciphertext, wrapped=key.wrap(data_key, bound, self._entropy))

    def current(self, sealed: SealedSecret) -> bool:
        """Whether it is wrapped under the current key, so that re-wrapping would change nothing that matters."""
        return sealed.key_id == self._keyring().current.id

    def rewrap(self, sealed: SealedSecret) -> SealedSecret:
        """The same secret with its data key under the current key. The ciphertext is not touched, nor opened.

        Raises `Unavailable` (`secret_unreadable`) when the old wrap does not open.
        """
        keyring = self._keyring()
        bound = sealed.bound()
        data_key = keyring.unwrap(sealed.key_id, sealed.wrapped, bound)
        try:
            wrapped = keyring.current.wrap(bytes(data_key), bound, self._entropy)
        finally:
            data_key[:] = bytes(len(data_key))
        return replace(sealed, key_id=keyring.current.id, wrapped=wrapped)
