"""Upstreams: what stands behind the gate, how its requests are read, and whether calls get through.

A file that cannot be read comes back with the complaint at its line and everything that was typed. A change says which
version of the record it was made from; somebody else's change in between is a conflict and not a loss.
"""

from typing import Any, Final

from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.estate.catalogue import catalogue_of
from gatepass.console.forms import Fields
from gatepass.console.showing import Difference, differences, line_of, mapped_by, overtaken
from gatepass.errors import Error
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]

KINDS: Final = (
    ("rest", "REST over HTTP"),
    ("mcp-http", "MCP over HTTP"),
    ("mcp-stdio", "MCP over a child process"),
)
PLACES: Final = (
    ("header", "a header"),
    ("query", "a parameter of the query"),
    ("environment", "a variable of the child process"),
)
_TO_THE_LETTER: Final = frozenset({"operations", "injection_prefix"})
_WORDS: Final = {
    "kind": "Kind",
    "target": "Target",
    "injection_kind": "Secret goes into",
    "injection_name": "Called",
    "injection_prefix": "Prefix",
    "allow_private": "Private addresses",
    "operations": "Operations file",
}
_USUAL: Final = (("injection_name", "authorization"), ("injection_prefix", "Bearer "))
_START: Final = """types:
  things:
    actions:
      read: {class: read}
rest:
  - {match: "GET /things/{thing}", action: "things:read", resource: path.thing}
"""


async def index(asking: Asking) -> Answer:
    """All upstreams."""
    items, following = await asking.api.part("upstreams", cursor=asking.query.one("cursor") or None, limit="100")
    return Page(template="estate/upstreams.html", values={"items": items, "next": following})


async def show(asking: Asking) -> Answer:
    """One upstream, its file, and what the file makes of requests."""
    upstream = await asking.api.get("upstreams", asking.ref)
    scopes = await catalogue_of(asking.api)
    operations = str(upstream.get("operations") or "")
    return Page(
        template="estate/upstream.html",
        values={
            "upstream": upstream,
            "mapped": mapped_by(operations),
            "lines": operations.split("\n"),
            "types": [each for each in scopes if each.get("upstream") == upstream["name"]],
            "kinds": dict(KINDS),
            "wrong_line": line_of(str(upstream.get("fault") or "")),
        },
    )


async def new(asking: Asking) -> Answer:
    """The form of a new one."""
    await asking.require_fresh()
    return _form(Fields([("kind", "rest"), ("injection_kind", "header"), *_USUAL, ("operations", _START)]))


async def create(asking: Asking) -> Answer:
    """Register it."""
    try:
        body = {"name": asking.form.one("name"), **_body(asking.form)}
        made = await asking.api.post("upstreams", body=body, key=asking.form.one("key") or None)
    except CORRECTABLE as error:
        return _form(asking.form, problem=error)
    return Redirect(
        to=f"/console/upstreams/{made['id']}",
        notice="upstream-created" if made["injection"] else "upstream-open",
        subject=str(made["name"]),
    )


async def change(asking: Asking) -> Answer:
    """The form with what there is."""
    await asking.require_fresh()
    upstream, etag = await asking.api.seen("upstreams", asking.ref)
    return _form(Fields([*_fields(upstream).items(), ("etag", etag or "")]), upstream=upstream)


async def replace(asking: Asking) -> Answer:
    """Make it what the form says."""
    upstream, now = await asking.api.seen("upstreams", asking.ref)
    try:
        made = await asking.api.put(
            "upstreams", asking.ref, body=_body(asking.form), etag=asking.form.one("etag") or None
        )
    except CORRECTABLE as error:
        filled = asking.form.replaced("etag", now or "") if overtaken(error) else asking.form
        return _form(filled, upstream=upstream, problem=error)
    return Redirect(to=f"/console/upstreams/{made['id']}", notice="upstream-changed", subject=str(made["name"]))


async def disable(asking: Asking) -> Answer:
    """Refuse every call to it."""
    made = await asking.api.post("upstreams", asking.ref, "disable")
    return Redirect(to=f"/console/upstreams/{made['id']}", notice="upstream-disabled", subject=str(made["name"]))


async def enable(asking: Asking) -> Answer:
    """Let calls through again."""
    made = await asking.api.post("upstreams", asking.ref, "enable")
    return Redirect(to=f"/console/upstreams/{made['id']}", notice="upstream-enabled", subject=str(made["name"]))


async def delete(asking: Asking) -> Answer:
    """Forget it and its secret."""
    upstream = await asking.api.get("upstreams", asking.ref)
    await asking.api.delete("upstreams", asking.ref, etag=asking.form.one("etag") or None)
    return Redirect(to="/console/upstreams", notice="upstream-deleted", subject=str(upstream["name"]))


def _body(form: Fields) -> dict[str, Json]:
    body: dict[str, Json] = {
        "kind": form.one("kind"),
        "target": form.one("target"),
        "operations": form.exact("operations"),
    }
    if form.one("injection_kind"):
        body["injection"] = {
            "kind": form.one("injection_kind"),
            "name": form.one("injection_name"),
            "prefix": form.exact("injection_prefix"),
        }
    if form.one("allow_private"):
        body["allow_private"] = True
    return body


def _fields(upstream: Members) -> dict[str, str]:
    """The record as its form has it."""
    place: Any = upstream.get("injection") or {}
    return {
        "name": str(upstream["name"]),
        "kind": str(upstream["kind"]),
        "target": str(upstream["target"]),
        "operations": str(upstream.get("operations") or ""),
        "injection_kind": str(place.get("kind") or ""),
        "injection_name": str(place.get("name") or ""),
        "injection_prefix": str(place.get("prefix") or ""),
        "allow_private": "yes" if upstream.get("allow_private") else "",
    }


def _overtaken(filled: Fields, upstream: Members) -> list[Difference]:
    now = _fields(upstream)
    typed = {name: (filled.exact if name in _TO_THE_LETTER else filled.one)(name) for name in now}
    return differences(now, typed, _WORDS)


def _form(filled: Fields, upstream: Members | None = None, problem: Error | None = None) -> Page:
    line = line_of(problem.message) if problem else None
    return Page(
        template="estate/upstream_form.html",
        status=status_of(problem) if problem else 200,
        values={
            "filled": filled,
            "upstream": upstream,
            "problem": problem,
            "wrong_line": line,
            "lines": filled.exact("operations").split("\n") if line else [],
            "kinds": KINDS,
            "places": PLACES,
            "changed": _overtaken(filled, upstream) if upstream and overtaken(problem) else None,
        },
    )


ROUTES: Final = (
    Route("GET", "/upstreams", index),
    Route("GET", "/upstreams/_new", new),
    Route("POST", "/upstreams/_new", create),
    Route("GET", "/upstreams/{ref}", show),
    Route("GET", "/upstreams/{ref}/change", change),
    Route("POST", "/upstreams/{ref}/change", replace),
    Route("POST", "/upstreams/{ref}/disable", disable),
    Route("POST", "/upstreams/{ref}/enable", enable),
    Route("POST", "/upstreams/{ref}/delete", delete),
)
