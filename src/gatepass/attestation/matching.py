"""What a rule says to claims: every check with its answer, and whom they prove.

The law: a rule accepts claims if every check holds, and then for exactly one agent. The claims are taken to be
verified, or somebody's word in a dry run: this module cannot tell and does not care. Every check is made, so that a
dry run shows all that is wrong; the order is that in which a reader looks. Time is an argument.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass.access import AgentId, Instant, Json
from gatepass.attestation.conditions import claim_at
from gatepass.attestation.rules import Rule, RuleKind
from gatepass.authority.scopes.patterns import shown, split_id

__all__ = ["LONGEST_PROOF", "TOLERANCE", "Check", "Verdict", "judge", "sole_audience"]

TOLERANCE: Final = 60_000
"""Milliseconds that the issuer's clock may be ahead of or behind ours."""
LONGEST_PROOF: Final = 24 * 3_600_000
"""Milliseconds: a token that lives longer proves too little about now."""
_MOST_SUBJECT: Final = 1024
_ACCOUNT: Final = ("system", "serviceaccount")
_ACCOUNT_PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `said` is a line for the operator; it may quote a claim, never a token."""

    what: str
    holds: bool
    said: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule makes of the claims."""

    rule: str
    agent: AgentId | None
    """Whom they prove, if they are accepted."""
    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """Whether every check holds."""
        return self.agent is not None

    @property
    def faults(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.holds)


def judge(rule: Rule, claims: Mapping[str, Json], now: Instant) -> Verdict:
    """Look at everything. Never raises."""
    checks = tuple(_checks(rule, claims, now))
    return Verdict(rule.name, _agent(rule, claims) if all(check.holds for check in checks) else None, checks)


def _checks(rule: Rule, claims: Mapping[str, Json], now: Instant) -> Iterator[Check]:
    if rule.expires is not None:
        yield Check(
            "rule", now < rule.expires, "the rule is in force" if now < rule.expires else "the rule has expired"
        )
    yield _issuer(rule, claims)
    yield _audience(rule, claims)
    yield from _life(claims, now)
    yield from _kind(rule, claims)
    for condition in rule.conditions:
        holds, found = condition.holds(claims), claim_at(claims, condition.path)
        yield Check(f"condition {shown(str(condition), 160)}", holds, f"`{condition.claim}` is {_quoted(found)}")
    agent = _agent(rule, claims)
    said = "it names an agent" if agent is not None else "no agent is mapped to the value of the claim"
    yield Check("agent", agent is not None, said)


def _issuer(rule: Rule, claims: Mapping[str, Json]) -> Check:
    if rule.kind is RuleKind.SPIFFE:
        subject = claims.get("sub")
        holds = isinstance(subject, str) and subject.startswith(f"{rule.issuer}/") and split_id(subject) is not None
        return Check("trust domain", holds, f"`sub` is {_quoted(subject)}, and the trust domain `{rule.issuer}`")
    issuer = claims.get("iss")
    return Check("issuer", issuer == rule.issuer, f"`iss` is {_quoted(issuer)}, and has to be `{rule.issuer}`")


def sole_audience(claims: Mapping[str, Json]) -> str | None:
    """The one audience, as a text or as the only member of a list; None of every other form."""
    audience = claims.get("aud")
    if isinstance(audience, tuple) and len(audience) == 1:
        audience = audience[0]
    return audience if isinstance(audience, str) else None


def _audience(rule: Rule, claims: Mapping[str, Json]) -> Check:
    audience = sole_audience(claims)
    wanted = " or ".join(f"`{each}`" for each in sorted(rule.audiences))
    said = f"`aud` is {_quoted(claims.get('aud'))}, and has to be {wanted} alone"
    return Check("audience", audience is not None and audience in rule.audiences, said)


def _life(claims: Mapping[str, Json], now: Instant) -> Iterator[Check]:
    """RFC 7523, section 3: `exp` is there and ahead; `nbf` and `iat`, if there, are behind; and it is not for ever."""
    expires, issued, begins = (_instant(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        yield Check("expiry", False, "`exp` is missing or is not a time")
    else:
        holds = now < expires + TOLERANCE
        yield Check("expiry", holds, "it has not expired" if holds else "it has expired")
        since = issued if issued is not None else begins if begins is not None else now
        holds = expires - since <= LONGEST_PROOF
        yield Check("life", holds, f"it lives for {max(0, expires - since) // 1000} seconds, 86400 at most")
    for name, found in (("iat", issued), ("nbf", begins)):
        if name in claims:
            holds = found is not None and found <= now + TOLERANCE
            yield Check(name, holds, f"`{name}` is past" if holds else f"`{name}` is ahead, or is not a time")


def _instant(claims: Mapping[str, Json], name: str) -> Instant | None:
    """A NumericDate (RFC 7519, section 2) as milliseconds."""
    seconds = claims.get(name)
    if not isinstance(seconds, Decimal) or not 0 <= seconds < Decimal("1e11"):
        return None
    return Instant(int(seconds * 1000))


def _kind(rule: Rule, claims: Mapping[str, Json]) -> Iterator[Check]:
    subject = claims.get("sub")
    holds = isinstance(subject, str) and 1 <= len(subject) <= _MOST_SUBJECT
    if rule.kind is not RuleKind.SPIFFE:
        yield Check("subject", holds, "`sub` is there" if holds else "`sub` is missing or is no text")
    if rule.kind is RuleKind.KUBERNETES:
        yield _service_account(claims)


def _service_account(claims: Mapping[str, Json]) -> Check:
    """`sub` and the claim `kubernetes.io` say the same account: a token that only looks like one is none."""
    subject = claims.get("sub")
    parts = subject.split(":") if isinstance(subject, str) else []
    said = f"`sub` is {_quoted(subject)}, and names a service account as `kubernetes.io` does"
    if len(parts) != _ACCOUNT_PARTS or tuple(parts[:2]) != _ACCOUNT or not all(parts):
        return Check("service account", False, said)
    namespace = claim_at(claims, ("kubernetes.io", "namespace"))
    account = claim_at(claims, ("kubernetes.io", "serviceaccount", "name"))
    return Check("service account", (namespace, account) == (parts[2], parts[3]), said)


def _agent(rule: Rule, claims: Mapping[str, Json]) -> AgentId | None:
    if not rule.agent_path:
        return rule.agent
    named = claim_at(claims, rule.agent_path)
    return rule.agents.get(named) if isinstance(named, str) else None


def _quoted(value: Json) -> str:
    match value:
        case None:
            return "missing"
        case str():
            return f"`{shown(value, 120)}`"
        case bool():
            return f"`#{'true' if value else 'false'}`"
        case Decimal():
            return f"`#{value}`"
        case tuple():
            return f"a list of {len(value)}"
        case _:
            return "an object"
