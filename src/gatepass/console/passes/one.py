"""One token: what it can reach, in words and as a table; what is left of its limits; what can be done with it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from gatepass import exact
from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.passes.creating import once, reach_of
from gatepass.console.passes.rows import CLASSES, LIMIT_WORDS, limit_fields, limits_said, members, seconds_said, taken
from gatepass.console.showing import Difference, differences, overtaken
from gatepass.errors import Error, Malformed
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]

OVERLAPS: Final = (("0", "none: the old secret stops now"), ("10m", "10 minutes"), ("1h", "1 hour"), ("1d", "1 day"))
_ATTEMPT: Final = ("upstream", "method", "path", "body", "tool", "arguments")


async def show(asking: Asking) -> Answer:
    """The page."""
    return await _page(asking)


async def change(asking: Asking) -> Answer:
    """Change its limits; they hold from its next call on."""
    token = await asking.api.get("tokens", asking.ref)
    try:
        limits = limits_said(asking.form, members(token["limits"]))
        if not limits:
            raise Malformed("malformed_request", "nothing was changed", hint="Change a limit, then save.")
        said: Members = {"limits": limits}
        await asking.api.patch("tokens", asking.ref, body=said, etag=asking.form.one("etag") or None)
    except CORRECTABLE as error:
        return await _page(asking, error, "limits")
    return Redirect(to=f"/console/tokens/{token['id']}", notice="limits-changed", subject=str(token["name"]))


async def rotate(asking: Asking) -> Answer:
    """A new secret for the same token, shown once."""
    form = asking.form
    try:
        said: dict[str, Json] = {
            "overlap_seconds": seconds_said(form, "overlap"),
            "lifetime_seconds": seconds_said(form, "lifetime"),
        }
        issued = await asking.api.post("tokens", asking.ref, "rotate", body=taken(said), key=form.one("key") or None)
    except CORRECTABLE as error:
        return await _page(asking, error, "rotate")
    return await once(asking, issued, rotated=True, old_until=await _old_until(asking, issued))


async def _old_until(asking: Asking, issued: Members) -> Json:
    """Until when the secret before this one works; None where it has stopped."""
    before = await asking.api.get("tokens", str(issued["replaces"]))
    return before["retires_at"] if before["alive"] else None


async def attempt(asking: Asking) -> Answer:
    """What would happen to a call, step by step, without making it."""
    try:
        said = await asking.api.post("tokens", asking.ref, "explain", body={"attempt": _attempt(asking)})
    except CORRECTABLE as error:
        return await _page(asking, error, "try")
    return await _page(asking, explanation=members(said["explanation"]))


def _attempt(asking: Asking) -> Members:
    form = asking.form
    said: dict[str, Json] = {"upstream": form.one("upstream")}
    if form.one("tool"):
        said |= {"tool": form.one("tool"), "arguments": _json(form.one("arguments") or "{}", "arguments")}
        return said
    path, _, query = form.one("path").partition("?")
    said |= {"method": form.one("method").upper() or "GET", "path": path}
    if query:
        said["query"] = query
    if form.one("body"):
        said["body"] = _json(form.one("body"), "body")
    return said


def _json(text: str, name: str) -> Json:
    try:
        return exact.read(text)
    except Malformed as error:
        raise Malformed(error.code, f"`{name}`: {error.message}", hint=error.hint) from None


async def _page(
    asking: Asking, error: Error | None = None, where: str = "", explanation: Members | None = None
) -> Page:
    token, etag = await asking.api.seen("tokens", asking.ref)
    radius = await reach_of(asking, token)
    reach = radius["reach"] if isinstance(radius["reach"], tuple) else ()
    limits = members(token["limits"])
    shown: dict[str, str] = limit_fields(limits)
    changed: list[Difference] | None = None
    if where == "limits":
        typed = {name: asking.form.one(name) for name in shown}
        if overtaken(error):
            now = {**shown, "classes": ", ".join(map(str, _several(limits["classes"])))}
            changed = differences(now, {**typed, "classes": ", ".join(sorted(asking.form.all("classes")))}, LIMIT_WORDS)
        shown = typed
    values: dict[str, Any] = {
        "token": token,
        "etag": etag,
        "radius": radius,
        "doors": sorted({(str(each["upstream"]), str(each["path"])) for each in reach if isinstance(each, Mapping)}),
        "kinds": sorted({str(each["class"]) for each in reach if isinstance(each, Mapping)}),
        "levels": [_level(members(each)) for each in _several(radius["limits"])],
        "limit_fields": shown,
        "changed": changed,
        "classes": CLASSES,
        "chosen_classes": asking.form.all("classes") if where == "limits" else limits["classes"],
        "overlaps": OVERLAPS,
        "error": error,
        "where": where,
        "typed": {name: asking.form.one(name) for name in (*_ATTEMPT, "overlap", "lifetime")},
        "explanation": explanation,
    }
    return Page(template="passes/token.html", values=values, status=status_of(error) if error else 200)


_WORDS: Final = {
    "attempts": "attempts, refused ones too",
    "calls": "permitted calls",
    "writes": "permitted calls that are not reads",
    "writes_per_minute": "permitted calls that are not reads",
    "day": "permitted calls a day",
    "requests_per_day": "permitted calls a day",
    "account": "of the whole deployment",
}


def _level(level: Members) -> dict[str, Any]:
    """A limit with what is left of it, and whether little is."""
    limit, remaining = level["limit"], level["remaining"]
    few = isinstance(limit, Decimal) and isinstance(remaining, Decimal) and remaining * 5 < limit
    return {**level, "words": _WORDS.get(str(level["name"]), str(level["name"])), "few": few}


def _several(value: Json) -> tuple[Json, ...]:
    return value if isinstance(value, tuple) else ()


ROUTES: Final = (
    Route("GET", "/tokens/{ref}", show),
    Route("POST", "/tokens/{ref}/limits", change),
    Route("POST", "/tokens/{ref}/rotate", rotate),
    Route("POST", "/tokens/{ref}/try", attempt),
)
