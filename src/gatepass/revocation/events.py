"""What can be withdrawn, and what can be taken back.

A withdrawal is final for every credential that existed: nothing brings one back. An agent, a person or an upstream
can be reinstated, and that says only that *new* credentials of theirs may live, or that the upstream may be called.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from gatepass.access import Instant
from gatepass.authority import Credential

__all__ = ["Event", "Heard", "Reinstated", "Scope", "Withdrawn"]


class Scope(StrEnum):
    """What a withdrawal names. Everything that descends from it, or belongs to it, falls with it."""

    CREDENTIAL = "credential"
    AGENT = "agent"
    PERSON = "person"
    """Everything that they own."""
    RUN = "run"
    KEY = "key"
    """One of the issuer's signing keys, by `kid`: everything that it has signed."""
    UPSTREAM = "upstream"
    """By name. No credential falls: none is honoured there."""
    EVERYTHING = "everything"
    """Every credential that exists now."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A credential was issued."""

    credential: Credential


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`id` was withdrawn at `at`; empty for everything."""

    scope: Scope
    id: str
    at: Instant
    ends: Instant | None = None
    """When a credential ends by itself, and with it whatever hangs below it, where that is known."""


@dataclass(frozen=True, slots=True)
class Reinstated:
    """An agent, a person or an upstream may act again, from now on."""

    scope: Scope
    id: str


Event: TypeAlias = Heard | Withdrawn | Reinstated
