"""One token's story and one run's: who issued it, what was done under it, what came of each call, how it ended."""

from collections.abc import Mapping
from typing import Any, Final

from gatepass.console.asking import Answer, Asking, Page, Route
from gatepass.console.bridge import Bridge, Members
from gatepass.console.history.names import ids_in, names_of
from gatepass.console.showing import Moment, moments_of, tally_of
from gatepass.errors import Denied, NotFound

__all__ = ["ROUTES"]

MOST: Final = 300
"""Moments of a page."""


async def show(asking: Asking) -> Answer:
    """A story, from issuance to outcome."""
    told: Mapping[str, Any] = await asking.api.get("journal", "runs", asking.ref)
    names = await names_of(asking.api, ids_in([*told["changes"], *_decided(told)]))
    moments = moments_of(told, names)
    wanted = asking.query.one("show")
    shown = [moment for moment in moments if wanted in {"", _sort(moment)}]
    start = _number(asking.query.one("from"))
    tokens = [await _token(asking.api, str(each)) for each in list(told["credentials"])[:10]]
    if not moments and not any(tokens):
        raise NotFound("not_found", "nothing is known of this token or run", hint="Look for it in the journal.")
    runs = dict.fromkeys(str(entry["run"]) for entry in [*told["changes"], *_decided(told)] if entry.get("run"))
    return Page(
        template="history/story.html",
        values={
            "of": asking.ref,
            "is_run": asking.ref.startswith("run_"),
            "run": await _run(asking.api, asking.ref),
            "tokens": [token for token in tokens if token],
            "runs": list(runs)[:20],
            "moments": shown[start : start + MOST],
            "tally": tally_of(told),
            "whole": told["whole"],
            "shown": wanted,
            "next": start + MOST if len(shown) > start + MOST else None,
            "start": start,
            "names": names,
        },
    )


def _sort(moment: Moment) -> str:
    if moment.decision is None:
        return "changes"
    return {"permitted": "permitted", "refused": "refused"}.get(moment.outcome or "", "asked")


def _decided(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [call["decided"] or call["finished"] for call in told["calls"]]


async def _token(api: Bridge, id_: str) -> Members | None:
    try:
        return await api.get("tokens", id_)
    except (NotFound, Denied):
        return None


async def _run(api: Bridge, id_: str) -> Members | None:
    """The record of a run; None for a token, and for a run that only the journal knows."""
    try:
        return await api.get("runs", id_) if id_.startswith("run_") else None
    except (NotFound, Denied):
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0  # noqa: PLR2004  a story has 10,000


ROUTES: Final = (Route("GET", "/stories/{ref}", show),)
