"""A token record to start from; each test changes what it is about."""

from typing import Any

from gatepass.access import AgentId, CredentialId, Instant, PersonId
from gatepass.authority import Authority, Permission
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord

ISSUED = Instant(1_763_820_000_000)
HOUR = 3_600_000
DAY = 24 * HOUR


def token_record(**changes: Any) -> TokenRecord:
    """A machine's token of a day, for reading reports."""
    members: dict[str, Any] = {
        "id": CredentialId("crd_0000000001"),
        "kind": TokenKind.MACHINE,
        "name": "support-bot",
        "hash": bytes(range(32)),
        "owner": PersonId("per_ada"),
        "agent": AgentId("agt_support"),
        "authority": Authority.of(Permission.parse("reports:list:acme/*")),
        "limits": TokenLimits(attempts=Rate(600, 60_000), calls=Rate(300, 60_000)),
        "issued": ISSUED,
        "expires": Instant(ISSUED + DAY),
        "issuer": "per_ada",
        "meters": CredentialId("crd_0000000001"),
    }
    return TokenRecord(**{**members, **changes})
