"""The only opener of sealed secrets. Only the vault imports this module; an import contract holds it to that.

The law: a record opens exactly when nothing that it was sealed with was changed, and what comes out is a buffer
that its one owner clears. Every failure is the same refusal, which says nothing about which byte was wrong.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatepass.errors import Unavailable
from gatepass.keys.keyring import Keyring
from gatepass.keys.sealing import LEAST_SECRET_BYTES, MOST_SECRET_BYTES, NONCE_BYTES, SealedSecret

__all__ = ["unseal"]

_TAG_BYTES: Final = 16


def unseal(keyring: Keyring, sealed: SealedSecret) -> bytearray:
    """The plaintext. Raises `Unavailable` (`secret_unreadable`) for everything else, whatever the record holds."""
    size = len(sealed.ciphertext) - _TAG_BYTES
    if len(sealed.nonce) != NONCE_BYTES or not LEAST_SECRET_BYTES <= size <= MOST_SECRET_BYTES:
        raise Unavailable("secret_unreadable", "a sealed secret does not open: its record was changed or moved")
    bound = sealed.bound()
    data_key = keyring.unwrap(sealed.key_id, sealed.wrapped, bound)
    plaintext = bytearray(size)
    try:
        AESGCM(data_key).decrypt_into(sealed.nonce, sealed.ciphertext, bound, plaintext)
    except InvalidTag:
        raise Unavailable(
            "secret_unreadable", "a sealed secret does not open: its record was changed or moved"
        ) from None
    finally:
        data_key[:] = bytes(len(data_key))
    return plaintext
