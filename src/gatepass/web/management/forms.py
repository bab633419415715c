"""The shapes of what the management API takes. Spans of time are whole seconds; names are checked beneath.

Nothing is here that a caller may not say: ids, owners of tokens, instants, hashes and kinds are given by the
deployment, and a body that names them is refused.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema
from pydantic.config import JsonDict

from gatepass.access import Instant
from gatepass.administration import UpstreamForm
from gatepass.administration.changes import LONGEST_NAME, MOST_SCOPES, NAME_PATTERN
from gatepass.administration.upstreams import LARGEST_OPERATIONS
from gatepass.errors import Malformed
from gatepass.registry import Injection, InjectionKind, OperatorRole, UpstreamKind
from gatepass.units import parse_instant
from gatepass.web.management.limiting import LONGEST_SPAN, AgentLimitsForm, LimitsForm, Span, integral, never_null
from gatepass.web.management.reading import Form

__all__ = [
    "ActivityQuery",
    "AgentChange",
    "AgentCreation",
    "ExplainQuestion",
    "JournalQuery",
    "LeakReport",
    "LimitsForm",
    "Line",
    "ListQuery",
    "Moment",
    "NoQuery",
    "PasswordForm",
    "PersonChange",
    "PersonCreation",
    "Reason",
    "Ref",
    "Revocation",
    "RewrapForm",
    "RoleForm",
    "RotationForm",
    "ScopesQuery",
    "SecretCreation",
    "SecretValue",
    "SessionForm",
    "Span",
    "TokenChange",
    "TokenCreation",
    "TokenQuery",
    "UpstreamBody",
    "UpstreamCreation",
    "either",
    "instant_in",
]

MomentText = Annotated[str, StringConstraints(max_length=40), WithJsonSchema({"type": "string", "format": "date-time"})]


def either(*names: str, never: Sequence[str]) -> JsonDict:
    """In a schema: the members `names` are there and not null, and none of `never` is."""
    nulls: JsonDict = {name: {"type": "null"} for name in never}
    return {"required": list(names), "properties": {**{name: {"type": "string"} for name in names}, **nulls}}


Ref = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    WithJsonSchema({"type": "string", "pattern": f"^{NAME_PATTERN}$", "minLength": 1, "maxLength": LONGEST_NAME}),
]
"""A new name. Whether it is one is asked beneath, in words of its own."""
Password = Annotated[
    SecretStr,
    WithJsonSchema({"type": "string", "format": "password", "writeOnly": True, "minLength": 12, "maxLength": 1024}),
]
Line = Annotated[str, StringConstraints(max_length=200)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=8192)]
Scopes = Annotated[tuple[Scope, ...], Field(max_length=MOST_SCOPES)]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_SPAN), BeforeValidator(integral)]
Step = Annotated[
    str,
    StringConstraints(pattern=r"^[1-9][0-9]{0,4}$"),
    WithJsonSchema({"type": "integer", "minimum": 60, "maximum": 86400, "multipleOf": 60}),
]
Limit = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,3}$"),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 500, "default": 100}),
]
Moment = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class NoQuery(Form):
    """A query that has to be empty."""


class ListQuery(Form):
    """Which part of a list."""

    cursor: Annotated[str, StringConstraints(max_length=64)] | None = None
    limit: Limit | None = None


class TokenQuery(ListQuery):
    """The same, of one agent's or owner's tokens, or of those that are live or have ended."""

    agent: Ref | None = None
    owner: Ref | None = None
    state: Literal["live", "ended", "all"] = "all"


class ActivityQuery(Form):
    """Which span, in which steps, of which token or agent."""

    since: Moment | None = None
    until: Moment | None = None
    step_seconds: Step | None = None
    credential: Ref | None = None
    agent: Ref | None = None


class ScopesQuery(Form):
    """Everything that there is, or what a role allows of it."""

    role: Ref | None = None


class JournalQuery(Form):
    """What to look for in the journal. All of it has to hold."""

    credential: Ref | None = None
    agent: Ref | None = None
    run: Ref | None = None
    decision: Ref | None = None
    event: Ref | None = None
    outcome: Literal["permit", "deny", "step_up"] | None = None
    surface: Ref | None = None
    upstream: Ref | None = None
    action: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    resource: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")] | None = None
    limit: Limit | None = None


class SessionForm(Form):
    """A one-time code, or a name and a password."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [either("code", never=("name", "password")), either("name", "password", never=("code",))]
        }
    )

    code: SecretStr | None = None
    name: Ref | None = None
    password: SecretStr | None = None


