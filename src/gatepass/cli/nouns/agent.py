"""`gatepass agent`: machine identities. Disabling one stops its tokens at once and touches nobody else's."""

from pathlib import Path
from typing import Final

import click

from gatepass import exact
from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import INSTANT, read_text
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


@agent.group("key")
def key() -> None:
    """Public keys by which an agent says who it is to the issuer."""


@key.command("add")
@click.argument("name")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    required=True,
    help="The public key, as a JWK. Never the private one.",
)
@click.option("--label", default="", help="Where the key is, such as laptop.")
@click.option("--expires", type=INSTANT, help="When it counts no more.")
@talking
def key_add(api: Management, output: Output, *, name: str, key_file: Path, label: str, expires: str | None) -> None:
    """Let the agent NAME authenticate with a key of its own (private_key_jwt)."""
    jwk = exact.read(read_text(key_file, 1 << 16))
    made = api.act("agents", name, "keys", {"jwk": jwk, "label": label, "expires_at": expires})
    output.thing(made, _key_rows(made))
    output.note("It signs with the private half, which nobody but the agent has: docs/workload-identity.md says how.")


@key.command("list")
@click.argument("name")
@talking
def key_list(api: Management, output: Output, *, name: str) -> None:
    """List the keys of the agent NAME."""
    columns = (Column.of("ID", "id"), Column.of("LABEL", "label"), Column.of("THUMBPRINT", "thumbprint"))
    output.items(api.listed("agents", name, "keys"), columns, empty="It has no key of its own.")


@key.command("remove")
@click.argument("key_id", metavar="KEY")
@talking
def key_remove(api: Management, output: Output, *, key_id: str) -> None:
    """Take away the key KEY, an id or a thumbprint. What is signed with it counts no more."""
    api.remove("agent-keys", key_id)
    if output.as_json:
        output.json({"removed": key_id})
    output.note(f"The key {key_id} is gone.")


def _key_rows(item: Item) -> list[tuple[str, str]]:
    rows = [(name, shown(item.get(name))) for name in ("id", "agent", "label", "thumbprint")]
    return [*rows, ("expires", moment(item.get("expires_at")))] if item.get("expires_at") else rows


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
