"""The text of an opaque token: made, shown once, and read back as something not yet verified.

    gp_sk_0HOmkqd3fB            the kind, then the public id: `crd_` and these 10 characters name the credential
          + 30 characters       the secret, 178 random bits
          + 6 characters        CRC-32 of everything before it, base62, so that a scanner rejects near misses offline

The law: whoever holds a text knows nothing that the text does not prove. `UnverifiedToken` keeps the id, the kind and a
SHA-256 of the whole text, never the text, and has no method that answers about power. Reading either succeeds or is
`malformed_token`, in the same words for every fault. Only the whole text matches; the public id alone does nothing.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn, SupportsIndex

from gatepass.access import CredentialId, Instant
from gatepass.credentials.ids import base62, new_id, random_base62
from gatepass.credentials.records import TokenKind, TokenRecord
from gatepass.errors import Malformed

__all__ = ["CAPABILITY_PATTERN", "PATTERN", "IssuedToken", "UnverifiedToken", "issue", "issue_text"]

PATTERN: Final = r"gp_(sk|pat|ses)_[0-9A-Za-z]{46}"
"""For secret scanners; `docs/tokens.md` publishes it. Confirm a find by the checksum."""
CAPABILITY_PATTERN: Final = r"gp_(cap|hand)_[A-Za-z0-9_.~-]+"
"""The same for capabilities: what begins with `gp_hand_` works for whoever finds it."""

_PUBLIC: Final = 10
_PUBLIC_RANDOM: Final = 3
_SECRET: Final = 30
_CHECKSUM: Final = 6
_ID_PREFIX: Final = "crd"
_LONGEST: Final = len("gp_ses_") + _PUBLIC + _SECRET + _CHECKSUM
_TOKEN: Final = re.compile(PATTERN, re.ASCII)
_BASE62: Final = re.compile(r"[0-9A-Za-z]*", re.ASCII)


class IssuedToken:
    """A new token, on its way to being shown once. It does not print, and it is not kept."""

    __slots__ = ("_text", "hash", "id", "kind")

    def __init__(self, kind: TokenKind, id: CredentialId, text: str) -> None:  # noqa: A002 - the record's own word
        self.kind = kind
        self.id = id
        self.hash = hashlib.sha256(text.encode()).digest()
        self._text = text

    def reveal(self) -> str:
        """The text, for the one person or agent that asked for it."""
        return self._text

    def __repr__(self) -> str:
        return f"<issued token {self.id}>"

    def __dir__(self) -> list[str]:
        return ["hash", "id", "kind", "reveal"]

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{self!r} must not be serialised or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"{self!r} must not be serialised or copied")


@dataclass(frozen=True, slots=True, eq=False)
class UnverifiedToken:
    """What somebody presented, well formed and nothing more."""

    kind: TokenKind
    credential_id: CredentialId
    _hash: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "UnverifiedToken":
        """Read a whole token. Raises `Malformed` (`malformed_token`), which never says which part is wrong."""
        found = _TOKEN.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
            raise Malformed("malformed_token", "this is not a whole token")
        public = text[-_PUBLIC - _SECRET - _CHECKSUM : -_SECRET - _CHECKSUM]
        return cls(TokenKind(found[1]), CredentialId(f"{_ID_PREFIX}_{public}"), hashlib.sha256(text.encode()).digest())

    def matches(self, stored: bytes) -> bool:
        """Whether the token that was presented hashes to `stored`. Takes as long whatever the answer."""
        return hmac.compare_digest(self._hash, stored)

    def proves(self, record: TokenRecord) -> bool:
        """Whether the whole of `record`'s token was presented: its hash, under its id, as its kind."""
        return self.matches(record.hash) and self.credential_id == record.id and self.kind is record.kind


def issue(kind: TokenKind, at: Instant, entropy: Callable[[int], bytes]) -> IssuedToken:
    """A new token. Its id says when it was made; its secret is 30 characters that nobody can guess."""
    id_ = CredentialId(new_id(_ID_PREFIX, at, entropy, characters=_PUBLIC_RANDOM))
    public = id_.removeprefix(f"{_ID_PREFIX}_")
    return IssuedToken(kind, id_, issue_text(kind, public, random_base62(_SECRET, entropy).encode()))


def issue_text(kind: TokenKind, public: str, secret: bytes) -> str:
    """The text of a token: kind, 10 characters of public id, 30 of secret, checksum. Raises `ValueError`."""
    hidden = secret.decode("ascii", "replace")
    whole = (len(public), len(hidden)) == (_PUBLIC, _SECRET)
    if not whole or not _BASE62.fullmatch(public) or not _BASE62.fullmatch(hidden):
        raise ValueError("a token is made of 10 and 30 characters of base62")
    body = f"gp_{kind.value}_{public}{hidden}"
    return body + _checksum(body)


def _checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), _CHECKSUM)
