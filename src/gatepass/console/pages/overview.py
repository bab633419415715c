"""The first page: what needs a person's attention, how much there is, and what was permitted and refused lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatepass.access import Instant, Json
from gatepass.console.asking import Answer, Asking, Page, Route, instant_text
from gatepass.console.bridge import Members
from gatepass.console.passes.rows import members
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
    findings = await _attention(asking)
    items = await _activity(asking, span)
    values: dict[str, Any] = {
        "status": status,
        "way": _way(status, findings, items),
        "span": span,
        "spans": [(name, words) for name, (words, _, _) in SPANS.items()],
        "items": items,
        "findings": findings,
    }
    return Page(template="overview.html", values=values)


async def rows(asking: Asking) -> Answer:
    """The figures of the plot alone, which a script asks for every few seconds."""
    return Page(template="overview_rows.html", values={"items": await _activity(asking, _span(asking)) or ()})


async def attention(asking: Asking) -> Answer:
    """The findings alone."""
    return Page(template="overview_attention.html", values={"findings": await _attention(asking)})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from nothing to a call that works."""

    name: str
    says: str
    done: bool
    act: str
    href: str
    words: str


def _way(status: Members, findings: list[dict[str, Any]] | None, items: tuple[Members, ...] | None) -> list[Step]:
    """All steps with what is done of them; none for who has gone it, or cannot see how far it is."""
    counts = members(status["counts"])
    if findings is None or "upstreams" not in counts:
        return []
    there = {str(name): bool(count) for name, count in counts.items()}
    waiting = any(each["kind"] == "secret_missing" for each in findings)
    called = any(each["permitted"] for each in items or ())
    if all(there[name] for name in ("upstreams", "roles", "agents", "live_tokens")) and not waiting:
        return []
    new = "/console/{}/_new"
    return [
        Step(
            "Register an upstream",
            "an API or MCP server, with a file that says what can be done there.",
            there["upstreams"],
            "upstream.create",
            new.format("upstreams"),
            "Register one",
        ),
        Step(
            "Hand over its key",
            "it is sealed, and nobody can read it back. An upstream that needs none is done with this.",
            there["upstreams"] and not waiting,
            "secret.store",
            new.format("secrets"),
            "Store it",
        ),
        Step(
            "Write a role",
            "the most that its agents may ever do.",
            there["roles"],
            "role.widen",
            new.format("roles"),
            "Write one",
        ),
        Step(
            "Add an agent", "a worker in that role.", there["agents"], "agent.create", new.format("agents"), "Add one"
        ),
        Step(
            "Give it a token",
            "the part of the role that it needs, for a while.",
            there["live_tokens"],
            "token.create",
            new.format("tokens"),
            "Create one",
        ),
        Step(
            "Make a call with it",
            "the page that shows the token has a command that works; the journal shows what came of it.",
            called,
            "journal.read",
            "/console/journal",
            "Look at the journal",
        ),
    ]


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
    me = members((await asking.status())["person"]).get("id")
    return [{**each, "level": SEVERITIES.get(str(each["severity"]), "low"), "href": _place(each, me)} for each in found]


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
