"""`gatepass revoke`: one command in an incident. Whatever is named is dead on every surface when it returns."""

from collections.abc import Mapping

import click

from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.output import Item, Output
from gatepass.cli.terminal.prompts import confirm
from gatepass.cli.terminal.words import shown
from gatepass.client import Management

__all__ = ["revoke", "show_revoked"]


@click.command()
@click.argument("token", required=False)
@click.option("--agent", metavar="NAME", help="Every token of this agent.")
@click.option("--person", metavar="NAME", help="Everything that this person owns or consented to.")
@click.option("--all", "everything", is_flag=True, help="Every token of this deployment, and every other session.")
@click.option("--reason", help="Why, for the journal and for whoever still uses it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talking
def revoke(
    api: Management,
    output: Output,
    /,
    *,
    token: str | None,
    agent: str | None,
    person: str | None,
    everything: bool,
    reason: str | None,
    yes: bool,
) -> None:
    """Withdraw a TOKEN, or everything of an agent, a person, or all.

    Nothing that was revoked can be restored. Calls under way are cut.
    """
    named = [(scope, name) for scope, name in (("token", token), ("agent", agent), ("person", person)) if name]
    if len(named) + everything != 1:
        raise click.UsageError("name one of TOKEN, --agent, --person and --all")
    if everything:
        confirm("Revoke every token of this deployment, and every other session?", yes=yes)
        answer = api.withdraw("everything", reason=reason)
    else:
        ((scope, name),) = named
        if scope == "person":
            confirm(f"Revoke everything that {name} owns?", yes=yes)
        answer = api.withdraw(scope, name, reason)
    show_revoked(output, answer)


def show_revoked(output: Output, answer: Item) -> None:
    """The ids of what was revoked, one a line."""
    if output.as_json:
        output.json(answer)
        return
    revoked = answer.get("revoked")
    ids = [_id(one) for one in revoked] if isinstance(revoked, tuple) else []
    for one in ids:
        output.line(one)
    output.note(
        f"{len(ids)} revoked. No call with {'it' if len(ids) == 1 else 'them'} is permitted any more."
        if ids
        else "Nothing was left to revoke."
    )


def _id(one: Json) -> str:
    return shown(one.get("id")) if isinstance(one, Mapping) else shown(one)
