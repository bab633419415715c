"""The shapes of what is said about whom we believe."""

from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from gatepass.administration.trust import TrustForm
from gatepass.attestation.assertions import LONGEST_ASSERTION
from gatepass.attestation.conditions import LONGEST
from gatepass.attestation.rules import LONGEST_AUDIENCE, LONGEST_URL, MOST_AGENTS, MOST_CONDITIONS
from gatepass.registry import TrustKind
from gatepass.web.management.forms import Line, Moment, Ref, either, instant_in
from gatepass.web.management.limiting import SECOND, Span
from gatepass.web.management.reading import Form

__all__ = ["LARGEST_RULE", "AgentKeyCreation", "TrustRuleForm", "TrustTrialForm"]

LARGEST_RULE = 512 * 1024
"""Bytes of a body: pinned keys are long."""

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
Value = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class TrustRuleForm(Form):
    """All of a trust rule but its name, which is in the path. Agents are named by id or name."""

    kind: TrustKind
    issuer: Url
    keys_url: Url | None = None
    keys: Annotated[str, StringConstraints(min_length=1, max_length=256 * 1024)] | None = None
    allow_private: bool = False
    audience: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_AUDIENCE)] | None = None
    conditions: Annotated[tuple[Value, ...], Field(max_length=MOST_CONDITIONS)] = ()
    agent: Ref | None = None
    agent_claim: Claim | None = None
    agents: Annotated[dict[Value, Ref], Field(max_length=MOST_AGENTS, default_factory=dict)]
    longest_life_seconds: Span | None = None
    single_use: bool = True
    reproof: bool = False
    expires_at: Moment | None = None

    def form(self) -> TrustForm:
        """The same for administration."""
        said = self.model_dump(exclude={"longest_life_seconds", "expires_at"})
        longest = self.longest_life_seconds
        return TrustForm(
            **said,
            longest_life=None if longest is None else longest * SECOND,
            expires=instant_in("expires_at", self.expires_at),
        )


class TrustTrialForm(Form):
    """A token, which is neither kept nor logged; or claims that somebody wrote down. With `rule`, for it alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                either("token", never=("claims",)),
                {"required": ["claims"], "properties": {"claims": {"type": "object"}, "token": {"type": "null"}}},
            ]
        }
    )

    token: Annotated[SecretStr, Field(max_length=LONGEST_ASSERTION)] | None = None
    claims: dict[str, object] | None = None
    rule: Ref | None = None


class AgentKeyCreation(Form):
    """A public key as a JWK (RFC 7517)."""

    jwk: dict[str, object]
    label: Line = ""
    expires_at: Moment | None = None
