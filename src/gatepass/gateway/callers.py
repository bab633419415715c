"""Who is calling, once verified, and how the journal and the errors speak of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from gatepass.access import Context, DecisionId, Instant, Outcome, Subject
from gatepass.audit import Entry
from gatepass.authority import Credential
from gatepass.credentials import TokenRecord
from gatepass.errors import Error
from gatepass.gateway.requests import Headers, Request
from gatepass.gateway.snapshot import Served
from gatepass.limits import Level, rate_limit_fields
from gatepass.policy import RolePolicy
from gatepass.registry import Agent

__all__ = ["Caller", "answer_headers", "denial_entry", "described"]

LONGEST_NOTE: Final = 200
"""Characters kept of what a caller says of itself: purpose, correlation."""

Raised = TypeVar("Raised", bound=Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A verified credential at work on one request. Made only by `Admission.meet`."""

    record: TokenRecord
    credential: Credential
    agent: Agent | None
    role: RolePolicy | None
    served: Served | None
    request: Request
    surface: str
    decision: DecisionId
    at: Instant
    levels: tuple[Level, ...] = ()

    @property
    def subject(self) -> Subject:
        """Who acts, for whom, under what."""
        return Subject(
            credential=self.credential.id, agent=self.record.agent, person=self.record.owner, run=self.record.run
        )

    @property
    def context(self) -> Context:
        """The circumstances, as far as they are known."""
        return Context(
            at=self.at,
            source=self.request.source,
            purpose=self.record.purpose,
            honoured=frozenset({"log"}),
        )


def denial_entry(caller: Caller, code: str, *, at: Instant) -> Entry:
    """What every journal entry of a caller says, whatever was decided."""
    return Entry(
        at=at,
        event="call.decided",
        decision=caller.decision,
        outcome=Outcome.DENY,
        code=code,
        credential=caller.credential.id,
        owner=caller.credential.owner,
        agent=caller.record.agent,
        person=caller.record.owner,
        run=caller.credential.run,
        role=caller.role.name if caller.role else None,
        upstream=caller.request.upstream[:64],
        surface=caller.surface,
        correlation=_said(caller.request, b"traceparent"),
        purpose=_said(caller.request, b"gatepass-purpose") or caller.record.purpose,
        source=caller.request.source,
    )


def described(error: Raised, caller: Caller) -> Raised:
    """The error, with what its answer has to carry: the decision's id, the credential's, the limits."""
    error.details = {**rate_limit_fields(caller.levels), **error.details, **_ids(caller)}
    return error


def _ids(caller: Caller) -> Mapping[str, str]:
    """The two ids by which an answer can be looked up."""
    return {"decision_id": caller.decision, "credential": caller.credential.id}


def answer_headers(caller: Caller) -> Headers:
    """`Gatepass-Decision`, `Gatepass-Credential`, `RateLimit`, `RateLimit-Policy` of an answer."""
    fields = rate_limit_fields(caller.levels)
    said = {
        "gatepass-decision": caller.decision,
        "gatepass-credential": caller.credential.id,
        "ratelimit": fields.get("rate_limit", ""),
        "ratelimit-policy": fields.get("rate_limit_policy", ""),
    }
    return tuple((name.encode(), value.encode()) for name, value in said.items() if value)


def _said(request: Request, name: bytes) -> str | None:
    """The one value of a header that only tells, cut to a length, printable ASCII, or nothing."""
    values = [value for header, value in request.headers if header == name]
    if len(values) != 1:
        return None
    text = values[0][:LONGEST_NOTE].decode("ascii", "replace")
    return "".join(character for character in text if character.isprintable()) or None
