"""The shared nouns: who tries what, on what, with which arguments, when.

Everybody judges the same `Access`: caveats, permissions, policy, limits and the journal. Nobody invents
a dictionary. Terms follow AuthZEN (subject, action, resource, context). Nothing here decides anything.

What is made anew on every call is a `Struct`: frozen like a dataclass, and made in a tenth of the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NewType, TypeAlias

import msgspec

__all__ = [
    "UNKNOWN",
    "Access",
    "Action",
    "ActionClass",
    "AgentId",
    "Context",
    "CredentialId",
    "Decision",
    "DecisionId",
    "Instant",
    "Json",
    "MeterKind",
    "Outcome",
    "PartialAccess",
    "PersonId",
    "Rate",
    "Reservation",
    "Resource",
    "RunId",
    "SecretId",
    "Subject",
    "Unknown",
    "UpstreamId",
    "Veto",
]

AgentId = NewType("AgentId", str)
"""`agt_…`; ids are prefixed and sort by time of creation."""
PersonId = NewType("PersonId", str)
"""`per_…`"""
CredentialId = NewType("CredentialId", str)
"""`crd_…`: public, in the journal; never the secret."""
RunId = NewType("RunId", str)
DecisionId = NewType("DecisionId", str)
UpstreamId = NewType("UpstreamId", str)
SecretId = NewType("SecretId", str)

Instant = NewType("Instant", int)
"""Whole milliseconds since the Unix epoch, UTC."""

Json: TypeAlias = "bool | str | Decimal | tuple[Json, ...] | Mapping[str, Json] | None"
"""An exact JSON value. Every number is a `Decimal` read from its text; nothing has been through a float."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` acts per `period` milliseconds."""

    count: int
    period: int


class ActionClass(StrEnum):
    """What kind of act an action is. The operator's catalogue says so, never the upstream itself."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    ADMIN = "admin"


class Action(msgspec.Struct, frozen=True):
    """`refund`, of class `write`."""

    name: str
    kind: ActionClass


class Subject(msgspec.Struct, frozen=True):
    """Who acts: the machine identity, the person it acts for, under which credential, in which run."""

    credential: CredentialId
    agent: AgentId | None = None
    person: PersonId | None = None
    run: RunId | None = None


class Resource(msgspec.Struct, frozen=True):
    """What is touched, of one type: ids (one, or a batch), or everything that a pattern names, or neither.

    An operation that names no id (`ids == ()` and `pattern is None`) touches the type as a whole.
    A permission must cover every id, or the whole pattern.
    """

    type: str
    ids: tuple[str, ...] = ()
    pattern: str | None = None

    def __post_init__(self) -> None:
        if self.ids and self.pattern is not None:
            raise ValueError("a resource names ids or a pattern, not both")


class Context(msgspec.Struct, frozen=True):
    """The circumstances of one attempt. What is not known is None, and a caveat that needs it vetoes."""

    at: Instant
    source: str | None = None
    """The caller's address, as text: IPv4 or IPv6."""
    audience: str | None = None
    proof_key: str | None = None
    """RFC 7638 thumbprint of the key that the caller proved possession of."""
    attested: frozenset[str] = frozenset()
    """The names of the evidence that was verified for the caller."""
    approved_by: frozenset[str] = frozenset()
    purpose: str | None = None
    """The purpose fixed at issuance; what a caller claims is recorded elsewhere and never matched."""
    honoured: frozenset[str] = frozenset()
    """The obligations that this verifier knows how to honour, such as `log`."""


class Access(msgspec.Struct, frozen=True):
    """`subject` tries `action` on `resource` with `properties` in `context`."""

    subject: Subject
    action: Action
    resource: Resource
    context: Context
    properties: Mapping[str, Json] = msgspec.field(default_factory=dict)
    free: frozenset[str] = frozenset()
    """Names of the properties that the catalogue declares free: a permission with limits need not limit them."""


class Unknown:
    """The type of `UNKNOWN`: a part of an attempt that nobody has stated yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class PartialAccess(msgspec.Struct, frozen=True):
    """An attempt of which some parts are not known yet, as when tools are listed.

    `properties` holds those that are known. `open_properties` names those that may still take any value
    or stay absent; UNKNOWN means that any name may still appear.
    """

    subject: Subject
    action: Action
    resource_type: str
    resource: Resource | Unknown
    context: Context
    properties: Mapping[str, Json] = msgspec.field(default_factory=dict)
    open_properties: frozenset[str] | Unknown = UNKNOWN
    free: frozenset[str] = frozenset()


class Veto(msgspec.Struct, frozen=True):
    """Why something is out of bounds: `code` is a key of `errors.CODES`, `detail` a line for people."""

    code: str
    detail: str


class MeterKind(StrEnum):
    """How a meter counts."""

    RATE = "rate"
    """A flow: `limit` acts per `period`, with a burst of `limit`; refills continuously (GCRA)."""
    QUOTA = "quota"
    """At most `limit` in each UTC-aligned window of `period`."""
    TOTAL = "total"
    """At most `limit` in the meter's whole life: calls, single use, spending."""


class Remembered:
    """Room beside a value for what rooms have worked out of it once. It is no part of what the value says."""

    __slots__ = ("counted", "written")

    counted: Any
    """By `limits`."""
    written: Any
    """By `audit`."""


@dataclass(frozen=True, slots=True)
class Reservation(Remembered):
    """A draw on one meter that has to be made before the call may go on.

    `meter` is the key of the counter. It names the credential that introduced it, so that whatever
    descends from that credential draws on the same one. `cost` and `limit` are in the same unit: acts,
    or an amount of money. `period` is in milliseconds and None for `TOTAL`.
    """

    meter: str
    kind: MeterKind
    limit: Decimal
    cost: Decimal = Decimal(1)
    period: int | None = None


class Outcome(StrEnum):
    """What a decision comes to."""

    PERMIT = "permit"
    DENY = "deny"
    STEP_UP = "step_up"


class Decision(msgspec.Struct, frozen=True):
    """One explained answer. Total, pure and replayable from its recorded inputs.

    `code` is `ok` for a permit and otherwise a key of `errors.CODES`. `because` names the grant, role,
    policy and caveat that decided, `faults` what could not be evaluated (which never helps the caller),
    `reservations` the meters that have to be drawn before the permit holds.
    """

    outcome: Outcome
    code: str
    because: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    missing_scope: str | None = None
    """For a denial: the narrowest scope that would have permitted the attempt, where one exists."""
