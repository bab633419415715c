"""Signed texts of our own kinds, whose header is known to the byte before they come.

The law: a text of ours has exactly the header that we write, so nothing in it is parsed, chosen or negotiated: the
first segment is looked up, and what it is not it cannot say. The algorithm is ES256, and of the two signatures that
anybody can make of one, only that with the smaller s counts: whoever has a text can make no second one that verifies.
"""

from collections.abc import Mapping
from typing import Final

from gatepass import exact
from gatepass.errors import Malformed
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.jws import split

__all__ = ["SIGNATURE_CHARACTERS", "FixedJws", "header_segment"]

SIGNATURE_CHARACTERS: Final = 86


def header_segment(type: str, key_id: str | None = None) -> str:  # noqa: A002 - JOSE's word
    """The first segment of our texts of this `typ`, under the key of this `kid` where one is named."""
    named: Mapping[str, str] = {} if key_id is None else {"kid": key_id}
    return encode(exact.write({"alg": "ES256", **named, "typ": type}))


class FixedJws:
    """One text, taken apart and not yet verified."""

    __slots__ = ("_payload", "_signature", "_signed", "header")

    def __init__(self, text: str, most_bytes: int) -> None:
        """Take a text apart. Raises `Malformed` (`malformed_jws`)."""
        header, payload, signature = split(text, most_bytes)
        try:
            self._payload = decode(payload)
            self._signature = decode(signature)
            self._signed = f"{header}.{payload}".encode("ascii")
        except ValueError:
            raise Malformed("malformed_jws", "a segment is not base64url in its one spelling") from None
        self.header = header
        """The first segment as it came, to be looked up."""

    def verified_by(self, key: PublicKey) -> bytes | None:
        """The payload, if `key` signed it with ES256 and a small s; else None."""
        return self._payload if key.verifies(self._signature, self._signed, low_s=True) else None

    @property
    def unverified_payload(self) -> bytes:
        """The payload as it came, for whoever holds the text and takes its own word for it."""
        return self._payload

    def __repr__(self) -> str:
        return "<signed text, not verified>"
