"""A set of public keys (RFC 7517, section 5), in which a signature finds the one that it names.

The law: a signature is checked with the one key that its header names, never with one after another. A key that
cannot be read is left out, as the RFC says; a set that holds a secret, or two keys of one name, is refused whole.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Self

from gatepass import exact
from gatepass.errors import Malformed
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["MOST_KEYS", "KeySet"]

MOST_KEYS: Final = 100
MOST_BYTES: Final = 256 * 1024


class KeySet:
    """Public keys by the names that their issuer gave them."""

    __slots__ = ("_by_id", "_only")

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        """Take keys, each with another name. Raises `Malformed` (`malformed_key`)."""
        held = tuple(keys)
        self._by_id = {key.id: key for key in held if key.id is not None}
        self._only = held[0] if len(held) == 1 else None
        if len(held) > MOST_KEYS:
            raise Malformed("malformed_key", f"a set has at most {MOST_KEYS} keys")
        if len(self._by_id) != sum(key.id is not None for key in held):
            raise Malformed("malformed_key", "two keys of one set have the same id")

    @classmethod
    def parse(cls, text: bytes | str, *, algorithm: str | None = None) -> Self:
        """Read a JWK set. `algorithm` is what RSA keys without `alg` are for. Raises `Malformed`."""
        read = exact.read(text, max_bytes=MOST_BYTES, max_depth=8)
        keys = read.get("keys") if isinstance(read, Mapping) else None
        if not isinstance(keys, tuple) or len(keys) > MOST_KEYS:
            raise Malformed("malformed_key", f"a set of keys is an object with up to {MOST_KEYS} `keys`")
        found: list[PublicKey] = []
        for jwk in keys:
            if isinstance(jwk, Mapping) and (jwk.get("kty") == "oct" or "d" in jwk):
                raise Malformed("malformed_key", "a set of public keys holds a secret one")
            try:
                found.append(PublicKey.parse(jwk, algorithm=algorithm))
            except Malformed:
                continue
        return cls(found)

    def find(self, id: str | None) -> PublicKey | None:  # noqa: A002 - JOSE's word
        """The key of this name; without a name, the only one there is."""
        return self._only if id is None else self._by_id.get(id)

    @property
    def named(self) -> Mapping[str, PublicKey]:
        """The keys that have a name, by it."""
        return MappingProxyType(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id) + (self._only is not None and self._only.id is None)

    def __repr__(self) -> str:
        return f"<{len(self)} public keys>"
