"""Signing an access token.

The law: nothing is signed that would not be read, or that would come out as another credential than went in. Lives are
cut to whole seconds, and a token lives 15 minutes at most.
"""

from dataclasses import replace
from typing import Final

from gatepass.access import Instant
from gatepass.credentials.access_tokens.claims import LONGEST, AccessToken
from gatepass.credentials.access_tokens.verifying import MOST_BYTES, TYPE
from gatepass.errors import Denied, Malformed
from gatepass.keys.jose.fixed import header_segment
from gatepass.keys.jose.signing import Signs, sign

__all__ = ["Minter"]

_SECOND: Final = 1000


class Minter:
    """Signs tokens with one of the issuer's keys."""

    __slots__ = ("_header", "_key")

    def __init__(self, key: Signs, key_id: str) -> None:
        self._key = key
        self._header = header_segment(TYPE, key_id)

    def mint(self, token: AccessToken) -> str:
        """The token's text. Raises `Denied` (`too_long`), `Malformed`."""
        held = token.credential
        if held.expires - held.issued > LONGEST:
            raise Denied("too_long", f"an access token lives for at most {LONGEST // 60_000} minutes")
        cut = replace(held, issued=_cut(held.issued), expires=_cut(held.expires))
        text = sign(self._header, replace(token, credential=cut).write(), self._key)
        if len(text) > MOST_BYTES:
            raise Malformed("too_large", f"an access token has at most {MOST_BYTES} characters")
        return text


def _cut(at: Instant) -> Instant:
    return Instant(at // _SECOND * _SECOND)
