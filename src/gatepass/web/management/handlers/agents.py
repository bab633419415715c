"""Agents and roles."""

from typing import Final

from gatepass.administration import Act
from gatepass.errors import Malformed
from gatepass.web.management.answers import shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import AgentChange, AgentCreation, ListQuery, RoleForm, instant_in
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]


async def list_agents(call: Call) -> Answer:
    """All agents, or one's own."""
    agents = await call.administration.overview.agents(call.operator)
    return page_of(agents, call.query, lambda agent: agent.id, call.shows.agent)


async def create_agent(call: Call) -> Answer:
    """Add an agent."""
    form: AgentCreation = call.form
    limits = None if form.limits is None else form.limits.changes()
    agent = await call.administration.agents.create(call.operator, form.name, form.role, form.owner, limits)
    return Answer(201, call.shows.agent(agent), location=f"/agents/{agent.id}")


async def get_agent(call: Call) -> Answer:
    """One agent."""
    return Answer(shown=call.shows.agent(await call.administration.overview.agent(call.operator, call.ref)))


async def change_agent(call: Call) -> Answer:
    """Move an agent to another role or owner, or let its tokens start with other limits."""
    form: AgentChange = call.form
    if form.role is None and form.owner is None and form.limits is None:
        raise Malformed("malformed_request", "expected `role`, `owner` or `limits`")
    limits = None if form.limits is None else form.limits.changes()
    changed = await call.administration.agents.change(
        call.operator, call.ref, role=form.role, owner=form.owner, limits=limits
    )
    return Answer(shown=call.shows.agent(changed))


async def disable_agent(call: Call) -> Answer:
    """Refuse everything that an agent does, for good."""
    return Answer(shown=call.shows.agent(await call.administration.agents.disable(call.operator, call.ref)))


async def enable_agent(call: Call) -> Answer:
    """Let an agent have tokens again."""
    return Answer(shown=call.shows.agent(await call.administration.agents.enable(call.operator, call.ref)))


async def list_roles(call: Call) -> Answer:
    """All roles."""
    roles = await call.administration.overview.roles(call.operator)
    return page_of(roles, call.query, lambda role: role.name, call.shows.role)


async def get_role(call: Call) -> Answer:
    """One role."""
    return Answer(shown=call.shows.role(await call.administration.overview.role(call.operator, call.ref)))


async def put_role(call: Call) -> Answer:
    """Make a role what is said here."""
    form: RoleForm = call.form
    longest, short = form.max_lifetime_seconds, form.longest_token_seconds
    role = await call.administration.roles.put(
        call.operator,
        call.ref,
        scopes=form.scopes,
        asks_person=form.asks_person,
        max_lifetime=None if longest is None else longest * 1000,
        default_scopes=form.default_scopes,
        longest_token=None if short is None else short * 1000,
        bearer_until=instant_in("bearer_until", form.bearer_until),
        bearer_because=form.bearer_because,
    )
    return Answer(shown=call.shows.role(role))


async def delete_role(call: Call) -> Answer:
    """Delete a role that no agent is in."""
    await call.administration.roles.delete(call.operator, call.ref)
    return Answer(204)


def _agent(call: Call) -> shapes.Agent:
    return call.shows.agent(call.administration.desk.register.agent(call.ref))


def _role(call: Call) -> shapes.Role:
    return call.shows.role(call.administration.desk.register.role(call.ref))


_SCOPES: Final = ("malformed_scope", "unknown_scope")

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/agents",
        handle=list_agents,
        query=ListQuery,
        acts=(Act.READ_OWN,),
        answer=shapes.Page[shapes.Agent],
    ),
    Operation(
        method="POST",
        path="/agents",
        handle=create_agent,
        body=AgentCreation,
        acts=(Act.CREATE_AGENT,),
        status=201,
        answer=shapes.Agent,
        once=True,
        codes=("conflict", "not_found"),
    ),
    Operation(method="GET", path="/agents/{ref}", handle=get_agent, acts=(Act.READ_OWN,), answer=shapes.Agent),
    Operation(
        method="PATCH",
        path="/agents/{ref}",
        handle=change_agent,
        body=AgentChange,
        acts=(Act.CHANGE_AGENT, Act.NARROW_TOKEN),
        answer=shapes.Agent,
        current=_agent,
        codes=("conflict", "ceiling_exceeded"),
    ),
    Operation(
        method="POST",
        path="/agents/{ref}/disable",
        handle=disable_agent,
        acts=(Act.DISABLE_AGENT,),
        answer=shapes.Agent,
        current=_agent,
    ),
    Operation(
        method="POST",
        path="/agents/{ref}/enable",
        handle=enable_agent,
        acts=(Act.ENABLE_AGENT,),
        answer=shapes.Agent,
        current=_agent,
        codes=("conflict",),
    ),
    Operation(
        method="GET",
        path="/roles",
        handle=list_roles,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.Role],
    ),
    Operation(method="GET", path="/roles/{ref}", handle=get_role, acts=(Act.READ,), answer=shapes.Role),
    Operation(
        method="PUT",
        path="/roles/{ref}",
        handle=put_role,
        body=RoleForm,
        acts=(Act.WIDEN_ROLE, Act.NARROW_ROLE),
        answer=shapes.Role,
        current=_role,
        codes=_SCOPES,
    ),
    Operation(
        method="DELETE",
        path="/roles/{ref}",
        handle=delete_role,
        acts=(Act.DELETE_ROLE,),
        status=204,
        current=_role,
        codes=("conflict",),
    ),
)
