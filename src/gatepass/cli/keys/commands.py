"""`gatepass key`: the keys that the issuer signs access tokens with. The next one is always published already."""

from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management

__all__ = ["key"]

_COLUMNS: Final = (
    Column.of("ID", "id"),
    Column.of("STATE", "state"),
    Column("SIGNS FROM", lambda item: moment(item.get("begins_at"))),
    Column("UNTIL", lambda item: moment(item.get("withdrawn_at") or item.get("ends_at"))),
)


@click.group()
def key() -> None:
    """The issuer's signing keys."""


@key.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List the keys, the latest to sign first."""
    output.items(api.listed("signing-keys"), _COLUMNS, empty="There are no keys yet.")


@key.command("rotate")
@talking
def rotate(api: Management, output: Output) -> None:
    """Let the next key sign from now on. What the one before has signed stays good until it ends."""
    _show(output, api.rotate_signing_key())


@key.command("withdraw")
@click.argument("id")
@click.option("--because", metavar="REASON", help="Why, for the journal.")
@talking
def withdraw(api: Management, output: Output, *, id: str, because: str | None) -> None:  # noqa: A002  the argument's name
    """Refuse everything that the key ID has signed, at once and for good. The next key signs from now on."""
    done = api.act("signing-keys", id, "withdraw", None if because is None else {"reason": because})
    _show(output, done)
    output.note("What it has signed is refused from now on; agents get new tokens with the next key.")


def _show(output: Output, item: Item) -> None:
    rows = [("id", shown(item.get("id"))), ("state", shown(item.get("state")))]
    rows.append(("signs from", moment(item.get("begins_at"))))
    if item.get("ends_at"):
        rows.append(("until", moment(item.get("ends_at"))))
    if item.get("withdrawn_at"):
        rows.append(("withdrawn", moment(item.get("withdrawn_at"))))
    if item.get("withdrawn_because"):
        rows.append(("because", shown(item.get("withdrawn_because"))))
    output.thing(item, rows)
