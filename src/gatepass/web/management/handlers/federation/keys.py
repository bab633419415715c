"""Agents' own public keys."""

from collections.abc import Mapping
from typing import Final

from gatepass.administration import Act
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.trust import agent_key
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import ListQuery, instant_in
from gatepass.web.management.handlers.federation.forms import AgentKeyCreation
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]


async def list_agent_keys(call: Call) -> Answer:
    """The keys of one agent."""
    keys = await call.administration.trust.keys.list(call.operator, call.ref)
    return page_of(keys, call.query, lambda key: key.id, lambda key: agent_key(call.administration, key))


async def add_agent_key(call: Call) -> Answer:
    """Let an agent authenticate at the issuer with a key of its own."""
    form: AgentKeyCreation = call.form
    jwk = call.exact.get("jwk") if isinstance(call.exact, Mapping) else None
    expires = instant_in("expires_at", form.expires_at)
    key = await call.administration.trust.keys.add(call.operator, call.ref, jwk, form.label, expires)
    return Answer(201, agent_key(call.administration, key))


async def remove_agent_key(call: Call) -> Answer:
    """Take a key away from its agent, by its id or thumbprint."""
    await call.administration.trust.keys.remove(call.operator, call.ref)
    return Answer(204)


def _agent(call: Call) -> shapes.Agent:
    return call.shows.agent(call.administration.desk.register.agent(call.ref))


def _key(call: Call) -> shapes.AgentKey:
    return agent_key(call.administration, call.administration.desk.register.agent_key(call.ref))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/agents/{ref}/keys",
        handle=list_agent_keys,
        query=ListQuery,
        acts=(Act.READ_OWN,),
        answer=shapes.Page[shapes.AgentKey],
    ),
    Operation(
        method="POST",
        path="/agents/{ref}/keys",
        handle=add_agent_key,
        body=AgentKeyCreation,
        exact=True,
        acts=(Act.ADD_KEY,),
        status=201,
        answer=shapes.AgentKey,
        current=_agent,
        once=True,
        codes=("conflict", "malformed_key"),
    ),
    Operation(
        method="DELETE",
        path="/agent-keys/{ref}",
        handle=remove_agent_key,
        acts=(Act.REMOVE_KEY,),
        status=204,
        current=_key,
    ),
)
