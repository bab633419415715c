"""People: who may manage what, who signs in for the first time, and who has left.

A one-time code is in the answer to its making and nowhere else: the page that shows it is not kept and cannot be
asked for again.
"""

from typing import Final

from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.showing import Difference, differences, overtaken
from gatepass.errors import Error
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]

OPERATORS: Final = (
    ("admin", "admin: everything, what widens within 15 minutes of signing in"),
    ("operator", "operator: adds agents and tokens within existing roles, and revokes"),
    ("auditor", "auditor: sees everything, changes nothing"),
)


async def index(asking: Asking) -> Answer:
    """Everybody."""
    items, following = await asking.api.part("people", cursor=asking.query.one("cursor") or None, limit="100")
    return Page(template="estate/people.html", values={"items": items, "next": following})


async def show(asking: Asking) -> Answer:
    """One person, and what is theirs."""
    return await _shown(asking)


async def new(asking: Asking) -> Answer:
    """The form of a new one."""
    await asking.require_fresh()
    return _form("", "operator")


async def create(asking: Asking) -> Answer:
    """Add the person, and show the code of their first sign-in, once."""
    name, operator = asking.form.one("name"), asking.form.one("operator")
    try:
        made = await asking.api.post(
            "people", body={"name": name, "operator": operator or None}, key=asking.form.one("key") or None
        )
    except CORRECTABLE as error:
        return _form(name, operator, error)
    return Page(template="estate/person_code.html", values={"person": made, "code": made.get("code")}, status=201)


async def invite(asking: Asking) -> Answer:
    """Another one-time code."""
    made = await asking.api.post("people", asking.ref, "code", key=asking.form.one("key") or None)
    person = await asking.api.get("people", asking.ref)
    return Page(template="estate/person_code.html", values={"person": person, "code": made.get("code")})


async def change(asking: Asking) -> Answer:
    """Another operator role, or none."""
    operator = asking.form.one("operator")
    try:
        made = await asking.api.patch(
            "people", asking.ref, body={"operator": operator or None}, etag=asking.form.one("etag") or None
        )
    except CORRECTABLE as error:
        return await _shown(asking, error)
    return Redirect(to=f"/console/people/{made['id']}", notice="person-changed", subject=str(made["name"]))


async def disable(asking: Asking) -> Answer:
    """Revoke all that is theirs, for good."""
    try:
        made = await asking.api.post("people", asking.ref, "disable")
    except CORRECTABLE as error:
        return await _shown(asking, error)
    return Redirect(to=f"/console/people/{made['id']}", notice="person-disabled", subject=str(made["name"]))


async def _shown(asking: Asking, problem: Error | None = None) -> Page:
    person, etag = await asking.api.seen("people", asking.ref)
    agents = [agent for agent in await asking.api.listed("agents") if agent["owner_id"] == person["id"]]
    tokens, more = await asking.api.part("tokens", owner=str(person["id"]), state="live", limit="50")
    return Page(
        template="estate/person.html",
        status=status_of(problem) if problem else 200,
        values={
            "person": person,
            "etag": etag or "",
            "agents": agents,
            "tokens": tokens,
            "more": more is not None,
            "operators": OPERATORS,
            "problem": problem,
            "picked": asking.form.one("operator") if "operator" in asking.form else str(person["operator"] or ""),
            "changed": _overtaken(asking, person) if overtaken(problem) else None,
        },
    )


def _overtaken(asking: Asking, person: Members) -> list[Difference]:
    now = {"operator": str(person["operator"] or "nothing")}
    return differences(now, {"operator": asking.form.one("operator") or "nothing"}, {"operator": "Manages as"})


def _form(name: str, operator: str, problem: Error | None = None) -> Page:
    return Page(
        template="estate/person_form.html",
        status=status_of(problem) if problem else 200,
        values={"name": name, "operator": operator, "operators": OPERATORS, "problem": problem},
    )


ROUTES: Final = (
    Route("GET", "/people", index),
    Route("GET", "/people/_new", new),
    Route("POST", "/people/_new", create),
    Route("GET", "/people/{ref}", show),
    Route("POST", "/people/{ref}/code", invite),
    Route("POST", "/people/{ref}/change", change),
    Route("POST", "/people/{ref}/disable", disable),
)
