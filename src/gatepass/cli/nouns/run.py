"""`gatepass run`: one task of one agent: opened, listed, told as a story, ended with everything that it holds."""

from collections.abc import Mapping
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import DURATION, whole_seconds
from gatepass.cli.terminal.limits import RUN_LIMITS_HELP, parse_run_limits, run_limit_rows
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management
from gatepass.errors import NotFound

__all__ = ["run", "show_story"]

_COLUMNS: Final = (
    Column.of("ID", "id"),
    Column.of("AGENT", "agent"),
    Column.of("STATE", "state"),
    Column("CLOSES", lambda item: moment(item.get("ended_at") or item.get("closes_at"))),
    Column.of("LABEL", "label"),
)
_CHANGES: Final = (
    Column("AT", lambda item: moment(item.get("at"))),
    Column.of("EVENT", "event"),
    Column("TOKEN", lambda item: shown(item.get("credential") or item.get("subject"))),
    Column.of("BY", "actor"),
)


@click.group()
def run() -> None:
    """One task of one agent, from its start to its end."""


@run.command("open")
@click.argument("agent")
@click.option("--for", "lifetime", type=DURATION, help="When it ends at the latest, such as 2h. Without it, a day.")
@click.option("--label", help="What to call it, in a line.")
@click.option("--purpose", help="What it is for; its tokens say so where they do not say themselves.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=RUN_LIMITS_HELP)
@talking
def open_(
    api: Management,
    output: Output,
    /,
    *,
    agent: str,
    lifetime: int | None,
    label: str | None,
    purpose: str | None,
    limits: tuple[str, ...],
) -> None:
    """Open a run for AGENT. Its id stands alone on standard output."""
    said = {
        "agent": agent,
        "label": label,
        "purpose": purpose,
        "lifetime_seconds": whole_seconds(lifetime, "--for"),
        "limits": parse_run_limits(limits),
    }
    made = api.create("runs", said)
    if output.as_json:
        output.json(made)
        return
    output.line(shown(made.get("id")))
    output.note(f"It ends at {moment(made.get('closes_at'))} at the latest, and its tokens with it.")
    output.note(f"Give it a token: gatepass token create {shown(made.get('agent'))} --scope SCOPE --run RUN")


@run.command("list")
@click.option("--agent", metavar="NAME", help="Those of this agent.")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended.")
@talking
def list_(api: Management, output: Output, /, *, agent: str | None, everything: bool) -> None:
    """List the runs that are open."""
    items = tuple(
        item
        for item in api.listed("runs")
        if (everything or item.get("state") == "open") and agent in {None, item.get("agent"), item.get("agent_id")}
    )
    output.items(items, _COLUMNS, empty="There are no runs. Open one: gatepass run open AGENT --for 2h")


@run.command("show")
@click.argument("run")
@talking
def show(api: Management, output: Output, /, *, run: str) -> None:
    """Tell what happened in RUN: which tokens took part, and every call under them with its outcome."""
    try:
        record: Item = api.one("runs", run)
    except NotFound:  # a story may be of a token, and outlives the record of its run
        record = {}
    story = api.run(run)
    if output.as_json:
        output.json({**story, "run": record or None})
        return
    if record:
        _show(output, record)
        output.line("")
    show_story(output, story)


@run.command("end")
@click.argument("run")
@click.option("--reason", help="Why, for the journal and for whoever is still at work in it.")
@talking
def end(api: Management, output: Output, /, *, run: str, reason: str | None) -> None:
    """End RUN: everything that it holds is refused from now on, and calls under way are cut."""
    ended = api.act("runs", run, "end", {"reason": reason})
    if output.as_json:
        output.json(ended)
        return
    _show(output, ended)
    output.note("No call in it is permitted any more.")


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


def _show(output: Output, item: Item) -> None:
    rows = [
        ("run", shown(item.get("id"))),
        ("agent", shown(item.get("agent"))),
        ("state", shown(item.get("state"))),
        ("opened", f"{moment(item.get('opened_at'))} by {shown(item.get('opened_by'))}"),
        ("closes", moment(item.get("closes_at"))),
    ]
    rows += [(name, shown(item.get(name))) for name in ("label", "purpose") if item.get(name) is not None]
    if limits := run_limit_rows(item.get("limits")):
        rows.append(("at most", "\n".join(limits)))
    if item.get("ended_at"):
        rows.append(("ended", f"{moment(item.get('ended_at'))}: {shown(item.get('ended_because'))}"))
    output.thing(item, rows)


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
