"""A plan as records and journal entries: the events of the same changes by hand, and one that says it was files.

New records get their ids here, and an upstream that wants a secret the id of one that nobody has stored yet.
"""

from dataclasses import dataclass, field, replace

from gatepass.access import AgentId, UpstreamId
from gatepass.administration.changes import Turn
from gatepass.administration.configuration.plans import Change, Plan, Step
from gatepass.administration.roles import entry_of
from gatepass.administration.store import Record
from gatepass.administration.tokens.terms import told as limits_told
from gatepass.administration.upstreams.registering import secret_of, told
from gatepass.audit import Entry
from gatepass.credentials import TokenRecord, new_id
from gatepass.registry import Agent, Role, Upstream

__all__ = ["Recorded", "record"]

APPLIED = "configuration.applied"
"""The event of an apply; what it changed are the entries before it."""


@dataclass(slots=True)
class Recorded:
    """One transaction."""

    puts: list[Record] = field(default_factory=list)
    removals: list[Record] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def record(turn: Turn, planned: Plan) -> Recorded:
    """What the plan comes to."""
    recorded = Recorded()
    for change in planned.changes:
        if change.step is Step.REMOVE:
            _remove(turn, change, recorded)
        elif change.step is Step.RELEASE:
            _release(turn, change, recorded)
        else:
            _put(turn, change, recorded)
    counts = {step.value: sum(change.step is step for change in planned.changes) for step in Step}
    details = {name: str(count) for name, count in counts.items() if count}
    recorded.entries.append(turn.entry(APPLIED, planned.fingerprint, details))
    return recorded


def _put(turn: Turn, change: Change, recorded: Recorded) -> None:
    match change.wanted:
        case Upstream() as upstream:
            recorded.entries.append(_upstream(turn, change, upstream, recorded))
        case Role() as role:
            role = replace(role, created=role.created or turn.at)
            before = change.before if isinstance(change.before, Role) else None
            recorded.puts.append(role)
            recorded.entries.append(_by_files(change, entry_of(turn, role, before)))
        case Agent() as agent:
            recorded.entries.append(_agent(turn, change, agent, recorded))
        case TokenRecord() as token if isinstance(change.before, TokenRecord):
            before_told = {f"{name}_before": text for name, text in limits_told(change.before.limits).items()}
            recorded.puts.append(token)
            entry = turn.token_entry("token.changed", token, {**limits_told(token.limits), **before_told})
            recorded.entries.append(_by_files(change, entry))


def _upstream(turn: Turn, change: Change, upstream: Upstream, recorded: Recorded) -> Entry:
    desk, before = turn.desk, change.before if isinstance(change.before, Upstream) else None
    if before is None:
        upstream = replace(upstream, id=UpstreamId(new_id("ups", turn.at, desk.entropy)), created=turn.at)
    known = None if before is None else before.secret
    upstream = replace(upstream, secret=secret_of(desk, upstream.injection, known, turn.at))
    recorded.puts.append(upstream)
    event = "upstream.created" if before is None else "upstream.changed"
    entry = turn.entry(event, upstream.id, told(upstream, desk.catalogues.of(upstream)))
    return _by_files(change, entry.amended(upstream=upstream.name))


def _agent(turn: Turn, change: Change, agent: Agent, recorded: Recorded) -> Entry:
    before = change.before if isinstance(change.before, Agent) else None
    if before is None:
        agent = replace(agent, id=AgentId(new_id("agt", turn.at, turn.desk.entropy)), created=turn.at)
    recorded.puts.append(agent)
    limits = {member.name: str(member.after or "default") for member in change.members if "." in member.name}
    details = {"name": agent.name, "owner": agent.owner, "role_before": before.role if before else "", **limits}
    entry = turn.entry("agent.changed" if before else "agent.created", agent.id, details)
    return _by_files(change, entry.amended(agent=agent.id, role=agent.role))


def _remove(turn: Turn, change: Change, recorded: Recorded) -> None:
    match change.before:
        case Agent() as agent:
            revoked = turn.revoke(change.revoked, "its agent was taken out of the files")
            recorded.puts += [
                replace(agent, disabled=agent.disabled or turn.at, fence=turn.at, managed=False),
                *revoked,
            ]
            because = {"because": "its agent was taken out of the files"}
            recorded.entries += [turn.token_entry("token.revoked", token, because) for token in revoked]
            entry = turn.entry("agent.disabled", agent.id, {"name": agent.name, "tokens": str(len(revoked))})
            recorded.entries.append(_by_files(change, entry.amended(agent=agent.id, role=agent.role)))
        case Role() as role:
            recorded.removals.append(role)
            recorded.entries.append(_by_files(change, turn.entry("role.deleted", role.name).amended(role=role.name)))
        case Upstream() as upstream:
            secrets = [each for each in turn.desk.register.secrets.values() if each.upstream == upstream.id]
            recorded.removals += [upstream, *secrets]
            entry = turn.entry("upstream.deleted", upstream.id, {"name": upstream.name})
            recorded.entries.append(_by_files(change, entry.amended(upstream=upstream.name)))
            recorded.entries += [turn.entry("secret.deleted", each.id, {"name": each.name}) for each in secrets]


def _release(turn: Turn, change: Change, recorded: Recorded) -> None:
    before = change.before
    if isinstance(before, Agent | Role | Upstream):
        recorded.puts.append(replace(before, managed=False))
        subject = before.name if isinstance(before, Role) else before.id
        recorded.entries.append(turn.entry(f"{change.kind}.released", subject, {"name": before.name}))


def _by_files(change: Change, entry: Entry) -> Entry:
    """The entry, which says that files said so."""
    said = {"by": "files"} | ({"adopted": "yes"} if change.step is Step.ADOPT else {})
    return entry.amended(details={**entry.details, **said})
