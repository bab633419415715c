"""Trust rules: which tokens of which issuer prove to be which agent.

A rule lets somebody in whom nobody here has given a token, so making or changing one widens and deleting one takes
away. It is read by attestation before it is kept: what it would refuse is never stored. Deleting a rule stops new
credentials at once; those that it led to live for minutes, and end with their agent or by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import AgentId, Instant
from gatepass.administration.changes import Desk, check_by_hand, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.attestation import Finding, Rule, keys_of, lint
from gatepass.attestation.rules import RuleKind, check_url, malformed
from gatepass.audit import Entry
from gatepass.credentials import new_id
from gatepass.errors import Conflict, Malformed, NotFound
from gatepass.registry import TrustKind, TrustRule, TrustRuleId

__all__ = ["LONGEST_LIFE", "MOST_RULES", "TrustForm", "TrustRules", "told"]

MOST_RULES: Final = 256
SHORTEST_LIFE: Final = 1_000
LONGEST_LIFE: Final = 15 * 60_000
"""Milliseconds; an access token never lives longer, whatever a rule says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustForm:
    """All of a rule but its name. Agents are named by id or name."""

    kind: TrustKind
    issuer: str
    keys_url: str | None = None
    keys: str | None = None
    allow_private: bool = False
    audience: str | None = None
    conditions: tuple[str, ...] = ()
    agent: str | None = None
    agent_claim: str | None = None
    agents: Mapping[str, str] = field(default_factory=dict)
    longest_life: int | None = None
    single_use: bool = True
    reproof: bool = False
    expires: Instant | None = None


@dataclass(frozen=True, slots=True)
class TrustRules:
    """What can be done with trust rules."""

    desk: Desk
    ours: frozenset[str]
    """The audiences of tokens that are meant for us: the issuer identifier and the token endpoint."""

    async def list(self, operator: Operator) -> list[TrustRule]:
        """All of them."""
        await self.desk.permit(operator, Act.READ)
        return [*self.desk.register.trust_rules.values()]

    async def get(self, operator: Operator, ref: str) -> TrustRule:
        """One, by id or name."""
        await self.desk.permit(operator, Act.READ)
        return self.desk.register.trust_rule(ref)

    async def put(self, operator: Operator, name: str, form: TrustForm) -> TrustRule:
        """Make the rule what is said here, whether or not it was there. Raises `Malformed` for one that cannot be."""
        async with self.desk.turn(operator, Act.SET_TRUST) as turn:
            register = self.desk.register
            before = next((rule for rule in register.trust_rules.values() if rule.name == checked_name(name)), None)
            check_by_hand(before)
            if before is None and len(register.trust_rules) >= MOST_RULES:
                raise Conflict("conflict", f"there are {MOST_RULES} trust rules already, which is the most")
            fresh = TrustRuleId(new_id("tru", turn.at, self.desk.entropy)) if before is None else before.id
            wanted = self.made(form, name, fresh, turn.at if before is None else before.created)
            if wanted != before:
                await turn.commit(
                    turn.entry("trust.changed" if before else "trust.created", wanted.id, told(wanted)), puts=(wanted,)
                )
            return wanted

    async def delete(self, operator: Operator, ref: str) -> None:
        """Believe nobody under it any more."""
        async with self.desk.turn(operator, Act.DELETE_TRUST) as turn:
            rule = self.desk.register.trust_rule(ref)
            check_by_hand(rule)
            await turn.commit(self.deleted(turn.entry("trust.deleted", rule.id), rule), removals=(rule,))

    def deleted(self, entry: Entry, rule: TrustRule) -> Entry:
        """What the journal says of a rule that is gone."""
        return entry.amended(details={**entry.details, "name": rule.name, "issuer": rule.issuer})

    def made(self, form: TrustForm, name: str, id_: TrustRuleId, created: Instant) -> TrustRule:
        """The record, checked. Raises `Malformed`, and `NotFound` for an agent that is not there."""
        rule = TrustRule(
            id=id_,
            name=name,
            kind=form.kind,
            issuer=form.issuer,
            keys_url=form.keys_url,
            keys=form.keys,
            allow_private=form.allow_private,
            audience=form.audience,
            conditions=form.conditions,
            agent=None if form.agent is None else self._agent(form.agent),
            agent_claim=form.agent_claim,
            agents={value: self._agent(agent) for value, agent in form.agents.items()},
            longest_life=form.longest_life,
            single_use=form.single_use or form.reproof,
            reproof=form.reproof,
            expires=form.expires,
            created=created,
        )
        check_rule(rule, self.ours)
        return rule

    def lint(self, rule: TrustRule) -> tuple[Finding, ...]:
        """What is unwise about it."""
        try:
            return lint(Rule.of(rule, self.ours))
        except Malformed:  # of a version that read more than this one; it accepts nothing now
            return ()

    def _agent(self, ref: str) -> AgentId:
        try:
            return self.desk.register.agent(ref).id
        except NotFound as fault:
            raise malformed(fault.message) from None


def check_rule(rule: TrustRule, ours: frozenset[str]) -> None:
    """Let a rule be kept. Raises `Malformed` (`malformed_trust_rule`)."""
    read = Rule.of(rule, ours)
    if rule.keys is not None and rule.keys_url is not None:
        raise malformed("keys are pinned, or they are fetched: not both")
    if rule.keys is not None:
        try:
            found = len(keys_of(rule.keys, read.kind))
        except Malformed as fault:
            raise malformed(f"`keys`: {fault.message}") from None
        if not found:
            raise malformed("`keys` has no key that could verify a token")
    elif rule.keys_url is not None:
        check_url(rule.keys_url, "keys_url")
    elif read.kind is RuleKind.SPIFFE:
        raise malformed("a trust domain has no discovery: say where its bundle is, or pin it")
    if rule.longest_life is not None and not SHORTEST_LIFE <= rule.longest_life <= LONGEST_LIFE:
        raise malformed("`longest_life` is 1 to 900 seconds")


def told(rule: TrustRule) -> dict[str, str]:
    """What the journal says of a rule: all of it but pinned keys, of which it says how many characters."""
    said = {
        "name": rule.name,
        "kind": rule.kind.value,
        "issuer": rule.issuer,
        "keys": "pinned" if rule.keys else rule.keys_url or "discovered",
        "audience": rule.audience or "",
        "conditions": " ".join(rule.conditions),
        "agent": rule.agent or "",
        "agent_claim": rule.agent_claim or "",
        "agents": " ".join(f"{value}={agent}" for value, agent in rule.agents.items()),
        "longest_life": "" if rule.longest_life is None else str(rule.longest_life),
        "single_use": "yes" if rule.single_use else "no",
        "reproof": "yes" if rule.reproof else "no",
        "expires": "" if rule.expires is None else str(rule.expires),
    }
    return {name: text[:_LONGEST_TOLD] for name, text in said.items()}


_LONGEST_TOLD: Final = 4096
