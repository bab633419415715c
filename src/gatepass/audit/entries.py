"""One journal entry: who did what under which credential, what was decided, and what came of it.

A denial has the same shape as a permit. No entry holds a secret, a token, or the arguments of a call:
arguments appear as a keyed digest, and only the properties that a limit or policy looked at as values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

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

__all__ = ["CLOSED", "DECIDED", "FINISHED", "OPENED", "RECOVERED", "Entry"]

DECIDED: Final = "call.decided"
"""The event of a decision. A permit's reservations are drawn, in the store too, in the transaction of this entry."""
FINISHED: Final = "call.finished"
"""The event of an outcome. The reservations that it names are given back."""

OPENED: Final = "journal.opened"
"""The event of each writer's first entry, which names the head that it follows on."""
CLOSED: Final = "journal.closed"
"""The event of a writer's last entry when it ended in order. A writer that was killed has none."""
RECOVERED: Final = "journal.recovered"
"""The event by which a writer says since when it could not write, and how many it refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line of the journal says. Empty members are left out when it is written.

    `event` is dotted and stable: `call.decided`, `call.finished`, `token.issued`, `token.revoked`,
    `token.rotated`, `agent.created`, `role.changed`, `upstream.created`, `secret.stored`,
    `credential.refused` (the bounded summary of failed verifications), …
    """

    at: Instant
    event: str
    decision: DecisionId | None = None
    """Joins a call's intent with its outcome, and both with the answer's `Gatepass-Decision`."""
    outcome: Outcome | None = None
    code: str | None = None
    because: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    credential: CredentialId | None = None
    owner: PersonId | None = None
    agent: AgentId | None = None
    person: PersonId | None = None
    run: RunId | None = None
    role: str | None = None
    upstream: str | None = None
    surface: str | None = None
    action: str | None = None
    """`orders:refund`"""
    action_class: str | None = None
    resource: str | None = None
    properties: Mapping[str, Json] = field(default_factory=dict)
    digest: str | None = None
    """Keyed digest (HMAC-SHA-256) of the canonical arguments."""
    correlation: str | None = None
    """The caller's trace id."""
    purpose: str | None = None
    source: str | None = None
    reservations: tuple[Reservation, ...] = ()
    """On an intent: what was drawn. On an outcome: what was given back (`released`), if anything."""
    status: int | None = None
    """The upstream's answer."""
    bytes_out: int | None = None
    actor: str | None = None
    """For administrative changes: who made it (`per_…`, or `system`)."""
    subject: str | None = None
    """For administrative changes: the id of what was changed."""
    details: Mapping[str, str] = field(default_factory=dict)
