"""Who is calling, once verified, and how the journal and the errors speak of them."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from gatepass.access import Context, DecisionId, Instant, Subject
from gatepass.audit import Entry
from gatepass.authority import Credential
from gatepass.errors import Error
from gatepass.gateway.requests import Headers, Request
from gatepass.gateway.snapshot import Served
from gatepass.gateway.verifying import Holding
from gatepass.gateway.verifying.presented import Scheme
from gatepass.limits import Level, rate_limit_fields
from gatepass.policy import RolePolicy
from gatepass.registry import Agent, Run

__all__ = ["Caller", "answer_headers", "described", "entry_of", "said_of"]

LONGEST_NOTE: Final = 200
"""Characters kept of what a caller says of itself: purpose, correlation."""

_HONOURED: Final = frozenset({"log"})

Raised = TypeVar("Raised", bound=Error)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A verified credential at work on one request. Made only by `Admission.meet`."""

    holding: Holding
    agent: Agent | None
    role: RolePolicy | None
    run: Run | None = None
    """The run that the credential belongs to, if any."""
    served: Served | None
    request: Request
    surface: str
    decision: DecisionId
    at: Instant
    proof_key: str | None = None
    """What the caller proved possession of for this request: a key's thumbprint, or a certificate's."""
    audience: str | None = None
    """The name of the surface that was called."""
    levels: tuple[Level, ...] = ()
    said: Mapping[str, Any]
    """What every journal entry of this caller says of it, whatever was decided: `said_of`."""

    def drew(self, levels: tuple[Level, ...], served: Served | None) -> "Caller":
        """The same caller, after it drew on meters that stand at `levels` now."""
        return Caller(
            holding=self.holding,
            agent=self.agent,
            role=self.role,
            run=self.run,
            served=served,
            request=self.request,
            surface=self.surface,
            decision=self.decision,
            at=self.at,
            levels=levels,
            said=self.said,
            proof_key=self.proof_key,
            audience=self.audience,
        )

    @property
    def credential(self) -> Credential:
        """What was verified."""
        return self.holding.credential

    @property
    def scheme(self) -> Scheme:
        """How its credential was sent."""
        proven = self.proof_key is not None and not self.proof_key.startswith("x5t#")
        return Scheme.DPOP if proven else Scheme.BEARER

    @property
    def subject(self) -> Subject:
        """Who acts, for whom, under what."""
        held = self.holding
        return Subject(credential=held.credential.id, agent=held.agent, person=held.person, run=held.credential.run)

    @property
    def context(self) -> Context:
        """The circumstances, as far as they are known."""
        return Context(
            at=self.at,
            source=self.request.source,
            audience=self.audience,
            proof_key=self.proof_key,
            purpose=self.holding.credential.purpose,
            honoured=_HONOURED,
        )


def said_of(holding: Holding, role: RolePolicy | None, request: Request, surface: str) -> dict[str, Any]:
    """The members of an entry that are the same for all of one request: put together once, written twice or more."""
    credential = holding.credential
    return {
        "credential": credential.id,
        "owner": credential.owner,
        "agent": holding.agent,
        "person": holding.person,
        "run": credential.run,
        "role": role.name if role else None,
        "upstream": request.upstream[:64],
        "surface": surface,
        "correlation": _said(request, b"traceparent"),
        "purpose": _said(request, b"gatepass-purpose") or credential.purpose,
        "source": request.source,
    }


def entry_of(caller: Caller, *, at: Instant, event: str = "call.decided", **members: Any) -> Entry:  # noqa: ANN401
    """A journal entry about a caller: what it always says, and `members`. Made in one piece: it is on every call."""
    return Entry(at=at, event=event, decision=caller.decision, **caller.said, **members)


def described(error: Raised, caller: Caller) -> Raised:
    """The error, with what its answer has to carry: the decision's id, the credential's, the limits."""
    error.details = {**rate_limit_fields(caller.levels), **error.details, **_ids(caller)}
    return error


def _ids(caller: Caller) -> Mapping[str, str]:
    """The two ids by which an answer can be looked up."""
    return {"decision_id": caller.decision, "credential": caller.credential.id}


def answer_headers(caller: Caller) -> Headers:
    """`Gatepass-Decision`, `Gatepass-Credential`, `RateLimit`, `RateLimit-Policy` of an answer."""
    ids = (b"gatepass-decision", caller.decision.encode()), (b"gatepass-credential", caller.credential.id.encode())
    fields = rate_limit_fields(caller.levels)
    if not fields:
        return ids
    return (
        *ids,
        (b"ratelimit", fields["rate_limit"].encode()),
        (b"ratelimit-policy", fields["rate_limit_policy"].encode()),
    )


def _said(request: Request, name: bytes) -> str | None:
    """The one value of a header that only tells, cut to a length, printable ASCII, or nothing."""
    values = [value for header, value in request.headers if header == name]
    if len(values) != 1:
        return None
    text = values[0][:LONGEST_NOTE].decode("ascii", "replace")
    return "".join(character for character in text if character.isprintable()) or None
