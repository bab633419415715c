"""One journal entry: who did what under which credential, what was decided, and what came of it.

A denial has the same shape as a permit. No entry holds a secret, a token, or the arguments of a call:
arguments appear as a keyed digest, and only the properties that a limit or policy looked at as values.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec

from gatepass.access import (
    AgentId,
    CredentialId,
    DecisionId,
    Instant,
    Json,
    Outcome,
    PersonId,
    Reservation,
    RunId,
)

__all__ = ["CLOSED", "DECIDED", "FINISHED", "ISSUED", "OPENED", "RECOVERED", "Entry"]

DECIDED: Final = "call.decided"
"""The event of a decision. A permit's reservations are drawn, in the store too, in the transaction of this entry."""
FINISHED: Final = "call.finished"
"""The event of an outcome. The reservations that it names are given back."""

ISSUED: Final = "credential.issued"
"""The event of an issuance. `credential` is what was issued, and `subject` what it was exchanged from, if anything."""

OPENED: Final = "journal.opened"
"""The event of each writer's first entry, which names the head that it follows on."""
CLOSED: Final = "journal.closed"
"""The event of a writer's last entry when it ended in order. A writer that was killed has none."""
RECOVERED: Final = "journal.recovered"
"""The event by which a writer says since when it could not write, and how many it refused."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one line of the journal says, its members in the order in which they are written. Empty ones are left out.

    `event` is dotted and stable: `call.decided`, `call.finished`, `token.issued`, `token.revoked`,
    `token.rotated`, `agent.created`, `role.changed`, `upstream.created`, `secret.stored`,
    `credential.refused` (the bounded summary of failed verifications), …
    """

    action: str | None = None
    """`orders:refund`"""
    action_class: str | None = None
    actor: str | None = None
    """For administrative changes: who made it (`per_…`, or `system`)."""
    agent: AgentId | None = None
    at: Instant
    because: tuple[str, ...] = ()
    bytes_out: int | None = None
    code: str | None = None
    correlation: str | None = None
    """The caller's trace id."""
    credential: CredentialId | None = None
    decision: DecisionId | None = None
    """Joins a call's intent with its outcome, and both with the answer's `Gatepass-Decision`."""
    details: Mapping[str, str] = {}
    digest: str | None = None
    """Keyed digest (HMAC-SHA-256) of the canonical arguments."""
    event: str
    faults: tuple[str, ...] = ()
    outcome: Outcome | None = None
    owner: PersonId | None = None
    person: PersonId | None = None
    properties: Mapping[str, Json] = {}
    purpose: str | None = None
    reservations: tuple[Reservation, ...] = ()
    """On an intent: what was drawn. On an outcome: what was given back (`released`), if anything."""
    resource: str | None = None
    role: str | None = None
    run: RunId | None = None
    source: str | None = None
    status: int | None = None
    """The upstream's answer."""
    subject: str | None = None
    """For administrative changes: the id of what was changed."""
    surface: str | None = None
    upstream: str | None = None

    def amended(self, **members: Any) -> Self:  # noqa: ANN401  any of the members above
        """The same entry with other `members`."""
        return msgspec.structs.replace(self, **members)
