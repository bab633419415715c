"""What each rule would say to a token or to claims, and why, without a credential and without a log of the token.

The law: a dry run changes nothing. It may fetch the keys of issuers that a rule names, as a real proof would, and
nothing else; a token is spent by none of it. What it shows quotes claims, so it is for those who may read everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gatepass.access import Json
from gatepass.administration.changes import Desk
from gatepass.administration.operators import Act, Operator
from gatepass.attestation import Check, Rule, RuleKind, UnverifiedAssertion, Verdict, judge
from gatepass.errors import Error, Malformed
from gatepass.registry import TrustRule

__all__ = ["Proves", "Trial", "Trials"]


class Proves(Protocol):
    """Checks the signature of a token with the keys that a rule leads to."""

    async def claims(self, rule: TrustRule, assertion: UnverifiedAssertion, /) -> Mapping[str, Json]:
        """The claims, verified. Raises `Unauthenticated`, `Malformed`, or `Unavailable` where keys cannot be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one rule said."""

    rule: TrustRule
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Trials:
    """Trying tokens and claims."""

    desk: Desk
    proves: Proves
    ours: frozenset[str]

    async def token(self, operator: Operator, token: str, ref: str | None = None) -> list[Trial]:
        """What the rules of its issuer say to a token, its signature included. Raises `Malformed` for what is none."""
        await self.desk.permit(operator, Act.READ)
        assertion = UnverifiedAssertion.parse(token.strip())
        rules = self._rules(ref)
        return [await self._of_token(rule, assertion) for rule in rules if ref or self._is_for(rule, assertion)]

    async def claims(self, operator: Operator, claims: Mapping[str, Json], ref: str | None = None) -> list[Trial]:
        """What every rule says to claims that somebody wrote down. Nobody's signature is looked at."""
        await self.desk.permit(operator, Act.READ)
        return [
            Trial(rule=rule, verdict=self._verdict(rule, claims, Check("signature", True, "not looked at")))
            for rule in self._rules(ref)
        ]

    async def _of_token(self, rule: TrustRule, assertion: UnverifiedAssertion) -> Trial:
        try:
            claims = await self.proves.claims(rule, assertion)
        except Error as fault:
            wrong = Check("signature", False, fault.message)
            return Trial(rule=rule, verdict=Verdict(rule.name, None, (wrong,)))
        right = Check("signature", True, "a key of the issuer signed it")
        return Trial(rule=rule, verdict=self._verdict(rule, claims, right))

    def _verdict(self, rule: TrustRule, claims: Mapping[str, Json], signature: Check) -> Verdict:
        try:
            found = judge(Rule.of(rule, self.ours), claims, self.desk.clock())
        except Malformed as fault:
            return Verdict(rule.name, None, (Check("rule", False, fault.message),))
        agent = self.desk.register.agents.get(found.agent) if found.agent else None
        checks = (signature, *found.checks)
        if found.agent is not None and (agent is None or agent.disabled is not None):
            return Verdict(rule.name, None, (*checks, Check("agent", False, "the agent is disabled")))
        return Verdict(rule.name, found.agent, checks)

    def _rules(self, ref: str | None) -> list[TrustRule]:
        register = self.desk.register
        return [*register.trust_rules.values()] if ref is None else [register.trust_rule(ref)]

    def _is_for(self, rule: TrustRule, assertion: UnverifiedAssertion) -> bool:
        return assertion.is_for(RuleKind(rule.kind), rule.issuer)
