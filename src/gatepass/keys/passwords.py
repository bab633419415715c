"""Passwords of people, as Argon2id hashes in PHC form (RFC 9106, second recommended option).

The law: a stored text is never trusted to say how much memory and time its check may take; a name that nobody has
costs as much as a wrong password; no text that is typed or stored makes `verify` raise. Passwords are compared in
Unicode normal form C (RFC 8265), because two keyboards spell one letter differently.

A check takes some tens of milliseconds of processor time on purpose: callers run it off the event loop.
"""

import re
import unicodedata
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gatepass.errors import Malformed
from gatepass.keys.keyring import Entropy, draw

__all__ = ["LEAST_PASSWORD_CHARACTERS", "MOST_PASSWORD_BYTES", "hash_password", "needs_rehash", "verify_password"]

LEAST_PASSWORD_CHARACTERS: Final = 12
MOST_PASSWORD_BYTES: Final = 1024

_MEMORY_KIB: Final = 64 * 1024
_ITERATIONS: Final = 3
_LANES: Final = 4
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32

_MOST_MEMORY_KIB: Final = 256 * 1024
_MOST_ITERATIONS: Final = 10
_MOST_LANES: Final = 8
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9])\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}",
    re.ASCII,
)

_NOBODY: Final = (
    f"$argon2id$v=19$m={_MEMORY_KIB},t={_ITERATIONS},p={_LANES}$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash that no password is known for; what is checked when there is nobody of that name."""


def hash_password(password: str, entropy: Entropy) -> str:
    """The PHC text to store. Raises `Malformed` for fewer than 12 characters and for more than 1024 bytes."""
    encoded = _encode(password)
    if encoded is None:
        raise Malformed("malformed_request", f"a password has at most {MOST_PASSWORD_BYTES} bytes of valid text")
    if len(unicodedata.normalize("NFC", password)) < LEAST_PASSWORD_CHARACTERS:
        raise Malformed("malformed_request", f"a password has at least {LEAST_PASSWORD_CHARACTERS} characters")
    salt = draw(entropy, _SALT_BYTES)
    made = Argon2id(
        salt=salt, length=_HASH_BYTES, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB
    ).derive_phc_encoded(encoded)
    return str(made)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that `stored` was made of. None, for a name that nobody has, takes as long."""
    encoded = _encode(password)
    costs = None if stored is None else _costs(stored)
    checkable = stored is not None and costs is not None and encoded is not None
    phc = stored if checkable and stored is not None else _NOBODY
    try:
        Argon2id.verify_phc_encoded(encoded or b"", phc)
    except (InvalidKey, ValueError):
        return False
    return checkable


def needs_rehash(stored: str) -> bool:
    """Whether `stored` was made with other costs than today's, so that the next right password replaces it."""
    return _costs(stored) != (_MEMORY_KIB, _ITERATIONS, _LANES)


def _encode(password: str) -> bytes | None:
    if len(password) > MOST_PASSWORD_BYTES:
        return None
    try:
        encoded = unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None
    return encoded if len(encoded) <= MOST_PASSWORD_BYTES else None


def _costs(stored: str) -> tuple[int, int, int] | None:
    """Memory in KiB, iterations and lanes, or None for what is no such text or would cost more than we allow."""
    found = _PHC.fullmatch(stored)
    if found is None:
        return None
    memory, iterations, lanes = (int(text) for text in found.groups())
    bounded = 8 * lanes <= memory <= _MOST_MEMORY_KIB and iterations <= _MOST_ITERATIONS and lanes <= _MOST_LANES
    return (memory, iterations, lanes) if bounded else None
