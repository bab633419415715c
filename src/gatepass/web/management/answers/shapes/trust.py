"""The shapes of whom we believe: trust rules, agents' keys, and what a rule would say. Members are only ever added."""

from typing import Annotated, Literal

from msgspec import Meta

from gatepass.registry import TrustKind
from gatepass.web.management.answers.shapes.things import ManagedBy, Moment, Shape

__all__ = ["AgentKey", "TrustCheck", "TrustRule", "TrustTrial", "TrustTrials", "TrustWarning"]


class TrustWarning(Shape):
    """One unwise thing about a rule."""

    warning: str
    grade: Annotated[Literal["danger", "caution"], Meta(description="`danger`: it may let in whom nobody meant.")]
    message: str


class TrustRule(Shape):
    """A trust rule, with what is unwise about it (`warnings`). Agents are shown by name."""

    id: str
    name: str
    kind: TrustKind
    issuer: str
    keys_url: str | None
    keys: str | None
    allow_private: bool
    audience: str | None
    accepts_audiences: list[str]
    conditions: tuple[str, ...]
    agent: str | None
    agent_claim: str | None
    agents: dict[str, str]
    longest_life_seconds: int | None
    single_use: bool
    reproof: bool
    expires_at: Moment | None
    managed_by: ManagedBy
    created_at: Moment
    warnings: list[TrustWarning]


class TrustCheck(Shape):
    """One thing that a rule looked at."""

    what: str
    holds: bool
    said: str


class TrustTrial(Shape):
    """What one rule would say. `agent` is whom the token would prove, where the rule accepts it."""

    rule: str
    accepted: bool
    agent: str | None
    checks: list[TrustCheck]


class TrustTrials(Shape):
    """What each rule would say. `agent` is null where no rule accepts the token, or several disagree."""

    agent: str | None
    trials: list[TrustTrial]


class AgentKey(Shape):
    """A public key of an agent."""

    id: str
    agent: str
    label: str
    jwk: str
    thumbprint: str
    created_at: Moment
    expires_at: Moment | None
