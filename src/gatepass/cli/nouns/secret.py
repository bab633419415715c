"""`gatepass secret`: the real keys, in custody. Written here, read by nobody.

A value comes from standard input, a file or a prompt, never from an argument. It is sealed for its upstream's
exact address and is sent nowhere else.
"""

from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import read_secret
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.prompts import confirm
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management

__all__ = ["secret"]

_COLUMNS: Final = (
    Column.of("NAME", "name"),
    Column.of("UPSTREAM", "upstream"),
    Column.of("VERSION", "version"),
    Column.of("SENT TO", "origin"),
)


@click.group()
def secret() -> None:
    """The real keys, in custody."""


@secret.command("set")
@click.argument("name")
@click.option("--upstream", help="The upstream that wants it; required for a new secret.")
@click.option("--file", metavar="FILE", help="Read the value from FILE, or - for standard input.")
@talking
def set_(api: Management, output: Output, *, name: str, upstream: str | None, file: str | None) -> None:
    """Store the secret NAME, or replace its value: gatepass secret set NAME --upstream U < FILE.

    One end of line at the end is not part of the value.
    """
    known = next((item for item in api.listed("secrets") if name in (item.get("name"), item.get("id"))), None)
    if known is None and upstream is None:
        raise click.UsageError(f"`{name}` is a new secret; say which upstream wants it with --upstream")
    value = read_secret("Secret", file, flag="--file")
    if known is None:
        made = api.create("secrets", {"name": name, "upstream": upstream, "value": value})
    else:
        made = api.replace("secrets", name, {"value": value})
    output.thing(made, _rows(made))
    output.note("It is sealed. Nobody can read it back; you can replace it.")


@secret.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all secrets: their names, never their values."""
    empty = "There are no secrets yet. Store one: gatepass secret set NAME --upstream UPSTREAM < FILE"
    output.items(api.listed("secrets"), _COLUMNS, empty=empty)


@secret.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talking
def delete(api: Management, output: Output, *, name: str, yes: bool) -> None:
    """Delete the secret NAME. Its upstream's calls fail until it has another."""
    confirm(f"Delete the secret {name}? It cannot be restored.", yes=yes)
    api.remove("secrets", name)
    if output.as_json:
        output.json({"deleted": name})
    output.note(f"The secret {name} is gone. The key that it held still works at the upstream: withdraw it there.")


@secret.command("rewrap")
@click.option("--new-key", is_flag=True, help="Make a new key-encryption key first.")
@talking
def rewrap(api: Management, output: Output, /, *, new_key: bool) -> None:
    """Wrap every secret anew under the current key-encryption key, or a new one. Calls go on meanwhile."""
    done = api.rewrap(new_key=new_key)
    output.thing(done, [("rewrapped", shown(done.get("rewrapped")))])


def _rows(item: Item) -> list[tuple[str, str]]:
    return [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("upstream", shown(item.get("upstream"))),
        ("sent to", shown(item.get("origin"))),
        ("version", shown(item.get("version"))),
        ("stored", moment(item.get("created_at"))),
    ]
