"""`gatepass agent`: machine identities. Disabling one stops its tokens at once and touches nobody else's."""

from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.terminal.limits import STARTING_HELP, limit_rows, parse_limits
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import managed_row, moment, shown
from gatepass.client import Management

__all__ = ["agent"]

_COLUMNS: Final = (
    Column.of("NAME", "name"),
    Column.of("ROLE", "role"),
    Column.of("OWNER", "owner"),
    Column("STATE", lambda item: "disabled" if item.get("disabled_at") else "enabled"),
    Column.of("ID", "id"),
)


@click.group()
def agent() -> None:
    """Machine identities, each in one role."""


@agent.command("create")
@click.argument("name")
@click.option("--role", required=True, help="The role that it acts in, its ceiling.")
@click.option("--owner", metavar="PERSON", help="Who answers for it. Without it, you.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=STARTING_HELP)
@talking
def create(
    api: Management, output: Output, /, *, name: str, role: str, owner: str | None, limits: tuple[str, ...]
) -> None:
    """Make an agent called NAME."""
    said = {"name": name, "role": role, "owner": owner, "limits": parse_limits(limits, starting=True)}
    made = api.create("agents", said)
    _show(output, made)
    output.note(f"Give it a token: gatepass token create {shown(made.get('name'))} --scope SCOPE --for 8h")


@agent.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all agents."""
    empty = "There are no agents yet. Make one: gatepass agent create NAME --role ROLE"
    output.items(api.listed("agents"), _COLUMNS, empty=empty)


@agent.command("show")
@click.argument("name")
@talking
def show(api: Management, output: Output, *, name: str) -> None:
    """Show the agent NAME, a name or an id."""
    _show(output, api.one("agents", name))


@agent.command("role")
@click.argument("name")
@click.argument("role")
@talking
def role(api: Management, output: Output, *, name: str, role: str) -> None:
    """Let the agent NAME act in ROLE from now on, with every token that it has."""
    _show(output, api.amend("agents", name, {"role": role}))


@agent.command("owner")
@click.argument("name")
@click.argument("person")
@talking
def owner(api: Management, output: Output, /, *, name: str, person: str) -> None:
    """Let PERSON answer for the agent NAME from now on."""
    _show(output, api.amend("agents", name, {"owner": person}))


@agent.command("limits")
@click.argument("name")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=STARTING_HELP)
@talking
def limits(api: Management, output: Output, /, *, name: str, limits: tuple[str, ...]) -> None:
    """Show what the tokens of the agent NAME start with, or change what is given.

    Tokens that still have the agent's limits as given follow at once; one that was tuned by itself stays as it is.
    """
    changes = parse_limits(limits, starting=True)
    item = api.one("agents", name) if changes is None else api.revise("PATCH", "agents", name, {"limits": changes})
    if output.as_json:
        output.json(item)
        return
    for line in limit_rows(item.get("limits"), stated=True):
        output.line(line)
    if changes is not None:
        output.note("They hold from the next call on, for its tokens that had the agent's limits as given.")
    elif not limit_rows(item.get("limits"), stated=True):
        output.note("It states none: its tokens start with the deployment's own.")


@agent.command("disable")
@click.argument("name")
@talking
def disable(api: Management, output: Output, *, name: str) -> None:
    """Stop the agent NAME and all its tokens, now. No upstream secret changes."""
    _show(output, api.act("agents", name, "disable"))


@agent.command("enable")
@click.argument("name")
@talking
def enable(api: Management, output: Output, *, name: str) -> None:
    """Let the agent NAME work again."""
    _show(output, api.act("agents", name, "enable"))


def _show(output: Output, item: Item) -> None:
    rows = [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("role", shown(item.get("role"))),
        ("owner", shown(item.get("owner"))),
        ("created", moment(item.get("created_at"))),
    ]
    stated = limit_rows(item.get("limits"), stated=True)
    if stated:
        rows.append(("tokens start with", "\n".join(stated)))
    rows += managed_row(item)
    if item.get("disabled_at"):
        rows.append(("disabled", moment(item.get("disabled_at"))))
    output.thing(item, rows)
