"""The first page: what needs a person's attention, how much there is, and what was permitted and refused lately."""

from collections.abc import Mapping
from typing import Any, Final

from gatepass.access import Instant, Json
from gatepass.console.asking import Answer, Asking, Page, Route, instant_text
from gatepass.console.bridge import Members
from gatepass.errors import Denied

__all__ = ["ROUTES"]

MINUTE: Final = 60_000
SPANS: Final = {
    "1h": ("hour", 60 * MINUTE, MINUTE),
    "24h": ("day", 24 * 60 * MINUTE, 20 * MINUTE),
    "7d": ("week", 7 * 24 * 60 * MINUTE, 4 * 60 * MINUTE),
}
"""What can be looked at: in words, how long, in which steps."""
SEVERITIES: Final = {"critical": "high", "warning": "medium", "notice": "low"}


async def overview(asking: Asking) -> Answer:
    """The page."""
    status = await asking.status()
    span = _span(asking)
    values: dict[str, Any] = {
        "status": status,
        "span": span,
        "spans": [(name, words) for name, (words, _, _) in SPANS.items()],
        "items": await _activity(asking, span),
        "findings": await _attention(asking),
    }
    return Page(template="overview.html", values=values)


async def rows(asking: Asking) -> Answer:
    """The figures of the plot alone, which a script asks for every few seconds."""
    return Page(template="overview_rows.html", values={"items": await _activity(asking, _span(asking)) or ()})


async def attention(asking: Asking) -> Answer:
    """The findings alone."""
    return Page(template="overview_attention.html", values={"findings": await _attention(asking)})


def _span(asking: Asking) -> str:
    asked = asking.query.one("span")
    return asked if asked in SPANS else "1h"


async def _activity(asking: Asking, span: str) -> tuple[Members, ...] | None:
    """Counts for whole steps up to now; None for who may not see them."""
    _, length, step = SPANS[span]
    until = (asking.now // step + 1) * step
    since = instant_text(Instant(until - length))
    try:
        found = await asking.api.get("activity", since=since, step_seconds=str(step // 1000))
    except Denied:
        return None
    items = found["items"]
    return tuple(item for item in items if isinstance(item, Mapping)) if isinstance(items, tuple) else ()


async def _attention(asking: Asking) -> list[dict[str, Any]] | None:
    """What was found, each with where to go about it; None for who may not see it."""
    try:
        found, _ = await asking.api.part("attention")
    except Denied:
        return None
    me = _members((await asking.status())["person"]).get("id")
    return [{**each, "level": SEVERITIES.get(str(each["severity"]), "low"), "href": _place(each, me)} for each in found]


def _members(value: Json) -> Members:
    return value if isinstance(value, Mapping) else {}


def _place(finding: Members, me: Json) -> str | None:
    """The page on which something can be done about it, by `me`."""
    subject = finding["subject"]
    if not isinstance(subject, Mapping):
        return None
    if finding["kind"] == "admin_without_password" and subject["id"] == me:
        return "/console/password"
    if finding["kind"] == "secret_missing":
        return f"/console/secrets/_new?upstream={subject['name']}"
    kind, name = subject["type"], str(subject["id"] or subject["name"])
    if kind == "deployment":
        return "/console/settings"
    if kind == "secret":
        return "/console/secrets"
    return f"/console/{_PLURALS[str(kind)]}/{name}" if kind in _PLURALS else None


_PLURALS: Final = {"token": "tokens", "agent": "agents", "upstream": "upstreams", "role": "roles", "person": "people"}

ROUTES: Final = (
    Route("GET", "", overview),
    Route("GET", "/overview/activity", rows),
    Route("GET", "/overview/attention", attention),
)
