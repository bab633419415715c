"""From what is wanted and what there is to a plan. Pure: the same arguments give the same plan.

    1 upstreams   each by itself, then all their catalogues together, as they would be afterwards
    2 roles       read in the words of those catalogues
    3 agents      their roles and owners have to be there; tokens whose limits were the agent's own follow them
    4 missing     what is managed by files and in none of them

What is wanted has to be right as a whole; what there is and stays as it is need not, and is only pointed out. Whether
something is switched off is not said in files: nothing that somebody switched off comes back by applying them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.access import AgentId, Instant, UpstreamId
from gatepass.administration.changes import Catalogues, ReadAhead, Register
from gatepass.administration.configuration.files.present import (
    Value,
    agent_file,
    form_of,
    limits_of,
    members_of,
    milliseconds,
    role_file,
    upstream_file,
)
from gatepass.administration.configuration.files.reading import Fault, Folder, Said, relocated
from gatepass.administration.configuration.files.shapes import AgentFile, RoleFile, UpstreamFile
from gatepass.administration.configuration.following import Terms, follow, limits_fault, stay
from gatepass.administration.configuration.plans import Change, Kind, Member, Missing, Plan, Step
from gatepass.administration.configuration.removing import removals
from gatepass.administration.operators import Act
from gatepass.administration.roles import exception_fault, issuing_fault, narrows
from gatepass.administration.upstreams.registering import check_form, check_still_bound, target_of
from gatepass.errors import Error
from gatepass.registry import Agent, Role, Upstream
from gatepass.revocation import Scope
from gatepass.units import parse_instant

__all__ = ["plan"]

_ORDER: Final = (Kind.UPSTREAM, Kind.ROLE, Kind.AGENT, Kind.TOKEN)


@dataclass(slots=True)
class _Work:
    """A plan in the making."""

    folder: Folder
    register: Register
    present: Catalogues
    terms: Terms
    missing: Missing
    now: Instant
    after: Catalogues
    ahead: ReadAhead
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def plan(
    folder: Folder,
    register: Register,
    catalogues: Catalogues,
    *,
    ahead: ReadAhead,
    terms: Terms,
    missing: Missing,
    now: Instant,
) -> Plan:
    """What it would take to make what there is what `folder` says, or why that cannot be.

    `ahead` is what its operations files declare, as far as they were read before.
    """
    if folder.faults:
        return Plan(faults=tuple(sorted(folder.faults)))
    work = _Work(folder, register, catalogues, terms, missing, now, after=catalogues, ahead=ahead)
    _plan_upstreams(work)
    _plan_roles(work)
    _plan_agents(work)
    changes, left, faults = removals(folder, register, missing)
    work.changes += changes
    if work.faults or faults:
        return Plan(faults=tuple(sorted({*work.faults, *faults})))
    in_order = sorted(work.changes, key=lambda change: (_ORDER.index(change.kind), change.name))
    return Plan(changes=tuple(in_order), notices=(*left, *work.notices))


# -- upstreams


def _plan_upstreams(work: _Work) -> None:
    by_name = {upstream.name: upstream for upstream in work.register.upstreams.values()}
    wanted: dict[str, Upstream] = {}
    for name, said in work.folder.upstreams.items():
        try:
            wanted[name] = _upstream(name, said, by_name.get(name), work)
        except Error as fault:
            work.faults.append(_of_upstream(said, fault))
    gone = {each.name for each in by_name.values() if each.managed and work.missing is Missing.REMOVE}
    stay_as_they_are = [each for name, each in by_name.items() if name not in wanted and name not in gone]
    work.after = work.present.prospect([*stay_as_they_are, *wanted.values()], work.ahead)
    for name, upstream in wanted.items():
        before = by_name.get(name)
        members = _differing(
            None if before is None else _upstream_members(upstream_file(before, work.register), before.operations),
            _upstream_members(work.folder.upstreams[name].shape, upstream.operations),
        )
        why = work.after.faults.get(name)
        if why is not None and (members or before is None):
            work.faults.append(relocated(why, f"operations/{name}.yaml"))
        elif why is not None:
            work.notices.append(f"upstream `{name}` comes to nothing: {why}")
        _note_upstream(work, upstream, work.folder.upstreams[name].shape.secret)
        act = Act.CREATE_UPSTREAM if before is None else Act.CHANGE_UPSTREAM
        _add(work, Kind.UPSTREAM, before=before, wanted=upstream, members=members, act=act)


def _upstream(name: str, said: Said[UpstreamFile], before: Upstream | None, work: _Work) -> Upstream:
    form = form_of(said.shape, work.folder.operations[name])
    upstream = Upstream(
        id=UpstreamId(f"ups_{name}") if before is None else before.id,
        name=name,
        kind=form.kind,
        target=target_of(form),
        operations=form.operations,
        injection=form.injection,
        allow_private=form.allow_private,
        secret=None if before is None else before.secret,
        disabled=None if before is None else before.disabled,
        managed=True,
    )
    check_form(upstream)
    if before is not None:
        upstream = replace(upstream, created=before.created)
        if before.secret in work.register.secrets:
            check_still_bound(before, upstream)
    return upstream


def _of_upstream(said: Said[UpstreamFile], fault: Error) -> Fault:
    """A complaint about a member names it first; all others are about where the upstream is."""
    member = fault.message.partition("`")[2].partition("`")[0]
    where = "target" if said.shape.command is None else "command"
    return said.fault(fault.message, *(member.split(".") if member in members_of(said.shape) else (where,)))


def _upstream_members(said: UpstreamFile, operations: str) -> Mapping[str, Value]:
    digest = hashlib.sha256(operations.encode()).hexdigest()
    lines = operations.count("\n") + (not operations.endswith("\n"))
    return {**members_of(said), "operations": f"{lines} lines, sha256 {digest[:16]}"}


def _note_upstream(work: _Work, upstream: Upstream, secret: str | None) -> None:
    off = upstream.disabled is not None or (Scope.UPSTREAM, upstream.name) in work.register.withdrawn
    if off and upstream.id in work.register.upstreams:
        work.notices.append(f"upstream `{upstream.name}` is disabled, and stays so: files do not enable it")
    if upstream.injection is None:
        return
    held = work.register.secrets.get(upstream.secret) if upstream.secret else None
    if held is None:
        named = secret or "NAME"
        work.notices.append(
            f"upstream `{upstream.name}` has no secret in custody, and its calls are refused without:"
            f" gatepass secret set {named} --upstream {upstream.name}"
        )
    elif secret is not None and held.name != secret:
        work.notices.append(f"upstream `{upstream.name}` has the secret `{held.name}`, not `{secret}`")


# -- roles


def _plan_roles(work: _Work) -> None:
    legible = not work.faults  # a catalogue with a hole in it makes scopes unknown that are not
    for name, said in work.folder.roles.items():
        before = work.register.roles.get(name)
        wanted = Role(
            name=name,
            scopes=said.shape.scopes,
            asks_person=said.shape.asks_person,
            max_lifetime=milliseconds(said.shape.max_lifetime),
            default_scopes=said.shape.default_scopes,
            longest_token=milliseconds(said.shape.longest_token),
            bearer_until=_instant(said.shape.bearer_until),
            bearer_because=said.shape.bearer_because,
            created=work.now if before is None else before.created,
            managed=True,
        )
        members = _differing(None if before is None else members_of(role_file(before)), members_of(said.shape))
        if before is not None and not members:
            wanted = replace(before, managed=True)  # in the order that its scopes have been in
            work.notices += [f"role `{name}`: {fault}" for fault in work.after.faults_of(before)]
        else:
            work.faults += _scope_faults(work.after, said, legible=legible)
        if not work.faults and (says := issuing_fault(wanted, work.after)):
            work.faults.append(said.fault(says, "longest_token" if "longest" in says else "default_scopes"))
        if fault := exception_fault(wanted, before, work.now, may_have_ended=True):
            work.faults.append(said.fault(fault, "bearer_until"))
        act = Act.WIDEN_ROLE
        if before is not None and narrows(before, wanted, work.present, work.after):
            act = Act.NARROW_ROLE
        _add(work, Kind.ROLE, before=before, wanted=wanted, members=members, act=act)
    for name, role in work.register.roles.items():
        if name not in work.folder.roles:
            new = set(work.after.faults_of(role)) - set(work.present.faults_of(role))
            work.notices += [f"role `{name}`: {fault}" for fault in sorted(new)]


def _instant(text: str | None) -> Instant | None:
    return None if text is None else Instant(parse_instant(text))


def _scope_faults(catalogues: Catalogues, said: Said[RoleFile], *, legible: bool) -> Iterator[Fault]:
    for member in ("scopes", "asks_person", "default_scopes"):
        scopes: tuple[str, ...] = getattr(said.shape, member)
        for place, text in enumerate(scopes):
            try:
                catalogues.expand((text,))
            except Error as fault:
                if legible or fault.code != "unknown_scope":
                    yield said.fault(fault.message, member, place)
        if all(map(catalogues.knows, scopes)):
            try:
                catalogues.expand(scopes)
            except Error as fault:
                yield said.fault(fault.message, member)


# -- agents


def _plan_agents(work: _Work) -> None:
    by_name = {agent.name: agent for agent in work.register.agents.values()}
    moved: list[tuple[Agent, Agent]] = []
    for name, said in work.folder.agents.items():
        before = by_name.get(name)
        faults = list(_agent_faults(work, said, before))
        work.faults += faults
        if faults:
            continue
        owner = work.register.person(said.shape.owner).id
        limits = limits_of(said.shape.limits)
        if before is None:
            wanted = Agent(
                id=AgentId(f"agt_{name}"), name=name, owner=owner, role=said.shape.role, created=work.now, limits=limits
            )
        else:
            wanted = replace(before, owner=owner, role=said.shape.role, limits=limits)
        members = _differing(
            None if before is None else members_of(agent_file(before, work.register)), members_of(said.shape)
        )
        act = Act.CREATE_AGENT if before is None else Act.CHANGE_AGENT
        if before is not None and all(member.name.startswith("limits.") for member in members) and members:
            act = Act.CHANGE_AGENT if work.terms.widens(before.limits, limits) else Act.NARROW_TOKEN
        _add(work, Kind.AGENT, before=before, wanted=replace(wanted, managed=True), members=members, act=act)
        if before is not None:
            moved.append((before, wanted))
            work.notices += stay(work.register, work.terms, before, wanted, work.now)
            if before.disabled is not None or (Scope.AGENT, before.id) in work.register.withdrawn:
                work.notices.append(f"agent `{name}` is disabled, and stays so: gatepass agent enable {name}")
    changes, too_many = follow(work.register, work.terms, moved, work.now)
    work.changes += changes
    work.faults += [work.folder.agents[name].fault(says, "limits", "calls") for name, says in too_many]


def _agent_faults(work: _Work, said: Said[AgentFile], before: Agent | None) -> Iterator[Fault]:
    shape = said.shape
    there = {name for name, role in work.register.roles.items() if not _goes(work, role)} | set(work.folder.roles)
    if shape.role not in there:
        yield said.fault(f"there is no role `{shape.role}`", "role")
    owner = next((person for person in work.register.people.values() if person.name == shape.owner), None)
    if owner is None:
        yield said.fault(f"there is no person `{shape.owner}`", "owner")
    elif owner.disabled is not None or (Scope.PERSON, owner.id) in work.register.withdrawn:
        if before is None or before.owner != owner.id:
            yield said.fault(f"`{shape.owner}` is disabled and cannot own an agent", "owner")
        else:
            work.notices.append(f"nobody answers for the agent `{before.name}`: `{shape.owner}` is disabled")
    if (says := limits_fault(work.terms, limits_of(shape.limits))) is not None:
        yield said.fault(says, "limits")


def _goes(work: _Work, role: Role) -> bool:
    return role.managed and role.name not in work.folder.roles and work.missing is Missing.REMOVE


# -- all of them


def _add(
    work: _Work,
    kind: Kind,
    *,
    before: Agent | Role | Upstream | None,
    wanted: Agent | Role | Upstream,
    members: tuple[Member, ...],
    act: Act,
) -> None:
    """The change, if there is one."""
    if before is None:
        step = Step.CREATE
    elif not before.managed:
        step = Step.ADOPT
    elif members:
        step = Step.CHANGE
    else:
        return
    change = Change(kind=kind, name=wanted.name, step=step, members=members, acts=(act,), before=before, wanted=wanted)
    work.changes.append(change)


def _differing(before: Mapping[str, Value] | None, after: Mapping[str, Value]) -> tuple[Member, ...]:
    names: Iterable[str] = dict.fromkeys((*(before or {}), *after))
    known = before or {}
    return tuple(Member(name, known.get(name), after.get(name)) for name in names if known.get(name) != after.get(name))