class PasswordForm(Form):
    """The new password of whoever asks."""

    password: Password


class PersonCreation(Form):
    """A person; without a role they see and end only what is theirs."""

    name: Name
    operator: OperatorRole | None = None


class PersonChange(Form):
    """Another operator role, or none."""

    operator: OperatorRole | None


class AgentCreation(Form):
    """An agent in an existing role."""

    model_config = ConfigDict(json_schema_extra=never_null("limits"))

    name: Name
    role: Ref
    owner: Ref | None = None
    limits: AgentLimitsForm | None = None


class AgentChange(Form):
    """Another role, another owner, or other limits for its tokens to start with."""

    model_config = ConfigDict(json_schema_extra=never_null("role", "owner", "limits", least=1))

    role: Ref | None = None
    owner: Ref | None = None
    limits: AgentLimitsForm | None = None


class RoleForm(Form):
    """All of a role but its name, which is in the path."""

    scopes: Annotated[Scopes, Field(json_schema_extra={"minItems": 1})]
    asks_person: Scopes = ()
    max_lifetime_seconds: Span | None = None
    default_scopes: Scopes = ()
    longest_token_seconds: Annotated[int, Field(ge=1, le=900)] | None = None
    bearer_until: MomentText | None = None
    bearer_because: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class InjectionForm(Form):
    """Where the secret goes."""

    kind: InjectionKind
    name: Ref
    prefix: Annotated[str, StringConstraints(max_length=64)] = ""


class UpstreamBody(Form):
    """All of an upstream but its name."""

    kind: UpstreamKind
    target: Annotated[str, StringConstraints(min_length=1, max_length=16384)]
    operations: Annotated[str, StringConstraints(max_length=LARGEST_OPERATIONS)]
    injection: InjectionForm | None = None
    allow_private: bool = False

    def form(self) -> UpstreamForm:
        """The same for administration."""
        place = self.injection
        return UpstreamForm(
            kind=self.kind,
            target=self.target,
            operations=self.operations,
            injection=Injection(place.kind, place.name, place.prefix) if place else None,
            allow_private=self.allow_private,
        )


class UpstreamCreation(UpstreamBody):
    """A new upstream."""

    name: Name


class SecretValue(Form):
    """A value that goes in and never out."""

    value: SecretStr


class SecretCreation(SecretValue):
    """A new secret, for one upstream."""

    name: Name
    upstream: Ref


class RewrapForm(Form):
    """Whether to make a new key-encryption key first."""

    new_key: bool = False


class TokenCreation(Form):
    """A token: an agent's, or without an agent one of whoever asks."""

    name: Name
    agent: Ref | None = None
    scopes: Scopes = ()
    lifetime_seconds: Seconds | None = None
    purpose: Line | None = None
    limits: LimitsForm = LimitsForm()
    run: Ref | None = None


class TokenChange(Form):
    """Other limits."""

    limits: LimitsForm


class RotationForm(Form):
    """How long the old one goes on working; and a later end for the new one, if it is to have one."""

    overlap_seconds: Seconds = 0
    lifetime_seconds: Seconds | None = None


class Reason(Form):
    """Why, for the journal and for whoever still uses it."""

    reason: Line | None = None


class Revocation(Reason):
    """What to revoke."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"scope": {"const": "everything"}, "id": {"type": "null"}}},
                {
                    "required": ["id"],
                    "properties": {"scope": {"enum": ["token", "agent", "person"]}, "id": {"type": "string"}},
                },
            ]
        }
    )

    scope: Literal["token", "agent", "person", "everything"]
    id: Ref | None = None


class LeakReport(Form):
    """The whole of a token that was found."""

    token: SecretStr


class ExplainQuestion(Form):
    """An attempt, in the words of the surface that it would be made on. The gateway reads it exactly."""

    attempt: dict[str, object]


def instant_in(name: str, text: str | None) -> Instant | None:
    """The instant in a query's parameter `name`; None where nothing was said."""
    if text is None:
        return None
    try:
        return Instant(parse_instant(text))
    except ValueError:
        raise Malformed("malformed_request", f"`{name}`: expected an instant such as 2026-11-22T14:00:00Z") from None
