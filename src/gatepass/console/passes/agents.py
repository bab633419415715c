"""Agents: who works here, in which role, for whom, and with which tokens."""

from collections.abc import Mapping
from typing import Final

from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.passes.rows import (
    CLASSES,
    LIMIT_WORDS,
    alive_first,
    members,
    starting_fields,
    starting_said,
    taken,
)
from gatepass.console.showing import Difference, differences, overtaken
from gatepass.errors import Denied, Error, Malformed
from gatepass.web.problems import status_of

__all__ = ["ROUTES", "listed"]

MOST: Final = 100


async def index(asking: Asking) -> Answer:
    """All of them, or one's own."""
    agents, following = await asking.api.part("agents", limit=str(MOST), cursor=asking.query.one("cursor") or None)
    return Page(
        template="passes/agents.html",
        values={"agents": agents, "next": following, "first": "cursor" in asking.query},
    )


async def new(asking: Asking) -> Answer:
    """The form for one more."""
    return await _form(asking)


async def create(asking: Asking) -> Answer:
    """Add it."""
    form = asking.form
    said: dict[str, Json] = {"name": form.one("name"), "role": form.one("role"), "owner": form.one("owner") or None}
    try:
        agent = await asking.api.post("agents", body=taken(said), key=form.one("key") or None)
    except CORRECTABLE as error:
        return await _form(asking, error)
    return Redirect(to=f"/console/agents/{agent['id']}", notice="agent-created", subject=str(agent["name"]))


async def show(asking: Asking) -> Answer:
    """One agent, with its tokens."""
    return await _page(asking)


async def change(asking: Asking) -> Answer:
    """Move it to another role or owner."""
    said = taken({"role": asking.form.one("role") or None, "owner": asking.form.one("owner") or None})
    try:
        agent = await asking.api.patch("agents", asking.ref, body=said, etag=asking.form.one("etag") or None)
    except CORRECTABLE as error:
        return await _page(asking, error, "change")
    return Redirect(to=f"/console/agents/{agent['id']}", notice="agent-changed", subject=str(agent["name"]))


async def limit(asking: Asking) -> Answer:
    """Let its tokens start with other limits; those that have them as given follow."""
    agent = await asking.api.get("agents", asking.ref)
    try:
        limits = starting_said(asking.form, members(agent["limits"]))
        if not limits:
            raise Malformed("malformed_request", "nothing was changed", hint="Change a limit, then save.")
        said: Members = {"limits": limits}
        await asking.api.patch("agents", asking.ref, body=said, etag=asking.form.one("etag") or None)
    except CORRECTABLE as error:
        return await _page(asking, error, "limits")
    return Redirect(to=f"/console/agents/{agent['id']}", notice="agent-limited", subject=str(agent["name"]))


async def disable(asking: Asking) -> Answer:
    """Refuse everything that it does."""
    agent = await asking.api.post("agents", asking.ref, "disable")
    return Redirect(to=f"/console/agents/{agent['id']}", notice="agent-disabled", subject=str(agent["name"]))


async def enable(asking: Asking) -> Answer:
    """Let it have tokens again."""
    agent = await asking.api.post("agents", asking.ref, "enable")
    return Redirect(to=f"/console/agents/{agent['id']}", notice="agent-enabled", subject=str(agent["name"]))


async def revoke(asking: Asking) -> Answer:
    """Revoke all its tokens, and leave it enabled."""
    agent = await asking.api.get("agents", asking.ref)
    said: dict[str, Json] = {"scope": "agent", "id": str(agent["id"]), "reason": asking.form.one("reason") or None}
    await asking.api.post("revocations", body=taken(said))
    return Redirect(to=f"/console/agents/{agent['id']}", notice="tokens-revoked", subject=str(agent["name"]))


async def _form(asking: Asking, error: Error | None = None) -> Page:
    values = {
        "error": error,
        "typed": {name: asking.form.one(name) or asking.query.one(name) for name in ("name", "role", "owner")},
        "roles": await listed(asking, "roles"),
        "people": await listed(asking, "people"),
    }
    return Page(template="passes/agent_new.html", values=values, status=status_of(error) if error else 200)


async def _page(asking: Asking, error: Error | None = None, where: str = "") -> Page:
    agent, etag = await asking.api.seen("agents", asking.ref)
    limits, form = members(agent["limits"]), asking.form
    shown = starting_fields(limits)
    tokens = await asking.api.listed("tokens", agent=str(agent["id"]))
    values = {
        "agent": agent,
        "etag": etag,
        "tokens": alive_first(tokens),
        "roles": await listed(asking, "roles"),
        "people": await listed(asking, "people"),
        "error": error,
        "where": where,
        "picked": {name: form.one(name) if where == "change" else str(agent[name]) for name in ("role", "owner")},
        "changed": _overtaken(asking, where, agent, shown) if overtaken(error) else None,
        "stated": {name: text for name, text in shown.items() if text},
        "limit_fields": {name: form.one(name) for name in shown} if where == "limits" else shown,
        "classes": CLASSES,
        "chosen_classes": form.all("classes") if where == "limits" else limits["classes"] or (),
    }
    return Page(template="passes/agent.html", values=values, status=status_of(error) if error else 200)


def _overtaken(asking: Asking, where: str, agent: Members, limits: Mapping[str, str]) -> list[Difference]:
    """How the agent stands now, beside what the form says."""
    form = asking.form
    if where == "change":
        names = [name for name in ("role", "owner") if name in form]
        now = {name: str(agent[name]) for name in names}
        return differences(now, {name: form.one(name) for name in names}, {name: name.title() for name in names})
    classes = ", ".join(map(str, members(agent["limits"])["classes"] or ()))  # type: ignore[arg-type]  # a list of texts
    typed = {name: form.one(name) for name in limits} | {"classes": ", ".join(sorted(form.all("classes")))}
    return differences({**limits, "classes": classes}, typed, LIMIT_WORDS)


async def listed(asking: Asking, *path: str) -> tuple[Members, ...]:
    """A list to pick from; empty for who may not see it."""
    try:
        return await asking.api.listed(*path)
    except Denied:
        return ()


ROUTES: Final = (
    Route("GET", "/agents", index),
    Route("GET", "/agents/_new", new),
    Route("POST", "/agents/_new", create),
    Route("GET", "/agents/{ref}", show),
    Route("POST", "/agents/{ref}/change", change),
    Route("POST", "/agents/{ref}/limits", limit),
    Route("POST", "/agents/{ref}/disable", disable),
    Route("POST", "/agents/{ref}/enable", enable),
    Route("POST", "/agents/{ref}/revoke", revoke),
)
