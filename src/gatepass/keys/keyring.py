"""The key-encryption keys: one current, which wraps, and retired ones, which only still unwrap.

The law: a data key that was wrapped for one place (`context`) under one key opens for that place under that key and
nowhere else. A key's id is a hash of the key, so a mistyped key file is found before anything is opened with it.
Rotation makes a new current key and keeps the old ones; nothing has to stop. A keyring never changes: rotation
returns another one.

The key file (an environment variable may hold the same text, in one line with `;` for the ends of lines):

    gatepass-keyring/1
    current kek_0123456789abcdef 1763820000000 <43 characters of base64url>
    retired kek_fedcba9876543210 1761228000000 <43 characters of base64url>

The number is the instant at which the key was made, in milliseconds. Lines that begin with `#` are comments.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gatepass.access import Instant
from gatepass.errors import Conflict, Malformed, Unavailable
from gatepass.keys.guarded import Guarded

__all__ = ["DATA_KEY_BYTES", "WRAPPED_KEY_BYTES", "Entropy", "KeyEncryptionKey", "Keyring", "LiveKeyring", "draw"]

Entropy = Callable[[int], bytes]
"""Given n, n bytes that nobody can guess. `os.urandom` in production; an argument everywhere."""

DATA_KEY_BYTES: Final = 32
WRAPPED_KEY_BYTES: Final = 12 + DATA_KEY_BYTES + 16
"""Nonce, encrypted data key, tag."""

_HEADER: Final = "gatepass-keyring/1"
_NONCE_BYTES: Final = 12
_MOST_KEYS: Final = 64
_LONGEST_TEXT: Final = 64 * 1024
_LINE: Final = re.compile(r"(current|retired) (kek_[0-9a-f]{16}) (0|[1-9][0-9]{0,15}) ([A-Za-z0-9_-]{43})", re.ASCII)


def draw(entropy: Entropy, size: int) -> bytes:
    """`size` bytes from `entropy`, which must not give fewer: a short key is a guessable key."""
    drawn = entropy(size)
    if len(drawn) != size:
        raise ValueError("the source of randomness gave another number of bytes than was asked for")
    return drawn


class KeyEncryptionKey(Guarded):
    """One key that wraps data keys. Other keys that are needed are derived from it, each for one purpose."""

    __slots__ = ("_cipher", "_material", "created", "id")

    def __init__(self, material: bytes, created: Instant) -> None:
        """Take 32 random bytes. What is not 32 bytes is a programming fault and raises `ValueError`."""
        if len(material) != DATA_KEY_BYTES:
            raise ValueError("a key-encryption key is 32 bytes")
        self._material = material
        self.created = created
        self.id = "kek_" + hashlib.sha256(b"gatepass key id/1\0" + material).hexdigest()[:16]
        self._cipher = AESGCM(self._expand(b"gatepass wrap/1"))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose: knowing them tells nothing about this key, its wraps or any other purpose."""
        return self._expand(b"gatepass derived/1 " + purpose.encode())

    def wrap(self, data_key: bytes, context: bytes, entropy: Entropy) -> bytes:
        """Encrypt a data key for one place. The nonce is random, which is sound for 2**32 wraps under one key."""
        nonce = draw(entropy, _NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, self._bound(context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytearray:
        """The data key, in a buffer that the caller clears. Raises `Unavailable` when anything was changed."""
        if len(wrapped) != WRAPPED_KEY_BYTES:
            raise _unreadable()
        data_key = bytearray(DATA_KEY_BYTES)
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            self._cipher.decrypt_into(nonce, sealed, self._bound(context), data_key)
        except InvalidTag:
            raise _unreadable() from None
        return data_key

    def line(self, state: str) -> str:
        """This key's line in the key file. The only way in which the key leaves this object."""
        return f"{state} {self.id} {self.created} {_to_base64(self._material)}"

    def _expand(self, info: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._material)

    def _bound(self, context: bytes) -> bytes:
        return b"gatepass wrap/1\0" + self.id.encode() + b"\0" + context

    def __repr__(self) -> str:
        return f"<key-encryption key {self.id}>"


class Keyring(Guarded):
    """The keys of one deployment. `wrap` uses the current one; `unwrap` finds the one that is named."""

    __slots__ = ("_by_id", "current", "retired")

    def __init__(self, current: KeyEncryptionKey, retired: Sequence[KeyEncryptionKey] = ()) -> None:
        self.current = current
        self.retired = tuple(retired)
        self._by_id = {key.id: key for key in (current, *self.retired)}
        if len(self._by_id) != 1 + len(self.retired):
            raise ValueError("a keyring holds each key once")
        if len(self._by_id) > _MOST_KEYS:
            raise ValueError(f"a keyring holds at most {_MOST_KEYS} keys")

    @classmethod
    def create(cls, at: Instant, entropy: Entropy) -> Self:
        """A first keyring, of one new key."""
        return cls(KeyEncryptionKey(draw(entropy, DATA_KEY_BYTES), at))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key file. Raises `Malformed` (`malformed_config`) that names the line and repeats none of it."""
        if len(text) > _LONGEST_TEXT:
            raise Malformed("malformed_config", "key file: longer than any key file is")
        text = text.strip().replace("\r\n", "\n")
        header, *lines = text.split("\n") if "\n" in text else text.split(";")
        if header.strip() != _HEADER:
            raise Malformed("malformed_config", f"key file line 1: expected `{_HEADER}`")
        keys: dict[str, list[KeyEncryptionKey]] = {"current": [], "retired": []}
        for number, line in enumerate(lines, start=2):
            if line.strip() and not line.lstrip().startswith("#"):
                state, key = _read_line(line.strip(), number)
                keys[state].append(key)
        if len(keys["current"]) != 1:
            raise Malformed("malformed_config", f"key file: expected one current key, found {len(keys['current'])}")
        try:
            return cls(keys["current"][0], keys["retired"])
        except ValueError as error:
            raise Malformed("malformed_config", f"key file: {error}") from None

    def write(self) -> str:
        """The text that `parse` reads back. It is the deployment's most valuable secret."""
        lines = [_HEADER, self.current.line("current"), *(key.line("retired") for key in self.retired)]
        return "\n".join(lines) + "\n"

    def rotate(self, at: Instant, entropy: Entropy) -> "Keyring":
        """The same keys under a new current one. Write it down before anything is wrapped with it."""
        if len(self._by_id) == _MOST_KEYS:
            raise Conflict("conflict", f"the key file already holds {_MOST_KEYS} keys; re-wrap and drop retired ones")
        return Keyring(KeyEncryptionKey(draw(entropy, DATA_KEY_BYTES), at), (self.current, *self.retired))

    def without(self, key_id: str) -> "Keyring":
        """The keyring without one retired key. What is still wrapped under it can never be opened again."""
        if key_id not in {key.id for key in self.retired}:
            raise Conflict("conflict", f"`{key_id}` is not a retired key of this key file")
        return Keyring(self.current, [key for key in self.retired if key.id != key_id])

    def find(self, key_id: str) -> KeyEncryptionKey | None:
        """The key of that id, current or retired."""
        return self._by_id.get(key_id)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytearray:
        """The data key that was wrapped under `key_id` for `context`. Raises `Unavailable` (`secret_unreadable`)."""
        key = self.find(key_id)
        if key is None:
            raise Unavailable("secret_unreadable", "the key that a secret was sealed under is not in the key file")
        return key.unwrap(wrapped, context)

    def __repr__(self) -> str:
        return f"<keyring {self.current.id} and {len(self.retired)} retired>"


class LiveKeyring(Guarded):
    """The keyring of the moment, for whatever seals, opens and digests: called, it gives it.

    A change is saved before it is used, so that nothing is ever wrapped under a key that is not written down; when
    saving raises, nothing has changed. `save` is durable when it returns.
    """

    __slots__ = ("_keyring", "_save")

    def __init__(self, keyring: Keyring, save: Callable[[Keyring], None]) -> None:
        self._keyring = keyring
        self._save = save

    def __call__(self) -> Keyring:
        """The keyring now. Ask again at each use."""
        return self._keyring

    def rotate(self, at: Instant, entropy: Entropy) -> str:
        """Make a new current key, at once and for everybody, and return its id. Re-wrapping may follow at leisure."""
        self._adopt(self._keyring.rotate(at, entropy))
        return self._keyring.current.id

    def drop(self, key_id: str) -> None:
        """Forget a retired key. The caller has made sure that nothing is wrapped under it any more."""
        self._adopt(self._keyring.without(key_id))

    def _adopt(self, keyring: Keyring) -> None:
        self._save(keyring)
        self._keyring = keyring

    def __repr__(self) -> str:
        return f"<live {self._keyring!r}>"


def _read_line(line: str, number: int) -> tuple[str, KeyEncryptionKey]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Malformed("malformed_config", f"key file line {number}: expected a state, a key id, an instant and a key")
    material = _from_base64(found[4])
    key = None if material is None else KeyEncryptionKey(material, Instant(int(found[3])))
    if key is None or key.id != found[2]:
        raise Malformed("malformed_config", f"key file line {number}: the key does not match its id")
    return found[1], key


def _to_base64(material: bytes) -> str:
    return base64.urlsafe_b64encode(material).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes | None:
    """32 bytes of base64url in its one spelling: trailing bits that decoders ignore make it another."""
    try:
        material = base64.urlsafe_b64decode(text + "=")
    except binascii.Error:
        return None
    return material if _to_base64(material) == text else None


def _unreadable() -> Unavailable:
    return Unavailable("secret_unreadable", "a sealed secret does not open: its record was changed or moved")
