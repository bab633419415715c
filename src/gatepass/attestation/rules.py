"""A trust rule as it is judged by: which issuer's tokens, under which conditions, prove to be which agent.

The law: whatever a rule leaves open is closed. It names one issuer, byte for byte; it accepts an audience that is
ours alone; a SPIFFE rule names one trust domain and is asked about that domain only. A rule that cannot be read in
exactly one way is refused when it is made, and what is merely unwise is the linter's to say.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from gatepass.access import AgentId, Instant
from gatepass.attestation.conditions import Condition
from gatepass.authority.scopes.patterns import is_clean, shown
from gatepass.errors import Malformed

__all__ = ["GITHUB", "LONGEST_URL", "MOST_AGENTS", "MOST_CONDITIONS", "Rule", "RuleKind", "RuleTerms", "check_url"]

GITHUB: Final = "https://token.actions.githubusercontent.com"
MOST_CONDITIONS: Final = 32
MOST_AGENTS: Final = 256
"""Entries of a mapping from a claim's values to agents."""
LONGEST_URL: Final = 1024
LONGEST_AUDIENCE: Final = 512
_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.ASCII)
_LOOPBACK: Final = re.compile(
    r"http://(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?(?:/.*)?", re.ASCII
)
_DOMAIN: Final = re.compile(r"spiffe://[a-z0-9._-]{1,255}", re.ASCII)
"""A trust domain (SPIFFE-ID, section 2.1): lower-case letters, digits, dots, dashes and underscores."""


class RuleKind(StrEnum):
    """What kind of issuer it is, and so what its claims mean."""

    OIDC = "oidc"
    KUBERNETES = "kubernetes"
    GITHUB_ACTIONS = "github-actions"
    SPIFFE = "spiffe"


class RuleTerms(Protocol):
    """What a stored rule says: `registry.TrustRule`."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the record says what each of them is
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def issuer(self) -> str: ...  # noqa: D102
    @property
    def audience(self) -> str | None: ...  # noqa: D102
    @property
    def conditions(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def agent(self) -> AgentId | None: ...  # noqa: D102
    @property
    def agent_claim(self) -> str | None: ...  # noqa: D102
    @property
    def agents(self) -> Mapping[str, AgentId]: ...  # noqa: D102
    @property
    def single_use(self) -> bool: ...  # noqa: D102
    @property
    def reproof(self) -> bool: ...  # noqa: D102
    @property
    def expires(self) -> Instant | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, read."""

    name: str
    kind: RuleKind
    issuer: str
    """What `iss` has to be; of SPIFFE, `spiffe://` and the trust domain that `sub` has to be in."""
    audiences: frozenset[str]
    """What the sole audience has to be: one of these."""
    conditions: tuple[Condition, ...]
    agent: AgentId | None
    agent_path: tuple[str, ...] = ()
    agents: Mapping[str, AgentId]
    """Where the agent is not one for all: the agent of each value that the claim at `agent_path` may have."""
    single_use: bool
    """Whether each token counts once."""
    expires: Instant | None = None

    @classmethod
    def of(cls, terms: RuleTerms, ours: frozenset[str]) -> "Rule":
        """Read a rule; `ours` are the audiences where it pins none. Raises `Malformed` (`malformed_trust_rule`)."""
        kind = RuleKind(terms.kind)
        _check_issuer(kind, terms.issuer)
        if terms.audience is not None and not _is_audience(terms.audience):
            raise malformed(f"`audience` is a text of 1 to {LONGEST_AUDIENCE} characters")
        if len(terms.conditions) > MOST_CONDITIONS:
            raise malformed(f"it has more than {MOST_CONDITIONS} conditions")
        conditions = tuple(map(Condition.parse, terms.conditions))
        for condition in conditions:
            if condition.path[0] in {"aud", "exp", "nbf", "iat", "jti"}:
                raise malformed(f"`{condition.path[0]}` is not for a condition: it is looked at in its own way")
        return cls(
            name=terms.name,
            kind=kind,
            issuer=terms.issuer,
            audiences=ours if terms.audience is None else frozenset({terms.audience}),
            conditions=conditions,
            agent=terms.agent,
            agent_path=_agent_path(terms),
            agents=dict(terms.agents),
            single_use=terms.single_use or terms.reproof,
            expires=terms.expires,
        )

    def of_claim(self, *names: str) -> tuple[Condition, ...]:
        """The conditions on any of these claims, each as it is written in a condition."""
        return tuple(condition for condition in self.conditions if condition.claim in names)

    def may_be(self) -> frozenset[AgentId]:
        """Every agent that it could prove somebody to be."""
        return frozenset(self.agents.values()) | ({self.agent} if self.agent is not None else frozenset())


def _agent_path(terms: RuleTerms) -> tuple[str, ...]:
    if (terms.agent is None) == (terms.agent_claim is None):
        raise malformed("it names one agent, or the claim whose values name agents")
    if terms.agent_claim is None:
        if terms.agents:
            raise malformed("`agents` needs `agent_claim`")
        return ()
    if not 1 <= len(terms.agents) <= MOST_AGENTS:
        raise malformed(f"`agents` names 1 to {MOST_AGENTS} agents")
    if not all(value and is_clean(value) for value in terms.agents):
        raise malformed("a value in `agents` is empty or not canonical text")
    named = Condition.parse(f"{terms.agent_claim}=x")
    if named.claim != terms.agent_claim:
        raise malformed("`agent_claim` is the name of one claim")
    return named.path


def _check_issuer(kind: RuleKind, issuer: str) -> None:
    if kind is RuleKind.SPIFFE:
        if not _DOMAIN.fullmatch(issuer):
            raise malformed("the issuer of SPIFFE is `spiffe://` and a trust domain, without a path")
    else:
        check_url(issuer, "issuer")


def check_url(url: str, what: str) -> None:
    """Let an address be used to fetch keys from: https, or this machine's own. Raises `Malformed`."""
    if len(url) > LONGEST_URL or not _URL.fullmatch(url) or "/../" in f"{url}/" or "/./" in f"{url}/":
        raise malformed(f"`{what}` is not a URL of scheme, host and path")
    if url.startswith("http://") and not _LOOPBACK.fullmatch(url):
        raise malformed(f"`{what}` is not https")


def _is_audience(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_AUDIENCE and is_clean(text)


def malformed(why: str) -> Malformed:
    """What is raised for a rule that cannot be."""
    return Malformed("malformed_trust_rule", f"the trust rule is malformed: {shown(why)}")
