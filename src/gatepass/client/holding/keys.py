"""The key that an agent holds: made here, kept in memory or in a file that nobody else can read.

The law: the private key is written to one place, a file of this user's alone that did not exist before, and is read
from no file that others could read, or could have put there. It is never printed; what may be shown of a key is its
thumbprint and its public half.
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Conflict, Error, Malformed, Unavailable
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.signing import HolderKey

__all__ = ["HolderKey", "PublicKey", "keep_key", "keep_text", "make_key", "new_key", "read_key", "read_public_key"]

_MOST_BYTES: Final = 4096
_MINE_ALONE: Final = 0o600
_OTHERS: Final = 0o077
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_MEMBERS: Final = frozenset({"crv", "d", "kty", "x", "y"})


def new_key() -> HolderKey:
    """A new P-256 key, in memory and nowhere else: what is bound to it ends with this process at the latest."""
    return HolderKey.generate(os.urandom)


def make_key(path: Path) -> HolderKey:
    """A new key, kept at `path` (0600, a JWK). Raises `Conflict` where something is there already."""
    key = new_key()
    keep_key(key, path)
    return key


def keep_key(key: HolderKey, path: Path) -> None:
    """Keep a key at `path`, which nothing is at yet. Raises as `make_key` does."""
    jwk: dict[str, Json] = {**key.public.jwk, "d": encode(key.reveal())}
    _write(exact.write(jwk) + b"\n", path)


def keep_text(text: str, path: Path) -> None:
    """Write a secret text at `path` as keys are written (0600). Raises as `make_key` does."""
    _write(text.encode() + b"\n", path)


def _write(content: bytes, path: Path) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MINE_ALONE), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Conflict(
            "conflict",
            f"there is something at `{path}` already",
            hint="Name another file, or use the key that it holds.",
        ) from None
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}") from None


def read_key(path: Path) -> HolderKey:
    """The key at `path`. Raises `Unavailable` (`key_unusable`) for a file that is none, or that others could read."""
    jwk = _read(path)
    scalar = jwk.get("d")
    if jwk.keys() != _MEMBERS or not isinstance(scalar, str):
        raise _unusable(path, "does not hold a private key of P-256")
    try:
        key = HolderKey(decode(scalar))
    except ValueError:
        raise _unusable(path, "does not hold a private key of P-256") from None
    if {**key.public.jwk, "d": scalar} != jwk:
        raise _unusable(path, "holds a private and a public key that are not of one pair")
    return key


def read_public_key(text: str) -> PublicKey:
    """The P-256 key that `text` is, as a JWK of its public half. Raises `Malformed` (`malformed_key`)."""
    key = PublicKey.parse(exact.read(text, max_bytes=_MOST_BYTES, max_depth=4))
    if key.algorithm != "ES256":
        raise Malformed("malformed_key", "the key is malformed: holders have keys of P-256")
    return key


def _read(path: Path) -> Mapping[str, Json]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINKS), "rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        why = "is a link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise _unusable(path, why) from None
    try:
        jwk = exact.read(content, max_bytes=_MOST_BYTES, max_depth=4)
    except Error:
        jwk = None
    if not isinstance(jwk, Mapping):
        raise _unusable(path, "does not hold a key")
    return jwk


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _unusable(path, "is not a file")
    if os.name == "posix" and (found.st_mode & _OTHERS or found.st_uid != os.geteuid()):
        raise _unusable(path, "can be read or replaced by others", hint=f"Make it yours alone: chmod 600 {path}")


def _unusable(path: Path, why: str, *, hint: str | None = None) -> Unavailable:
    return Unavailable("key_unusable", f"the key at `{path}` {why}", hint=hint or "Name a key that `make_key` made.")
