"""The shapes of what is seen of the deployment: its state, its catalogue, its use, and its journal."""

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

from msgspec import field

from gatepass.access import ActionClass
from gatepass.administration.overview import Kind, Severity, SubjectType
from gatepass.web.management.answers.shapes.things import Moment, Person, Shape, Token, TokenKind

__all__ = [
    "ActionShown",
    "Activity",
    "BlastRadius",
    "CatalogueType",
    "Concern",
    "Count",
    "Credential",
    "Custody",
    "Decided",
    "Explained",
    "Head",
    "JournalEntry",
    "KeptHead",
    "Level",
    "PropertyShown",
    "Reachable",
    "Received",
    "Report",
    "ReportedFault",
    "Revoked",
    "RevokedToken",
    "Rewrapped",
    "Setting",
    "SettingOrigin",
    "Shut",
    "Status",
    "Story",
    "Subject",
]

SettingOrigin = Literal["default", "file", "environment", "option"]


class Custody(Shape):
    """Whether the user who runs agents is kept out, and why or why not."""

    protected: bool
    says: str


class Credential(Shape):
    """What the one who asks presented."""

    id: str
    kind: TokenKind
    classes: list[ActionClass]
    expires_at: Moment
    fresh_until: Moment | None


class Head(Shape):
    """Where the journal's chain stands."""

    writer: str
    seq: int
    hash: str


class KeptHead(Head):
    """The same, with the text that is to be kept outside."""

    at: Moment
    text: str


class Status(Shape):
    """The deployment, and who asks."""

    version: str
    listening: tuple[str, ...]
    custody: Custody
    person: Person
    credential: Credential
    may: tuple[str, ...]
    """What whoever asks may do to whatever it is about; what owners may do to their own comes on top."""
    journal: Head | None
    counts: dict[str, int]
    faults: tuple[str, ...]


class Reachable(Shape):
    """Something that a token opens."""

    upstream: str
    path: str
    scope: str
    class_: ActionClass = field(name="class")
    asks_person: bool


class Shut(Shape):
    """Something that a token names and that is refused all the same."""

    scope: str
    because: str


class Level(Shape):
    """How full a meter is."""

    name: str
    limit: Decimal
    period_seconds: int | None
    remaining: Decimal
    full_in_seconds: int | None


class BlastRadius(Shape):
    """Everything that a token can reach, how much, and until when."""

    token: Token
    alive: bool
    dead_because: str | None
    until: Moment
    reach: list[Reachable]
    shut: list[Shut]
    untouched: tuple[str, ...]
    never: tuple[str, ...]
    limits: list[Level]


class RevokedToken(Shape):
    """A token that was just revoked."""

    id: str
    name: str


class Revoked(Shape):
    """What was revoked just now; empty where everything had been before."""

    revoked: list[RevokedToken]


class Received(Shape):
    """The same answer whether or not there was such a token."""

    received: Literal[True]


class Rewrapped(Shape):
    """How many data keys were not under the current key."""

    rewrapped: int


class Explained(Shape):
    """The gateway's own decision, step by step; `docs/tokens.md` explains its members."""

    explanation: dict[str, Any]


class PropertyShown(Shape):
    """A property of an action, on which limits can be put."""

    name: str
    type: str
    free: bool
    non_negative: bool


class ActionShown(Shape):
    """An action, and the scope that permits it."""

    name: str
    class_: ActionClass = field(name="class")
    scope: str
    properties: list[PropertyShown]


class CatalogueType(Shape):
    """A type that an upstream's file declares, with what its scopes are made of."""

    upstream: str
    type: str
    minimum: int
    actions: list[ActionShown]
    shorthands: dict[str, list[str]]


class Count(Shape):
    """How many calls were permitted and refused, from `at` on for one step."""

    at: Moment
    permitted: int
    refused: int


class Activity(Shape):
    """Counts over time, every step of the span."""

    items: list[Count]
    next: None
    since: Moment
    until: Moment
    step_seconds: int
    whole_since: Moment | None


class Subject(Shape):
    """What a finding is about."""

    type: SubjectType
    id: str | None
    name: str


class Concern(Shape):
    """Something that somebody should look at."""

    kind: Kind
    severity: Severity
    subject: Subject
    says: str
    hint: str


class Setting(Shape):
    """A setting in force, as somebody would write it, and where it was said."""

    name: str
    value: str | None
    default: str | None
    says: str
    origin: SettingOrigin
    where: str | None


class JournalEntry(TypedDict):
    """One entry. Empty members are left out; `docs/journal.md` explains each, and there may be more."""

    seq: int
    at: Moment | None
    event: NotRequired[str]
    decision: NotRequired[str]
    outcome: NotRequired[str]
    code: NotRequired[str]
    credential: NotRequired[str]
    agent: NotRequired[str]
    run: NotRequired[str]
    subject: NotRequired[str]
    actor: NotRequired[str]
    source: NotRequired[str]
    details: NotRequired[dict[str, str]]


class Decided(Shape):
    """One decision with what came of it."""

    decision: str
    decided: JournalEntry | None
    finished: JournalEntry | None


class Story(Shape):
    """A run or a credential: what was done to it, and what was done under it."""

    credentials: tuple[str, ...]
    changes: list[JournalEntry]
    calls: list[Decided]
    whole: bool


class ReportedFault(Shape):
    """Something wrong with the chain, from entry `first` to `last`."""

    kind: str
    first: int
    last: int
    says: str


class Report(Shape):
    """What checking the whole chain came to."""

    entries: int
    intact: bool
    faults: list[ReportedFault]
    unnamed: int
    head: Head | None
