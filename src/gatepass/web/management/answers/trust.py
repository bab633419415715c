"""What the management API shows of whom we believe."""

from collections.abc import Iterable

from gatepass.administration import Administration
from gatepass.administration.trust import Trial
from gatepass.registry import AgentKey, TrustRule
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.words import instant

__all__ = ["agent_key", "trust_rule", "trust_trials"]


def trust_rule(administration: Administration, rule: TrustRule) -> shapes.TrustRule:
    """A rule, with what is unwise about it."""
    rules = administration.trust.rules
    longest = rule.longest_life
    return shapes.TrustRule(
        id=rule.id,
        name=rule.name,
        kind=rule.kind,
        issuer=rule.issuer,
        keys_url=rule.keys_url,
        keys=rule.keys,
        allow_private=rule.allow_private,
        audience=rule.audience,
        accepts_audiences=sorted(rules.ours) if rule.audience is None else [rule.audience],
        conditions=rule.conditions,
        agent=None if rule.agent is None else _agent_name(administration, rule.agent),
        agent_claim=rule.agent_claim,
        agents={value: _agent_name(administration, agent) for value, agent in rule.agents.items()},
        longest_life_seconds=None if longest is None else longest // 1000,
        single_use=rule.single_use,
        reproof=rule.reproof,
        expires_at=instant(rule.expires),
        managed_by="files" if rule.managed else None,
        created_at=instant(rule.created),
        warnings=[
            shapes.TrustWarning(warning=found.code, grade=found.grade.value, message=found.message)
            for found in rules.lint(rule)
        ],
    )


def agent_key(administration: Administration, key: AgentKey) -> shapes.AgentKey:
    """A public key."""
    return shapes.AgentKey(
        id=key.id,
        agent=_agent_name(administration, key.agent),
        label=key.label,
        jwk=key.jwk,
        thumbprint=key.thumbprint,
        created_at=instant(key.created),
        expires_at=instant(key.expires),
    )


def trust_trials(administration: Administration, trials: Iterable[Trial]) -> shapes.TrustTrials:
    """What each rule said, and what it comes to."""
    listed = tuple(trials)
    agents = {trial.verdict.agent for trial in listed if trial.verdict.agent is not None}
    return shapes.TrustTrials(
        agent=_agent_name(administration, agents.pop()) if len(agents) == 1 else None,
        trials=[
            shapes.TrustTrial(
                rule=trial.rule.name,
                accepted=trial.verdict.accepted,
                agent=None if trial.verdict.agent is None else _agent_name(administration, trial.verdict.agent),
                checks=[
                    shapes.TrustCheck(what=check.what, holds=check.holds, said=check.said)
                    for check in trial.verdict.checks
                ],
            )
            for trial in listed
        ],
    )


def _agent_name(administration: Administration, id_: str) -> str:
    agents = administration.desk.register.agents.values()
    return next((agent.name for agent in agents if agent.id == id_), id_)
