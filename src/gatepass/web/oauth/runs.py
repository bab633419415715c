"""Runs, for agents: one is opened and ended by the agent that has authenticated, and is its own.

The law: no form names an agent. What is said of a run is a label, a purpose, when it ends at the latest, and limits
over all that happens in it; it gives nobody anything by itself. Another agent's run is not there.
"""

import re
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.administration import RunForm
from gatepass.administration.runs import Runs
from gatepass.errors import Malformed
from gatepass.gateway.requests import Reply
from gatepass.registry import Budget, Run, RunLimits
from gatepass.web.oauth.answers import NO_STORE, body_reply
from gatepass.web.oauth.forms import Parameters
from gatepass.web.oauth.router import Endpoint, Posted
from gatepass.web.oauth.standing import Authenticates

__all__ = ["run_ending", "run_opening"]

_WHOLE: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_BUDGET: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z][A-Za-z0-9._-]{0,15})", re.ASCII)


def run_opening(authenticates: Authenticates, runs: Runs) -> Endpoint:
    """`/oauth2/runs`: opens one."""

    async def endpoint(posted: Posted) -> Reply:
        client = await authenticates(posted)
        seconds = _whole(posted.form, "expires_in")
        form = RunForm(
            label=posted.form.one("label"),
            purpose=posted.form.one("purpose"),
            lifetime=None if seconds is None else seconds * 1000,
            limits=RunLimits(
                calls=_whole(posted.form, "calls"),
                writes=_whole(posted.form, "writes"),
                budgets=_budgets(posted.form),
            ),
        )
        return _answer(201, await runs.open_own(client.agent, client.root, form))

    return endpoint


def run_ending(authenticates: Authenticates, runs: Runs) -> Endpoint:
    """`/oauth2/runs/end`: ends one, with everything that it holds."""

    async def endpoint(posted: Posted) -> Reply:
        client = await authenticates(posted)
        ended = await runs.end_own(client.agent, posted.form.required("run_id"), posted.form.one("reason") or "")
        return _answer(200, ended)

    return endpoint


def _answer(status: int, run: Run) -> Reply:
    told: dict[str, Json] = {
        "run_id": run.id,
        "expires_in": Decimal(max(0, run.closes - run.opened) // 1000),
        "active": run.ended is None,
    }
    told |= {name: text for name, text in (("label", run.label), ("purpose", run.purpose)) if text is not None}
    return body_reply(status, exact.write(told), NO_STORE)


def _whole(form: Parameters, name: str) -> int | None:
    text = form.one(name)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text):
        raise Malformed("malformed_request", f"`{name}` is not a whole number above zero")
    return int(text)


def _budgets(form: Parameters) -> tuple[Budget, ...]:
    text = form.one("budget")
    if text is None:
        return ()
    found = _BUDGET.fullmatch(text)
    if found is None:
        raise Malformed("malformed_request", "`budget` is not an amount and a currency, such as 50USD")
    return (Budget(Decimal(found[1]), found[2]),)
