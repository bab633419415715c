"""`gatepass person`: the people who answer for agents and tokens. Disabling one withdraws everything of theirs."""

from datetime import UTC, datetime
from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import read_secret
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.prompts import confirm
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management

__all__ = ["person"]

_COLUMNS: Final = (
    Column.of("NAME", "name"),
    Column.of("ROLE", "operator"),
    Column("PASSWORD", lambda item: "set" if item.get("has_password") is True else "-"),
    Column("STATE", lambda item: "disabled" if item.get("disabled_at") else "enabled"),
    Column.of("ID", "id"),
)


@click.group()
def person() -> None:
    """People who own agents and tokens."""


@person.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["admin", "operator", "auditor"]),
    help="What the person may do to this deployment. Without it, only own things and answer for them.",
)
@talking
def create(api: Management, output: Output, *, name: str, role: str | None) -> None:
    """Make a person called NAME, and print the one-time code that signs them in first."""
    _show_code(output, name, api.create("people", {"name": name, "operator": role}))


@person.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all people."""
    empty = "There is nobody yet. Make somebody: gatepass person create NAME --role operator"
    output.items(api.listed("people"), _COLUMNS, empty=empty)


@person.command("code")
@click.argument("name")
@talking
def code(api: Management, output: Output, /, *, name: str) -> None:
    """Print a new one-time code for NAME, who has no password or lost it."""
    _show_code(output, name, api.act("people", name, "code"))


@person.command("disable")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talking
def disable(api: Management, output: Output, *, name: str, yes: bool) -> None:
    """Disable the person NAME, and revoke everything that they own or consented to. For good."""
    confirm(f"Disable {name} and revoke everything that they own?", yes=yes)
    _show(output, api.act("people", name, "disable"))


@person.command("password")
@click.option("--password-file", metavar="FILE", help="Read the password from FILE, or - for standard input.")
@talking
def password(api: Management, output: Output, *, password_file: str | None) -> None:
    """Set your own password, of 12 characters or more, to sign in with from now on."""
    api.set_password(read_secret("New password", password_file, flag="--password-file"))
    if output.as_json:
        output.json({"set": True})
    output.note('The password is set. Sign in with it: eval "$(gatepass login --person NAME)"')


def _show_code(output: Output, name: str, made: Item) -> None:
    """The code alone on standard output, for whoever hands it on."""
    if output.as_json:
        output.json(made)
        return
    output.line(shown(made.get("code")))
    until = moment(made.get("code_expires_at"), datetime.now(UTC))
    output.note(f"Hand it to {name}: it signs them in once, until {until}, with gatepass login.")


def _show(output: Output, item: Item) -> None:
    rows = [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("role", shown(item.get("operator"))),
        ("created", moment(item.get("created_at"))),
    ]
    if item.get("disabled_at"):
        rows.append(("disabled", moment(item.get("disabled_at"))))
    output.thing(item, rows)
