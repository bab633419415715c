"""The shapes of the things that are managed, as they are shown. Members are only ever added; absent is null."""

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

from gatepass.access import ActionClass
from gatepass.registry import InjectionKind, OperatorRole, UpstreamKind

__all__ = [
    "Agent",
    "Injection",
    "Invitation",
    "IssuedToken",
    "Item",
    "ManagedBy",
    "Moment",
    "Page",
    "Person",
    "PersonInvited",
    "Rate",
    "Role",
    "Secret",
    "Session",
    "Shape",
    "StartingLimits",
    "Token",
    "TokenKind",
    "TokenLimits",
    "Upstream",
    "UpstreamRow",
]

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
TokenKind = Literal["machine", "person", "session"]
ManagedBy = Annotated[Literal["files"] | None, Meta(description="`files` where `gatepass apply` manages it.")]


Item = TypeVar("Item")


class Shape(Struct, kw_only=True):
    """What is shown of one thing."""


class Page(Shape, Generic[Item]):
    """A part of a list. `next` is the cursor of the part that follows; null when this is the last."""

    items: list[Item]
    next: str | None


class Rate(Shape):
    """`count` acts in each `period_seconds`."""

    count: int
    period_seconds: int


class TokenLimits(Shape):
    """A token's own limits; null where there is none."""

    attempts: Rate
    calls: Rate
    writes_per_minute: int | None
    requests_per_day: int | None
    classes: list[ActionClass]


class StartingLimits(Shape):
    """What an agent's new tokens start with; null where the deployment's default holds."""

    attempts: Rate | None
    calls: Rate | None
    writes_per_minute: int | None
    requests_per_day: int | None
    classes: list[ActionClass] | None


class Person(Shape):
    """A person."""

    id: str
    name: str
    operator: OperatorRole | None
    has_password: bool
    created_at: Moment
    disabled_at: Moment | None


class Invitation(Shape):
    """A one-time code by which somebody signs in."""

    code: str
    code_expires_at: Moment


class PersonInvited(Person):
    """A new person, and the code by which they sign in first."""

    code: str
    code_expires_at: Moment


class Agent(Shape):
    """An agent."""

    id: str
    name: str
    role: str
    owner: str
    owner_id: str
    limits: StartingLimits
    managed_by: ManagedBy
    created_at: Moment
    disabled_at: Moment | None


class Role(Shape):
    """A role, with those of its scopes that come to nothing (`faults`)."""

    name: str
    scopes: tuple[str, ...]
    asks_person: tuple[str, ...]
    max_lifetime_seconds: int | None
    default_scopes: tuple[str, ...]
    longest_token_seconds: int | None
    bearer_until: Moment | None
    bearer_because: str | None
    managed_by: ManagedBy
    created_at: Moment
    faults: tuple[str, ...]


class Injection(Shape):
    """Where a secret goes."""

    kind: InjectionKind
    name: str
    prefix: str


class UpstreamRow(Shape):
    """An upstream, without the text of its operations file."""

    id: str
    name: str
    kind: UpstreamKind
    target: str
    injection: Injection | None
    secret: str | None
    secret_missing: bool
    allow_private: bool
    managed_by: ManagedBy
    created_at: Moment
    disabled_at: Moment | None
    fault: str | None


class Upstream(UpstreamRow):
    """An upstream."""

    operations: str


class Secret(Shape):
    """A secret's name and where it goes: all that anybody ever sees of it."""

    id: str
    name: str
    upstream: str | None
    upstream_id: str
    origin: str
    version: int
    key_id: str
    usable: bool
    created_at: Moment


class Token(Shape):
    """A token without its secret, which nobody has any more."""

    id: str
    kind: TokenKind
    name: str
    agent: str | None
    agent_id: str | None
    role: str | None
    owner: str
    owner_id: str
    scopes: list[str]
    limits: TokenLimits
    purpose: str | None
    run: str | None
    alive: bool
    dead_because: str | None
    issued_at: Moment
    issuer: str
    expires_at: Moment
    renewable_until: Moment | None
    revoked_at: Moment | None
    revoked_because: str | None
    replaces: str | None
    replaced_by: str | None
    retires_at: Moment | None
    last_used_at: Moment | None


class IssuedToken(Token):
    """A token with its text: the one answer that ever holds it."""

    token: str


class Session(Shape):
    """A session, for the one who signed in."""

    token: str
    id: str
    person: str
    person_id: str
    expires_at: Moment
    fresh_until: Moment
