"""What is managed by files and in none of them any more: left and pointed out, removed, or handed back.

Removing an agent disables it and revokes its tokens: its story stays. A role can go when no agent that is enabled acts
in it; an upstream goes with its secret.
"""

from gatepass.administration.changes import Register
from gatepass.administration.configuration.files.reading import Fault, Folder
from gatepass.administration.configuration.plans import Change, Kind, Missing, Step
from gatepass.administration.operators import Act
from gatepass.registry import Agent, Role, Upstream

__all__ = ["removals"]


def removals(folder: Folder, register: Register, missing: Missing) -> tuple[list[Change], list[str], list[Fault]]:
    """The changes, what is left as it is, and what stands in the way."""
    gone = _missing(folder, register)
    if missing is Missing.LEAVE:
        left = [
            f"{kind} `{record.name}` is in no file any more, and left as it is: --prune removes it"
            for kind, record in gone
        ]
        return [], left, []
    if missing is Missing.RELEASE:
        return [_release(kind, record) for kind, record in gone], [], []
    faults = [
        Fault("", 0, f"the role `{record.name}` cannot be removed: the agent `{agent.name}` acts in it")
        for _, record in gone
        if isinstance(record, Role)
        for agent in _acting(folder, register, record)
    ]
    return [_remove(register, kind, record) for kind, record in gone], [], faults


def _missing(folder: Folder, register: Register) -> list[tuple[Kind, Agent | Role | Upstream]]:
    said = {Kind.UPSTREAM: folder.upstreams, Kind.ROLE: folder.roles, Kind.AGENT: folder.agents}
    there: list[tuple[Kind, Agent | Role | Upstream]] = [
        *((Kind.UPSTREAM, upstream) for upstream in register.upstreams.values()),
        *((Kind.ROLE, role) for role in register.roles.values()),
        *((Kind.AGENT, agent) for agent in register.agents.values()),
    ]
    return [(kind, record) for kind, record in there if record.managed and record.name not in said[kind]]


def _acting(folder: Folder, register: Register, role: Role) -> list[Agent]:
    """The agents that would be left in the role: managed by hand, and in no file that could say another."""
    return [
        agent
        for agent in register.agents.values()
        if agent.role == role.name and agent.disabled is None and not agent.managed and agent.name not in folder.agents
    ]


def _remove(register: Register, kind: Kind, record: Agent | Role | Upstream) -> Change:
    match record:
        case Agent():
            tokens = tuple(
                token for token in register.tokens.values() if token.agent == record.id and token.revoked is None
            )
            says = f"it is disabled, and {len(tokens)} of its tokens are revoked" if tokens else "it is disabled"
            return Change(
                kind=kind,
                name=record.name,
                step=Step.REMOVE,
                acts=(Act.DISABLE_AGENT,),
                before=record,
                revoked=tokens,
                says=says,
            )
        case Role():
            return Change(kind=kind, name=record.name, step=Step.REMOVE, acts=(Act.DELETE_ROLE,), before=record)
        case Upstream():
            held = [secret.name for secret in register.secrets.values() if secret.upstream == record.id]
            says = f"its secret `{held[0]}` goes with it" if held else ""
            return Change(
                kind=kind, name=record.name, step=Step.REMOVE, acts=(Act.DELETE_UPSTREAM,), before=record, says=says
            )


_RELEASE = {Kind.AGENT: Act.CHANGE_AGENT, Kind.ROLE: Act.NARROW_ROLE, Kind.UPSTREAM: Act.CHANGE_UPSTREAM}


def _release(kind: Kind, record: Agent | Role | Upstream) -> Change:
    says = "it is managed by hand from now on"
    return Change(kind=kind, name=record.name, step=Step.RELEASE, acts=(_RELEASE[kind],), before=record, says=says)
