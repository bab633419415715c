"""Runs: one task of one agent each, what it may do as a whole, and an end that takes everything with it."""

from typing import Final

from gatepass.console.asking import Answer, Asking, Page, Redirect, Route
from gatepass.console.forms import Fields
from gatepass.console.passes.agents import listed

__all__ = ["ROUTES"]

STATES: Final = ("open", "ended", "all")
ROWS: Final = "100"


async def index(asking: Asking) -> Answer:
    """Those that are looked for, the newest first."""
    query = asking.query
    state = query.one("state") if query.one("state") in STATES else "open"
    agent = query.one("agent") or None
    cursor = query.one("cursor") or None
    runs, following = await asking.api.part("runs", state=state, agent=agent, cursor=cursor, limit=ROWS)
    kept = Fields([(name, value) for name, value in query.without("cursor", "done").pairs if value])
    values = {
        "runs": runs,
        "state": state,
        "agent": agent,
        "agents": await listed(asking, "agents"),
        "next": None
        if following is None
        else f"/console/runs?{Fields([*kept.pairs, ('cursor', following)]).encoded()}",
        "first": f"/console/runs?{kept.encoded()}" if cursor else None,
    }
    return Page(template="history/runs.html", values=values)


async def end(asking: Asking) -> Answer:
    """End one: everything that it holds falls."""
    reason = asking.form.one("reason")
    run = await asking.api.post("runs", asking.ref, "end", body={"reason": reason} if reason else None)
    there = f"/console/stories/{run['id']}"
    to = there if asking.form.one("back") == there else "/console/runs"
    return Redirect(to=to, notice="run-ended", subject=str(run["label"] or run["id"]))


ROUTES: Final = (
    Route("GET", "/runs", index),
    Route("POST", "/runs/{ref}/end", end),
)
