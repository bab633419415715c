"""`gatepass role`: a live ceiling. Narrowing a role narrows every token of its agents at once."""

from decimal import Decimal
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import DEADLINE, DURATION, whole_seconds
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import managed_row, shown
from gatepass.client import Management
from gatepass.errors import NotFound
from gatepass.units import duration_text

__all__ = ["role"]


def _longest(item: Item) -> str:
    return _span(item, "max_lifetime_seconds")


def _span(item: Item, name: str) -> str:
    seconds = item.get(name)
    return duration_text(int(seconds) * 1_000) if isinstance(seconds, Decimal) else "-"


_COLUMNS: Final = (Column.of("NAME", "name"), Column("LONGEST", _longest), Column.of("SCOPES", "scopes"))


@click.group()
def role() -> None:
    """What agents may do at most, live."""


@role.command("set")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What the role allows. May be repeated.")
@click.option("--ask", "asks", multiple=True, metavar="SCOPE", help="What waits for a person. May be repeated.")
@click.option("--longest", type=DURATION, help="The longest life of a token issued under the role, such as 8h.")
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="SCOPE",
    help="What an access token reads for which no scope was asked. May be repeated.",
)
@click.option("--longest-access", "short", type=DURATION, help="The longest life of an access token, such as 5m.")
@click.option(
    "--bearer-until",
    "until",
    type=DEADLINE,
    help="Until when its tokens may do more than read without a proof of possession: 7d, or an instant.",
)
@click.option("--because", "because", metavar="REASON", help="Why they may. Goes with --bearer-until.")
@talking
def set_(
    api: Management,
    output: Output,
    *,
    name: str,
    scopes: tuple[str, ...],
    asks: tuple[str, ...],
    longest: int | None,
    defaults: tuple[str, ...],
    short: int | None,
    until: str | None,
    because: str | None,
) -> None:
    """Make the role NAME, or put this in the place of what it was.

    A scope is type:action[:pattern][?limits], such as orders:list or orders:refund:*?amount<=50&amount>=0. The
    action may be a class (read, write, delete, admin) or *.
    """
    if (until is None) != (because is None):
        raise click.UsageError("--bearer-until and --because go together: an exception has an end and a reason")
    said: Item = {
        "scopes": scopes,
        "asks_person": asks,
        "max_lifetime_seconds": whole_seconds(longest, "--longest"),
        "default_scopes": defaults,
        "longest_token_seconds": whole_seconds(short, "--longest-access"),
        "bearer_until": until,
        "bearer_because": because,
    }
    try:
        item = api.revise("PUT", "roles", name, said)
    except NotFound:
        item = api.establish("roles", name, said)
    _show(output, item)


@role.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all roles."""
    empty = "There are no roles yet. Make one: gatepass role set NAME --scope SCOPE"
    output.items(api.listed("roles"), _COLUMNS, empty=empty)


@role.command("show")
@click.argument("name")
@talking
def show(api: Management, output: Output, *, name: str) -> None:
    """Show the role NAME."""
    found = next((item for item in api.listed("roles") if item.get("name") == name), None)
    if found is None:
        raise NotFound("not_found", f"there is no role `{name}`", hint="List what exists: gatepass role list")
    _show(output, found)


@role.command("delete")
@click.argument("name")
@talking
def delete(api: Management, output: Output, *, name: str) -> None:
    """Delete the role NAME, which no agent acts in any more."""
    api.remove("roles", name)
    if output.as_json:
        output.json({"deleted": name})
    output.note(f"The role {name} is gone.")


def _show(output: Output, item: Item) -> None:
    rows = [("name", shown(item.get("name"))), ("scopes", _lines(item.get("scopes")))]
    if item.get("asks_person"):
        rows.append(("asks a person", _lines(item.get("asks_person"))))
    rows.append(("longest token", _longest(item)))
    if item.get("default_scopes"):
        rows.append(("by default", _lines(item.get("default_scopes"))))
    if item.get("longest_token_seconds") is not None:
        rows.append(("longest access", _span(item, "longest_token_seconds")))
    if item.get("bearer_until"):
        rows.append(("bearers until", shown(item.get("bearer_until"))))
        rows.append(("because", shown(item.get("bearer_because"))))
    rows += managed_row(item)
    if item.get("faults"):
        rows.append(("comes to nothing", _lines(item.get("faults"))))
    output.thing(item, rows)


def _lines(value: Json) -> str:
    return "\n".join(map(shown, value)) if isinstance(value, tuple) else shown(value)
