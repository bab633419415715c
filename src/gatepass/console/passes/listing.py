"""The list of tokens: everything about one that matters at a glance, in one row."""

from typing import Final

from gatepass.console.asking import Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.console.forms import Fields
from gatepass.console.passes.agents import listed
from gatepass.console.passes.rows import alive_first

__all__ = ["ROUTES"]

ROWS: Final = 100
MOST_PARTS: Final = 20
STATES: Final = ("alive", "over", "all")


async def index(asking: Asking) -> Answer:
    """Those that are looked for: of an agent, alive or over."""
    query = asking.query
    state = query.one("state") if query.one("state") in STATES else "alive"
    agent = query.one("agent") or None
    tokens, following = await _found(asking, state, agent, query.one("cursor") or None)
    kept = Fields([(name, value) for name, value in query.without("cursor", "done").pairs if value])
    values = {
        "tokens": alive_first(tokens) if following is None and "cursor" not in query else tokens,
        "state": state,
        "agent": agent,
        "agents": await listed(asking, "agents"),
        "next": None if following is None else f"/console/tokens?{_with_cursor(kept, following)}",
        "first": f"/console/tokens?{kept.encoded()}" if "cursor" in query else None,
    }
    return Page(template="passes/tokens.html", values=values)


async def revoke(asking: Asking) -> Answer:
    """Revoke one, for good. The API revokes those that it took over from with it."""
    token = await asking.api.get("tokens", asking.ref)
    reason = asking.form.one("reason")
    await asking.api.post("tokens", asking.ref, "revoke", body={"reason": reason} if reason else None)
    there = f"/console/tokens/{token['id']}"
    to = there if asking.form.one("back") == there else "/console/tokens"
    return Redirect(to=to, notice="token-revoked", subject=str(token["name"]))


async def _found(asking: Asking, state: str, agent: str | None, cursor: str | None) -> tuple[list[Members], str | None]:
    """As many as a page has room for; bounded, however many of another state stand between."""
    found: list[Members] = []
    for _ in range(MOST_PARTS):
        items, cursor = await asking.api.part("tokens", agent=agent, cursor=cursor, limit=str(ROWS))
        found += [token for token in items if state == "all" or (token["alive"] is True) is (state == "alive")]
        if cursor is None or len(found) >= ROWS:
            break
    return found, cursor


def _with_cursor(kept: Fields, cursor: str) -> str:
    return Fields([*kept.pairs, ("cursor", cursor)]).encoded()


ROUTES: Final = (
    Route("GET", "/tokens", index),
    Route("POST", "/tokens/{ref}/revoke", revoke),
)
