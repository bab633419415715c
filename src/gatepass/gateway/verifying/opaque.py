"""Step 2 for API tokens: ours, a machine's, within its life, and sent as what it is.

The law: an unknown token takes as long as one that is known, and is refused in the same words as one whose secret is
wrong. A refusal names the credential only once its whole text was shown.
"""

from typing import Final

from gatepass.access import CredentialId, Instant
from gatepass.credentials import TokenKind, UnverifiedToken, refusal
from gatepass.errors import Malformed, Unauthenticated
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.verifying.holdings import Holding
from gatepass.gateway.verifying.presented import Presented, Scheme

__all__ = ["HEARTBEAT", "Refused", "no_credential", "verify_opaque"]

HEARTBEAT: Final = 0.25
"""Seconds that a caller waits whose credential nobody has heard of yet."""
NOBODY: Final = bytes(32)
"""Compared against when the token is unknown, so that the answer takes as long."""


class Refused(Exception):
    """An API token that is known, and not honoured."""

    def __init__(self, credential: CredentialId, error: Unauthenticated) -> None:
        super().__init__(error.code)
        self.credential, self.error = credential, error


async def verify_opaque(sent: Presented, snapshot: Snapshot, at: Instant) -> Holding:
    """What an API token amounts to. Raises `Refused`, `Unauthenticated`, and `Malformed` for what is no token."""
    token = UnverifiedToken.parse(sent.text)
    record = await snapshot.heard_of(token.credential_id, HEARTBEAT)
    ours = token.matches(record.hash if record else NOBODY)
    if record is None or not ours:
        raise Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
    if record.kind is not TokenKind.MACHINE:
        error = Unauthenticated("machine_required", "a person's token was sent where a machine's is needed")
        raise Refused(record.id, error)
    if veto := refusal(record, at):
        raise Refused(record.id, Unauthenticated("credential_invalid", veto.detail))
    if sent.scheme is not Scheme.BEARER:
        error = Unauthenticated("credential_unproven", "an API token is bound to no key: send it as a bearer's")
        raise Refused(record.id, error)
    return snapshot.holdings[record.id]


def no_credential(malformed: Malformed) -> Unauthenticated:
    """What was sent is no credential. Only the form with a key in it is told what it is: it has to be replaced."""
    if malformed.code == "capability_carries_key":
        return Unauthenticated(malformed.code, malformed.message)
    return Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
