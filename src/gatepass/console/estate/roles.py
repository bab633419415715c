"""Roles: what the agents in them may do at most, now. A change is shown before it is made.

A role is a live ceiling, so what is taken out of it is gone from every token under it at once. The page says
whom that concerns before anything is saved.
"""

from collections.abc import Iterable
from typing import Final

from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.estate.catalogue import catalogue_of, classes_of
from gatepass.console.forms import Fields
from gatepass.console.passes.rows import seconds_said
from gatepass.console.showing import Difference, differences, overtaken
from gatepass.errors import Error
from gatepass.units import duration_text
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]

_WORDS: Final = {
    "scopes": "Scopes",
    "asks_person": "Asks a person for",
    "longest": "Longest life of a token",
    "default_scopes": "Granted where no scope is asked for",
    "longest_token": "Longest life of an access token",
    "bearer_until": "Without proof of possession until",
    "bearer_because": "Because",
}


async def index(asking: Asking) -> Answer:
    """All roles, with who is in them."""
    items, following = await asking.api.part("roles", cursor=asking.query.one("cursor") or None, limit="100")
    agents = await asking.api.listed("agents")
    counts = {str(role["name"]): sum(1 for agent in agents if agent["role"] == role["name"]) for role in items}
    return Page(template="estate/roles.html", values={"items": items, "next": following, "counts": counts})


async def show(asking: Asking) -> Answer:
    """One role, its scopes, its agents."""
    role = await asking.api.get("roles", asking.ref)
    return Page(
        template="estate/role.html",
        values={
            "role": role,
            "classes": classes_of(await catalogue_of(asking.api)),
            "agents": await _agents_in(asking, role),
        },
    )


async def new(asking: Asking) -> Answer:
    """The form of a new one."""
    await asking.require_fresh()
    return await _form(asking, Fields(), None)


async def create(asking: Asking) -> Answer:
    """Make it."""
    return await _save(asking, asking.form.one("name"), None)


async def change(asking: Asking) -> Answer:
    """The form with what there is."""
    role, etag = await asking.api.seen("roles", asking.ref)
    return await _form(asking, Fields([*_fields(role).items(), ("etag", etag or "")]), role)


async def replace(asking: Asking) -> Answer:
    """Make it what the form says, or show what that would change."""
    role = await asking.api.get("roles", asking.ref)
    if asking.form.one("step") == "preview":
        return await _form(asking, asking.form, role, preview=True)
    return await _save(asking, asking.ref, role)


async def delete(asking: Asking) -> Answer:
    """Delete a role that nobody is in."""
    await asking.api.delete("roles", asking.ref)
    return Redirect(to="/console/roles", notice="role-deleted", subject=asking.ref)


async def _save(asking: Asking, name: str, role: Members | None) -> Answer:
    form = asking.form
    try:
        body = _body(form)
        made = await asking.api.put("roles", name, body=body, etag=form.one("etag") or None, anew=role is None)
    except CORRECTABLE as error:
        if role is not None and overtaken(error):
            role, now = await asking.api.seen("roles", name)
            form = form.replaced("etag", now or "")
        return await _form(asking, form, role, problem=error)
    notice = "role-created" if role is None else "role-saved"
    return Redirect(to=f"/console/roles/{made['name']}", notice=notice, subject=str(made["name"]))


async def _form(
    asking: Asking, filled: Fields, role: Members | None, *, problem: Error | None = None, preview: bool = False
) -> Page:
    listed, picked = _lines(filled.exact("scopes")), filled.all("pick")
    before = set(_texts(role["scopes"])) if role else set()
    wanted = {*listed, *picked}
    return Page(
        template="estate/role_form.html",
        status=status_of(problem) if problem else 200,
        values={
            "filled": filled,
            "role": role,
            "problem": problem,
            "preview": preview,
            "scopes": "\n".join(dict.fromkeys([*listed, *picked])),
            "added": sorted(wanted - before),
            "removed": sorted(before - wanted),
            "catalogue": await catalogue_of(asking.api),
            "agents": await _agents_in(asking, role) if role else [],
            "changed": _overtaken(filled, role) if role and overtaken(problem) else None,
        },
    )


def _fields(role: Members) -> dict[str, str]:
    """The record as its form has it."""
    return {
        "scopes": "\n".join(_texts(role["scopes"])),
        "asks_person": "\n".join(_texts(role["asks_person"])),
        "longest": _span_of(role.get("max_lifetime_seconds")),
        "default_scopes": "\n".join(_texts(role["default_scopes"])),
        "longest_token": _span_of(role.get("longest_token_seconds")),
        "bearer_until": str(role.get("bearer_until") or ""),
        "bearer_because": str(role.get("bearer_because") or ""),
    }


def _overtaken(filled: Fields, role: Members) -> list[Difference]:
    now = _fields(role)
    typed = {name: "\n".join(_lines(filled.exact(name))) for name in now}
    return differences(now, typed, _WORDS)


def _body(form: Fields) -> dict[str, Json]:
    body: dict[str, Json] = {
        "scopes": tuple(dict.fromkeys([*_lines(form.exact("scopes")), *form.all("pick")])),
        "asks_person": tuple(_lines(form.exact("asks_person"))),
    }
    if defaults := _lines(form.exact("default_scopes")):
        body["default_scopes"] = tuple(defaults)
    for name, member in (("longest", "max_lifetime_seconds"), ("longest_token", "longest_token_seconds")):
        span = seconds_said(form, name)
        if span is not None:
            body[member] = span
    body |= {name: form.one(name) for name in ("bearer_until", "bearer_because") if form.one(name)}
    return body


async def _agents_in(asking: Asking, role: Members) -> list[Members]:
    return [agent for agent in await asking.api.listed("agents") if agent["role"] == role["name"]]


def _span_of(seconds: Json) -> str:
    return "" if seconds is None else duration_text(int(str(seconds)) * 1000)


def _texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, Iterable) and not isinstance(value, str) else []


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


ROUTES: Final = (
    Route("GET", "/roles", index),
    Route("GET", "/roles/_new", new),
    Route("POST", "/roles/_new", create),
    Route("GET", "/roles/{ref}", show),
    Route("GET", "/roles/{ref}/change", change),
    Route("POST", "/roles/{ref}/change", replace),
    Route("POST", "/roles/{ref}/delete", delete),
)
