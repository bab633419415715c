"""`gatepass run`: one run of an agent as a story, issuance and calls joined."""

from collections.abc import Mapping
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management

__all__ = ["run", "show_story"]

_CHANGES: Final = (
    Column("AT", lambda item: moment(item.get("at"))),
    Column.of("EVENT", "event"),
    Column("TOKEN", lambda item: shown(item.get("credential") or item.get("subject"))),
    Column.of("BY", "actor"),
)


@click.group()
def run() -> None:
    """What happened in one run."""


@run.command("show")
@click.argument("run")
@talking
def show(api: Management, output: Output, /, *, run: str) -> None:
    """Tell what happened in RUN: which tokens took part, and every call under them with its outcome."""
    show_story(output, api.run(run))


def show_story(output: Output, story: Item) -> None:
    """A story as the API tells it: `changes` to tokens, then `calls`, each decision with what came of it."""
    if output.as_json:
        output.json(story)
        return
    changes, calls = _items(story.get("changes")), _items(story.get("calls"))
    if not changes and not calls:
        output.note("Nothing happened in this run, or there is no such run. Look for one: gatepass journal search")
        return
    if changes:
        output.table([column.title for column in _CHANGES], [[c.show(item) for c in _CHANGES] for item in changes])
        output.line("")
    rows = [_call(item) for item in calls]
    if rows:
        output.table(["AT", "DECISION", "OUTCOME", "WHAT", "CAME OF IT"], rows)
    if story.get("whole") is False:
        output.note("The story is longer than what is told here; search the journal for the rest.")


def _call(item: Item) -> list[str]:
    decided, finished = _item(item.get("decided")), _item(item.get("finished"))
    what = " ".join(shown(part) for part in (decided.get("action"), decided.get("resource")) if part is not None)
    outcome = shown(decided.get("outcome"))
    code = decided.get("code")
    came = shown(finished.get("status") or finished.get("code")) if finished else "-"
    return [
        moment(decided.get("at") or finished.get("at")),
        shown(item.get("decision")),
        outcome if code is None or code == "ok" else f"{outcome} ({shown(code)})",
        what or "-",
        came,
    ]


def _item(value: Json) -> Item:
    return value if isinstance(value, Mapping) else {}


def _items(value: Json) -> list[Item]:
    return [_item(one) for one in value] if isinstance(value, tuple) else []
