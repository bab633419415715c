"""What can be wrong with a capability: one word each, and the link that it is wrong with.

The law: a refusal names the first link that is at fault, by number and, once its signature has been checked, by id, so
that whoever passed the chain on knows whose part it is. The words are the outcome classes of the published vectors:
added to, never renamed.
"""

from enum import StrEnum

from gatepass.access import CredentialId
from gatepass.errors import Unauthenticated

__all__ = ["Fault", "refused"]


class Fault(StrEnum):
    """Why a chain is refused. The issuer's link has the number 0."""

    MALFORMED = "malformed"
    """The text, or a link that was signed, is not of the format, or not in its one spelling."""
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    CARRIES_KEY = "carries_key"
    """It is the form for handing on, with a private key in it."""
    UNKNOWN_KEY = "unknown_key"
    """The issuer's link names no key of the issuer."""
    BAD_SIGNATURE = "bad_signature"
    """It was not signed by the key that the link before it names."""
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    BROKEN_CHAIN = "broken_chain"
    """It was signed for another parent."""
    WRONG_ID = "wrong_id"
    """Its id does not follow from its parent and its nonce."""
    UNREADABLE = "unreadable"
    """It has a grant that cannot be read."""
    WIDENED = "widened"
    FOREIGN_METER = "foreign_meter"
    """It introduces a meter in another credential's name."""
    OUTLIVES = "outlives"
    """Its life is not inside its parent's."""
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNPROVEN = "unproven"
    """It is not sealed, and no proof by its last key came with it."""


def refused(fault: Fault, link: int, why: str, id: CredentialId | None = None) -> Unauthenticated:  # noqa: A002 - the noun
    """The refusal of a chain because of one of its links."""
    details = {"fault": str(fault), "link": str(link)}
    if id is not None:
        details["link_id"] = id
    return Unauthenticated("capability_invalid", f"link {link} of the capability: {why}", details=details)
