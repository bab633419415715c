"""Secrets go in and never out: stored, replaced, wrapped anew, deleted, and not shown by anybody to anybody.

No page holds a value, not even the one that was just typed: a form that comes back with a complaint comes back
without it.
"""

from typing import Final

from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.showing import overtaken
from gatepass.errors import Error
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]


async def index(asking: Asking) -> Answer:
    """All secrets, by name, and which upstreams wait for one."""
    items, following = await asking.api.part("secrets", cursor=asking.query.one("cursor") or None, limit="100")
    upstreams = await asking.api.listed("upstreams")
    return Page(
        template="estate/secrets.html",
        values={
            "items": items,
            "next": following,
            "missing": [each for each in upstreams if each.get("secret_missing")],
            "upstreams": upstreams,
        },
    )


async def new(asking: Asking) -> Answer:
    """The form of a new one."""
    await asking.require_fresh()
    return await _form(asking)


async def store(asking: Asking) -> Answer:
    """Take it into custody."""
    body = {
        "name": asking.form.one("name"),
        "upstream": asking.form.one("upstream"),
        "value": asking.form.exact("value"),
    }
    try:
        made = await asking.api.post("secrets", body=body, key=asking.form.one("key") or None)
    except CORRECTABLE as error:
        return await _form(asking, problem=error)
    return Redirect(to="/console/secrets", notice="secret-stored", subject=str(made["name"]))


async def change(asking: Asking) -> Answer:
    """The form for another value."""
    await asking.require_fresh()
    return _replacement(*await asking.api.seen("secrets", asking.ref))


async def replace(asking: Asking) -> Answer:
    """Put the value in the place of the old one."""
    secret, now = await asking.api.seen("secrets", asking.ref)
    try:
        body = {"value": asking.form.exact("value")}
        await asking.api.put("secrets", asking.ref, body=body, etag=asking.form.one("etag") or None)
    except CORRECTABLE as error:
        late = overtaken(error)
        return _replacement(secret, now if late else asking.form.one("etag"), error, late=late)
    return Redirect(to="/console/secrets", notice="secret-replaced", subject=str(secret["name"]))


async def delete(asking: Asking) -> Answer:
    """Forget it."""
    secret = await _one(asking)
    await asking.api.delete("secrets", asking.ref)
    return Redirect(to="/console/secrets", notice="secret-deleted", subject=str(secret["name"]))


async def rewrap(asking: Asking) -> Answer:
    """Wrap every data key anew."""
    done = await asking.api.post("secrets", "rewrap", body={"new_key": asking.form.one("new_key") == "yes"})
    return Redirect(to="/console/secrets", notice="secrets-rewrapped", subject=str(done["rewrapped"]))


async def _one(asking: Asking) -> Members:
    return await asking.api.get("secrets", asking.ref)


async def _form(asking: Asking, problem: Error | None = None) -> Page:
    asked = asking.form if problem else asking.query
    upstreams = await asking.api.listed("upstreams")
    waiting = [str(each["name"]) for each in upstreams if each.get("secret_missing")]
    upstream = asked.one("upstream") or (waiting[0] if waiting else "")
    return Page(
        template="estate/secret_form.html",
        status=status_of(problem) if problem else 200,
        values={
            "secret": None,
            "name": asked.one("name") or (f"{upstream}-key" if upstream in waiting and not problem else ""),
            "upstream": upstream,
            "upstreams": upstreams,
            "problem": problem,
            "late": False,
        },
    )


def _replacement(secret: Members, etag: str | None, problem: Error | None = None, *, late: bool = False) -> Page:
    return Page(
        template="estate/secret_form.html",
        status=status_of(problem) if problem else 200,
        values={
            "secret": secret,
            "etag": etag or "",
            "problem": problem,
            "late": late,
            "upstreams": (),
            "name": "",
            "upstream": "",
        },
    )


ROUTES: Final = (
    Route("GET", "/secrets", index),
    Route("GET", "/secrets/_new", new),
    Route("POST", "/secrets/_new", store),
    Route("POST", "/secrets/_rewrap", rewrap),
    Route("GET", "/secrets/{ref}/replace", change),
    Route("POST", "/secrets/{ref}/replace", replace),
    Route("POST", "/secrets/{ref}/delete", delete),
)
