"""Limits as the management API takes them: a rate is so many in so many seconds, and what is not named stays as it is.

A token has limits of its own, of which quotas can be lifted (null); an agent states what its tokens start with, of
which each can be left to the deployment's default (null).
"""

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from gatepass.access import ActionClass
from gatepass.administration import AgentLimitChanges, LimitChanges
from gatepass.credentials import Rate
from gatepass.errors import Malformed
from gatepass.web.management.reading import Form

__all__ = ["LONGEST_SPAN", "AgentLimitsForm", "LimitsForm", "Span", "integral", "never_null"]

SECOND: Final = 1000
LONGEST_SPAN: Final = 400 * 24 * 3600


def never_null(*names: str, least: int = 0) -> Callable[[JsonDict], None]:
    """In a schema: these members are left out where nothing is meant, and at `least` so many are there."""

    def narrow(schema: JsonDict) -> None:
        properties = schema["properties"]
        for name in names:
            member = properties[name] if isinstance(properties, dict) else None
            options = member.get("anyOf") if isinstance(member, dict) else None
            if isinstance(properties, dict) and isinstance(options, list):
                properties[name] = options[0]
        if least:
            schema["minProperties"] = least

    return narrow


def integral(value: object) -> object:
    """`60.0` is the integer 60 (JSON Schema 2020-12, section 4.2.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Span = Annotated[int, Field(ge=1, le=LONGEST_SPAN), BeforeValidator(integral)]
Count = Annotated[int, Field(ge=1, le=10**12), BeforeValidator(integral)]


class RateForm(Form):
    """`count` acts in each `period_seconds`."""

    count: Count
    period_seconds: Span

    def rate(self) -> Rate:
        """The same in milliseconds."""
        return Rate(self.count, self.period_seconds * SECOND)


class LimitsForm(Form):
    """The limits that are named; null lifts a quota."""

    model_config = ConfigDict(json_schema_extra=never_null("attempts", "calls", "classes"))

    attempts: RateForm | None = None
    calls: RateForm | None = None
    writes_per_minute: Count | None = None
    requests_per_day: Count | None = None
    classes: Annotated[list[ActionClass], Field(min_length=1, max_length=len(ActionClass))] | None = None

    def changes(self) -> LimitChanges:
        """What was named, as administration takes it. What was left out stays as it is."""
        changes = LimitChanges()
        named = self.model_fields_set
        for name in ("attempts", "calls", "classes"):
            if name in named and getattr(self, name) is None:
                raise Malformed("malformed_request", f"`limits.{name}`: it cannot be lifted")
        if self.attempts is not None:
            changes["attempts"] = self.attempts.rate()
        if self.calls is not None:
            changes["calls"] = self.calls.rate()
        if self.classes is not None:
            changes["classes"] = frozenset(self.classes)
        if "writes_per_minute" in named:
            changes["writes_per_minute"] = self.writes_per_minute
        if "requests_per_day" in named:
            changes["requests_per_day"] = self.requests_per_day
        return changes


class AgentLimitsForm(Form):
    """What an agent's tokens start with, of what is named; null leaves it to the deployment's default."""

    attempts: RateForm | None = None
    calls: RateForm | None = None
    writes_per_minute: Count | None = None
    requests_per_day: Count | None = None
    classes: Annotated[list[ActionClass], Field(min_length=1, max_length=len(ActionClass))] | None = None

    def changes(self) -> AgentLimitChanges:
        """What was named, as administration takes it."""
        changes = AgentLimitChanges()
        named = self.model_fields_set
        if "attempts" in named:
            changes["attempts"] = None if self.attempts is None else self.attempts.rate()
        if "calls" in named:
            changes["calls"] = None if self.calls is None else self.calls.rate()
        if "writes_per_minute" in named:
            changes["writes_per_minute"] = self.writes_per_minute
        if "requests_per_day" in named:
            changes["requests_per_day"] = self.requests_per_day
        if "classes" in named:
            changes["classes"] = None if self.classes is None else frozenset(self.classes)
        return changes
