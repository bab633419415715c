"""What a caller shows, taken apart and not believed: one credential, in one place, under one scheme.

The law: there is one `Authorization` header, its scheme is `Bearer` or `DPoP` in any case (RFC 9110, section 11.1), and
what follows is one text without spaces. Of which shape it is, its first characters say; nothing else is looked at here.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gatepass.credentials.capability import HANDOVER_PREFIX, PREFIX
from gatepass.errors import Malformed, Unauthenticated
from gatepass.gateway.requests import Headers

__all__ = ["Presented", "Scheme", "Shape", "presented"]

MOST_BYTES: Final = 20 * 1024
"""The longest credential of any shape is a capability of 16 KiB; who sends more has none."""


class Scheme(StrEnum):
    """How a credential was sent."""

    BEARER = "bearer"
    DPOP = "dpop"


class Shape(StrEnum):
    """Which verifier it is for."""

    OPAQUE = "opaque"
    SIGNED = "signed"
    CAPABILITY = "capability"


@dataclass(frozen=True, slots=True)
class Presented:
    """What was sent, well formed and nothing more."""

    scheme: Scheme
    text: str = field(repr=False)

    @property
    def shape(self) -> Shape:
        """By its first characters."""
        if self.text.startswith((PREFIX, HANDOVER_PREFIX)):
            return Shape.CAPABILITY
        return Shape.OPAQUE if self.text.startswith("gp_") or "." not in self.text else Shape.SIGNED


def presented(headers: Headers) -> Presented:
    """The one credential of a request. Raises `Unauthenticated` for none, `Malformed` for what is not one."""
    sent = [value for name, value in headers if name == b"authorization"]
    if not sent:
        raise Unauthenticated("credential_missing", "no credential was sent")
    scheme, _, text = sent[0].partition(b" ")
    known = _SCHEMES.get(scheme.lower())
    if len(sent) > 1 or known is None or len(text) > MOST_BYTES:
        raise Malformed("malformed_token", "the credential was not sent as one bearer or DPoP token")
    return Presented(known, text.decode("ascii", "replace").strip())


_SCHEMES: Final = {b"bearer": Scheme.BEARER, b"dpop": Scheme.DPOP}
