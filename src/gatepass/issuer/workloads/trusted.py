"""The trust rules and the agents' keys that are in force, as the issuer looks them up.

The law: a rule is found by the issuer that a token names, or by the trust domain of its subject, and by nothing else
that a stranger says. A rule that this version cannot read is not in force. Synchronous: no reader sees half a change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gatepass.access import AgentId, Instant
from gatepass.attestation import Rule, UnverifiedAssertion
from gatepass.errors import Malformed
from gatepass.registry import AgentKey, AgentKeyId, TrustRule, TrustRuleId

__all__ = ["Trusted"]


@dataclass(slots=True)
class Trusted:
    """What is believed now."""

    ours: frozenset[str]
    """The audiences of tokens that are meant for us, where a rule pins none."""
    rules: dict[TrustRuleId, tuple[TrustRule, Rule]] = field(default_factory=dict)
    keys: dict[AgentKeyId, AgentKey] = field(default_factory=dict)

    def put(self, record: TrustRule | AgentKey) -> None:
        """Add or replace one."""
        if isinstance(record, AgentKey):
            self.keys[record.id] = record
            return
        try:
            self.rules[record.id] = record, Rule.of(record, self.ours)
        except Malformed:
            self.rules.pop(record.id, None)

    def remove(self, record: TrustRule | AgentKey) -> None:
        """Believe it no more."""
        if isinstance(record, AgentKey):
            self.keys.pop(record.id, None)
        else:
            self.rules.pop(record.id, None)

    def for_assertion(self, assertion: UnverifiedAssertion, agent: AgentId | None) -> list[tuple[TrustRule, Rule]]:
        """The rules to be asked about a token; with `agent`, those that could prove somebody to be that one."""
        return [
            (record, rule)
            for record, rule in self.rules.values()
            if assertion.is_for(rule.kind, rule.issuer) and (agent is None or agent in rule.may_be())
        ]

    def reproof(self, rule: str) -> bool:
        """Whether what was issued under a rule leads to nothing further: it wants new proof, or it is gone."""
        found = self.rules.get(TrustRuleId(rule))
        return found is None or found[0].reproof

    def keys_of(self, agent: AgentId, now: Instant) -> Iterable[AgentKey]:
        """The agent's own keys that count now."""
        return (key for key in self.keys.values() if key.agent == agent and (key.expires is None or key.expires > now))
