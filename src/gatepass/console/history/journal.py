"""The journal: searched, followed, checked. Nothing here changes it.

Filters stand in the address, so that a search can be kept and sent to somebody. Following asks for the newest page
again and again, and shows what is new; without scripts it is a link that does the same.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Route
from gatepass.console.bridge import Members
from gatepass.console.history.names import ids_in, names_of
from gatepass.console.showing import EVENTS, OUTCOMES, facts_of, href_of, kind_of, title_of
from gatepass.errors import Error
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]

FILTERS: Final = (
    "credential",
    "agent",
    "run",
    "decision",
    "event",
    "outcome",
    "upstream",
    "resource",
    "since",
    "until",
)
_INSTANTS: Final = frozenset({"since", "until"})
_PAGE: Final = "50"


async def index(asking: Asking) -> Answer:
    """A page of entries, newest first."""
    filters = {name: asking.query.one(name) for name in FILTERS if asking.query.one(name)}
    cursor = asking.query.one("cursor") or None
    problem: Error | None = None
    items: tuple[Members, ...] = ()
    following: str | None = None
    try:
        sent = {name: _instant(value) if name in _INSTANTS else value for name, value in filters.items()}
        items, following = await asking.api.part("journal", **sent, cursor=cursor, limit=_PAGE)
    except CORRECTABLE as error:
        problem = error
    names = await names_of(asking.api, ids_in(items))
    return Page(
        template="history/entries.html" if asking.partial else "history/journal.html",
        status=status_of(problem) if problem else 200,
        values={
            "rows": [_row(entry, names) for entry in items],
            "filters": filters,
            "without": {name: _address({**filters, name: ""}) for name in filters},
            "events": sorted(EVENTS.items(), key=lambda pair: pair[1]),
            "outcomes": tuple(OUTCOMES.items()),
            "next": _address({**filters, "cursor": following}) if following else None,
            "first": _address(filters) if cursor else None,
            "here": _address(filters),
            "following": asking.query.one("follow") == "yes" and cursor is None,
            "follow": _address({**filters, "follow": "yes"}),
            "problem": problem,
            "searched": bool(filters),
        },
    )


async def verify(asking: Asking) -> Answer:
    """Check the whole chain, and say what that came to."""
    report = await asking.api.get("journal", "verify")
    return Page(template="history/verified.html", values={"report": report, "head": await _head(asking)})


async def head(asking: Asking) -> Answer:
    """Where the chain stands, as a text to be kept elsewhere."""
    return Page(template="history/verified.html", values={"report": None, "head": await _head(asking)})


async def _head(asking: Asking) -> Members:
    return await asking.api.get("journal", "head")


def _row(entry: Members, names: dict[str, str]) -> dict[str, object]:
    outcome = entry.get("outcome")
    token, run = entry.get("credential"), entry.get("run")
    who = entry.get("agent") or entry.get("actor")
    return {
        "seq": entry["seq"],
        "at": entry.get("at"),
        "event": entry.get("event"),
        "title": title_of(entry),
        "kind": kind_of(entry),
        "outcome": OUTCOMES.get(str(outcome), outcome),
        "code": entry.get("code"),
        "came": _came(entry),
        "who": None if who is None else names.get(str(who), str(who)),
        "who_href": href_of(who),
        "token": None if token is None else names.get(str(token), str(token)),
        "token_named": str(token) in names,
        "token_href": None if token is None else f"/console/stories/{token}",
        "run": run,
        "facts": facts_of(entry, names),
    }


def _came(entry: Members) -> str | None:
    """What came of a call that has ended."""
    if entry.get("event") != "call.finished":
        return None
    return "ended without an answer" if entry.get("status") is None else f"was answered {entry['status']}"


def _address(query: Mapping[str, str | None]) -> str:
    said = urlencode({name: value for name, value in query.items() if value})
    return "/console/journal" + (f"?{said}" if said else "")


def _instant(text: str) -> str:
    """What a browser's field for an instant gives is taken for UTC."""
    return text + ("Z" if text[-1:].isdigit() and "T" in text and "+" not in text[10:] and "-" not in text[10:] else "")


ROUTES: Final = (
    Route("GET", "/journal", index),
    Route("GET", "/journal/head", head),
    Route("POST", "/journal/verify", verify),
)
