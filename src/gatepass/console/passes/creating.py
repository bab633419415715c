"""One form for a new token: a name and scopes; everything else has a default and is folded away.

The secret is in the answer to the form and nowhere else: not in an address, not in a redirect, not in a page that
anything may keep. Sending the same form twice (a reload) asks with the same key.
"""

from collections.abc import Mapping
from typing import Any, Final

from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Route
from gatepass.console.bridge import Members
from gatepass.console.passes.agents import listed
from gatepass.console.passes.proposing import ready_requests
from gatepass.console.passes.rows import CLASSES, limits_said, seconds_said, taken
from gatepass.errors import Denied, Error
from gatepass.web.problems import status_of

__all__ = ["ROUTES", "once", "reach_of"]

_OF_PEOPLE: Final = ("any upstream", "what its person's role does not allow", "anything of class admin")
_TEXTS: Final = (
    "name",
    "agent",
    "narrower",
    "lifetime",
    "purpose",
    "calls",
    "attempts",
    "writes_per_minute",
    "requests_per_day",
)


async def new(asking: Asking) -> Answer:
    """The form; its scopes alone where a script asks for those of another agent."""
    return await _form(asking)


async def create(asking: Asking) -> Answer:
    """Issue it and show it, once; or show what the agent that was chosen may have."""
    if asking.form.one("step") == "scopes":
        return await _form(asking)
    try:
        issued = await asking.api.post("tokens", body=_said(asking), key=asking.form.one("key") or None)
    except CORRECTABLE as error:
        return await _form(asking, error)
    return await once(asking, issued, rotated=False)


async def once(asking: Asking, issued: Members, *, rotated: bool, old_until: Json = None) -> Page:
    """The page that shows a secret, and what to do with it next."""
    radius = await reach_of(asking, issued)
    reach = radius["reach"] if isinstance(radius["reach"], tuple) else ()
    doors = sorted({str(each["path"]) for each in reach if isinstance(each, Mapping)})
    values = {
        "token": issued,
        "rotated": rotated,
        "old_until": old_until,
        "radius": radius,
        "rest": [door for door in doors if door.startswith("/u/")],
        "ready": await ready_requests(asking, issued, [each for each in reach if isinstance(each, Mapping)]),
        "mcp": [door for door in doors if door.startswith("/mcp/")],
        "base": asking.agents_url,
        "own": issued["agent"] is None,
    }
    return Page(template="passes/once.html", values=values, status=201)


async def reach_of(asking: Asking, token: Members) -> Members:
    """Everything that a token can reach. A person's token reaches no upstream, and the API has no such page of it."""
    if token["kind"] == "machine":
        return await asking.api.get("tokens", str(token["id"]), "blast-radius")
    return {"alive": token["alive"], "reach": (), "shut": (), "untouched": (), "never": _OF_PEOPLE, "limits": ()}


def _said(asking: Asking) -> Members:
    form = asking.form
    agent = form.one("agent")
    narrower = tuple(line.strip() for line in form.exact("narrower").splitlines() if line.strip())
    said: dict[str, Json] = {
        "name": form.one("name"),
        "agent": agent or None,
        "scopes": (*form.all("scopes"), *narrower) or None,
        "lifetime_seconds": seconds_said(form, "lifetime"),
        "purpose": form.one("purpose") or None,
        "limits": limits_said(form) or None,
        "run": "new" if form.one("run") == "new" else None,
    }
    return taken(said)


async def _form(asking: Asking, error: Error | None = None) -> Page:
    form, query = asking.form, asking.query
    typed: dict[str, Any] = {name: form.exact(name) or query.one(name) for name in _TEXTS}
    holders = await _holders(asking)
    named = "agent" in form or "agent" in query
    chosen = (form if "agent" in form else query).one("agent") if named else str(holders[0]["name"]) if holders else ""
    holder = next((agent for agent in holders if chosen in {agent["name"], agent["id"]}), None)
    typed["agent"] = chosen if holder is None else str(holder["name"])
    catalogue = () if holder is None else await _catalogue(asking, str(holder["role"]))
    offered = {
        str(action["scope"])
        for spec in catalogue
        if isinstance(spec["actions"], tuple)
        for action in spec["actions"]
        if isinstance(action, Mapping)
    }
    asked = [*form.all("scopes"), *query.all("scope")]
    if not typed["narrower"] and form.one("step") != "scopes":
        typed["narrower"] = "\n".join(scope for scope in asked if scope not in offered)
    values = {
        "error": error,
        "typed": typed,
        "chosen": [scope for scope in asked if scope in offered],
        "classes": CLASSES,
        "chosen_classes": form.all("classes"),
        "own_run": form.one("run") == "new",
        "unfolded": any(typed[name] for name in _TEXTS[3:]) or bool(form.all("classes")),
        "agents": holders,
        "holder": holder,
        "catalogue": catalogue,
    }
    template = "passes/token_scopes.html" if asking.partial and error is None else "passes/token_new.html"
    return Page(template=template, values=values, status=status_of(error) if error else 200)


async def _holders(asking: Asking) -> list[Members]:
    """The agents that a token can be made for, by who asks."""
    if not await asking.may("token.create"):
        return []
    return [agent for agent in await listed(asking, "agents") if agent["disabled_at"] is None]


async def _catalogue(asking: Asking, role: str) -> tuple[Members, ...]:
    """What there is to pick from in a role; nothing for who may not see it."""
    try:
        return (await asking.api.part("scopes", role=role))[0]
    except Denied:
        return ()


ROUTES: Final = (
    Route("GET", "/tokens/_new", new),
    Route("POST", "/tokens/_new", create),
)
