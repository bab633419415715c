"""What a file of the configuration may say: one declared shape for each kind, from which the editors' schemas come too.

The file's name is the thing's name, so it is not said inside. Spans and rates are spelled as everywhere (`8h`, `60/1m`)
and kept in their shortest spelling, so that two spellings of one thing are the same. Nothing here is a secret, a token
or a person: an agent's owner and an upstream's secret are named, and whether anything is switched off is not said.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import GenerateJsonSchema

from gatepass.administration.changes import NAME_PATTERN
from gatepass.errors import Malformed
from gatepass.units import (
    DURATION_EXPECTED,
    RATE_EXPECTED,
    duration_text,
    instant_text,
    parse_duration,
    parse_instant,
    parse_rate,
    rate_text,
)

__all__ = ["SHAPES", "AgentFile", "InjectionSaid", "LimitsSaid", "RoleFile", "Shape", "UpstreamFile", "schema_of"]

LONGEST_SPAN: Final = 400 * 86_400_000
MOST_COUNT: Final = 1_000_000_000
LONGEST_SCOPE: Final = 8192
SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _rate(text: str) -> str:
    try:
        count, period = parse_rate(text)
    except Malformed:
        raise ValueError(f"expected {RATE_EXPECTED}") from None
    if period % 1000 or not 1000 <= period <= 86_400_000:  # noqa: PLR2004  a second, a day
        raise ValueError("expected a rate per 1s to 1d, in whole seconds")
    return rate_text(count, period)


def _span(text: str) -> str:
    try:
        span = parse_duration(text)
    except Malformed:
        raise ValueError(f"expected {DURATION_EXPECTED}") from None
    if span % 1000 or span > LONGEST_SPAN:
        raise ValueError("expected whole seconds, at most 400d")
    return duration_text(span)


def _moment(text: str) -> str:
    try:
        return instant_text(parse_instant(text))
    except ValueError:
        raise ValueError("expected an instant such as 2026-12-01T00:00:00Z") from None


Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$", max_length=63)]
RateSaid = Annotated[
    str,
    AfterValidator(_rate),
    Field(json_schema_extra={"pattern": "^[1-9][0-9]{0,9}/[1-9][0-9]*(s|m|h|d)$", "examples": ["60/1m"]}),
]
SpanSaid = Annotated[
    str,
    AfterValidator(_span),
    Field(json_schema_extra={"pattern": "^[1-9][0-9]*(s|m|h|d)$", "examples": ["8h", "7d"]}),
]
MomentSaid = Annotated[
    str,
    AfterValidator(_moment),
    Field(json_schema_extra={"format": "date-time", "examples": ["2026-12-01T00:00:00Z"]}),
]
ScopeSaid = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SCOPE)]
Count = Annotated[int, Field(ge=1, le=MOST_COUNT)]
Kept = Literal["read", "write", "delete"]


class Shape(BaseModel):
    """A mapping in a file: what is named and nothing else, in its type and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class LimitsSaid(Shape):
    """What an agent's tokens start with. What is left out, the deployment's own default says."""

    attempts: RateSaid | None = Field(
        default=None, description="How often a token may be presented, permitted or denied."
    )
    calls: RateSaid | None = Field(default=None, description="How many calls are permitted.")
    writes_per_minute: Count | None = Field(
        default=None, description="Permitted calls of any class but read, each minute."
    )
    requests_per_day: Count | None = Field(default=None, description="Permitted calls, each UTC day.")
    classes: tuple[Kept, ...] | None = Field(
        default=None, min_length=1, max_length=3, description="The classes of operation that a token may do at all."
    )


class AgentFile(Shape):
    """An agent: a machine identity in one role, for which one person answers."""

    role: Name = Field(description="The role that it acts in: the name of a file in roles/, or of a role there is.")
    owner: Name = Field(description="The person who answers for it, by name.")
    limits: LimitsSaid = Field(default=LimitsSaid(), description="What its tokens start with.")


class RoleFile(Shape):
    """A role: a live ceiling over what its agents may do, whatever their tokens say."""

    scopes: tuple[ScopeSaid, ...] = Field(
        min_length=1, max_length=64, description="What it permits, such as orders:read:* or orders:refund:*?amount<=50."
    )
    asks_person: tuple[ScopeSaid, ...] = Field(
        default=(), max_length=64, description="What of it waits for a person's yes."
    )
    max_lifetime: SpanSaid | None = Field(default=None, description="The longest life of a token under it.")
    default_scopes: tuple[ScopeSaid, ...] = Field(
        default=(), max_length=64, description="What an access token carries for which no scope was asked; it reads."
    )
    longest_token: SpanSaid | None = Field(
        default=None, description="The longest life of an access token under it: 15m at most."
    )
    bearer_until: MomentSaid | None = Field(
        default=None, description="Until when its credentials may do more than read without a proof of possession."
    )
    bearer_because: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        default=None, description="Why they may: an exception has an end and a reason."
    )


class InjectionSaid(Shape):
    """Where the secret goes."""

    kind: Literal["header", "query", "environment"] = Field(
        description="A header, a query parameter, or a variable of the command."
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The header's, the parameter's or the variable's name."
    )
    prefix: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", description="What stands before the secret, such as `Bearer `."
    )


class UpstreamFile(Shape):
    """An upstream: a system behind the gateway. operations/ has a file of the same name that maps its operations."""

    kind: Literal["rest", "mcp-http", "mcp-stdio"] = Field(description="How it is spoken to.")
    target: Annotated[str, StringConstraints(min_length=1, max_length=16384)] | None = Field(
        default=None, description="The exact base URL, for rest and mcp-http."
    )
    command: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=64, description="The command that starts the server, for mcp-stdio."
    )
    secret: Name | None = Field(
        default=None, description="The name of its secret in custody. Its value is never in a file."
    )
    injection: InjectionSaid | None = Field(default=None, description="Where its secret goes.")
    allow_private: bool = Field(default=False, description="Whether the target's name may lead to a private address.")

    @model_validator(mode="after")
    def _reached(self) -> Self:
        wanted, other = ("command", "target") if self.kind == "mcp-stdio" else ("target", "command")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"expected `{wanted}`, and no `{other}`, for the kind `{self.kind}`")
        if self.secret is not None and self.injection is None:
            raise ValueError("expected `injection` beside `secret`: it says where the secret goes")
        return self


SHAPES: Final[dict[str, type[AgentFile | RoleFile | UpstreamFile]]] = {
    "agents": AgentFile,
    "roles": RoleFile,
    "upstreams": UpstreamFile,
}
"""By the folder that they are in."""


class _Plain(GenerateJsonSchema):
    """A schema without the titles that repeat each member's name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  pydantic's signature
        return False


def schema_of(folder: str) -> dict[str, object]:
    """The JSON schema (draft 2020-12) of the files in `folder`."""
    made = SHAPES[folder].model_json_schema(schema_generator=_Plain)
    return {"$schema": SCHEMA_DIALECT, **made}
