"""`gatepass token`: what agents carry instead of the real keys. Shown once; then only its id and its limits are.

A new token stands alone on standard output, so that `TOKEN=$(gatepass token create …)` holds nothing else, and
everything about it on standard error. `explain` says what would happen, by the same decision that a call gets, and
calls nobody; `blast-radius` says everything that a token can reach, how much, and until when.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.lazy import LendingGroup
from gatepass.cli.nouns.token.reach import catalogue_rows, read_attempt, show_blast_radius, show_explanation
from gatepass.cli.revoke import show_revoked
from gatepass.cli.terminal.inputs import DURATION, read_secret, whole_seconds
from gatepass.cli.terminal.limits import LIMITS_HELP, limit_rows, parse_limits, rate_of
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management
from gatepass.errors import UpstreamFailed

__all__ = ["token"]


def _state(item: Item) -> str:
    return "live" if item.get("alive") is True else "dead"


def _calls(item: Item) -> str:
    limits = item.get("limits")
    return rate_of(limits.get("calls")) if isinstance(limits, Mapping) else "-"


_COLUMNS: Final = (
    Column.of("ID", "id"),
    Column.of("NAME", "name"),
    Column.of("AGENT", "agent"),
    Column("STATE", _state),
    Column("CALLS", _calls),
    Column("EXPIRES", lambda item: moment(item.get("expires_at"))),
)


@click.group(cls=LendingGroup)
def token() -> None:
    """What agents carry instead of the real keys."""


@token.command("create")
@click.argument("agent", required=False)
@click.option("--own", is_flag=True, help="A person's token, for yourself, instead of an agent's.")
@click.option("--name", help="What to call it. Without it, as its agent.")
@click.option("--scope", "scopes", multiple=True, help="What it may do, from gatepass token scopes. May be repeated.")
@click.option("--for", "lifetime", type=DURATION, help="How long it lives, such as 4h. Without it, as is usual here.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=LIMITS_HELP)
@click.option("--purpose", help="What it is for, in one line; it stands in the journal with every call.")
@click.option("--run", metavar="ID", help="The run that it belongs to, or new for one of its own.")
@talking
def create(
    api: Management,
    output: Output,
    /,
    *,
    agent: str | None,
    own: bool,
    name: str | None,
    scopes: tuple[str, ...],
    lifetime: int | None,
    limits: tuple[str, ...],
    purpose: str | None,
    run: str | None,
) -> None:
    """Give AGENT a token: gatepass token create support-bot --scope orders:list --for 4h.

    The token is printed once, alone on standard output.
    """
    if (agent is None) is not own:
        raise click.UsageError("name the AGENT that it is for, or say --own for a person's token of yours")
    if own and name is None:
        raise click.UsageError("a token of your own needs a --name")
    made = api.create(
        "tokens",
        {
            "agent": agent,
            "name": name or agent,
            "scopes": scopes or None,
            "lifetime_seconds": whole_seconds(lifetime, "--for"),
            "limits": parse_limits(limits),
            "purpose": purpose,
            "run": run,
        },
    )
    _show_new(output, made)


@token.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are revoked, replaced or expired.")
@talking
def list_(api: Management, output: Output, /, *, everything: bool) -> None:
    """List the tokens that are alive."""
    items = tuple(item for item in api.listed("tokens") if everything or item.get("alive") is True)
    empty = "There are no tokens. Make one: gatepass token create AGENT --scope SCOPE --for 8h"
    output.items(items, _COLUMNS, empty=empty)


@token.command("show")
@click.argument("token")
@talking
def show(api: Management, output: Output, /, *, token: str) -> None:
    """Show the TOKEN, an id (crd_...) or a name: what it may do, how much, and until when."""
    _show(output, api.one("tokens", token))


@token.command("limits")
@click.argument("token")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help=LIMITS_HELP)
@talking
def limits(api: Management, output: Output, /, *, token: str, limits: tuple[str, ...]) -> None:
    """Show the limits of TOKEN, or change those that are given, without issuing it anew."""
    changes = parse_limits(limits)
    item = api.one("tokens", token) if changes is None else api.revise("PATCH", "tokens", token, {"limits": changes})
    if output.as_json:
        output.json(item)
        return
    for line in limit_rows(item.get("limits")):
        output.line(line)
    if changes is not None:
        output.note("They hold from the next call on. The token stays as it is.")


@token.command("rotate")
@click.argument("token")
@click.option(
    "--overlap", type=DURATION, help="How long the old one goes on working, such as 10m. Without it, not at all."
)
@click.option(
    "--for", "lifetime", type=DURATION, help="How long the new one lives. Without it, as long as the old one."
)
@talking
def rotate(api: Management, output: Output, /, *, token: str, overlap: int | None, lifetime: int | None) -> None:
    """Put a new token in the place of TOKEN. It draws on the same limits and may do the same."""
    said = {
        "overlap_seconds": whole_seconds(overlap, "--overlap"),
        "lifetime_seconds": whole_seconds(lifetime, "--for"),
    }
    _show_new(output, api.act("tokens", token, "rotate", said))


@token.command("revoke")
@click.argument("token")
@click.option("--reason", help="Why, for the journal and for whoever still uses it.")
@talking
def revoke(api: Management, output: Output, /, *, token: str, reason: str | None) -> None:
    """Revoke TOKEN, on every surface, now. Whatever descends from it falls with it."""
    show_revoked(output, api.act("tokens", token, "revoke", {"reason": reason}))


@token.command("explain")
@click.argument("token")
@click.argument("upstream")
@click.argument("method", required=False)
@click.argument("path", required=False)
@click.option("--body", metavar="JSON", help="The JSON body of the request.")
@click.option("--tool", metavar="NAME", help="An MCP tool, instead of METHOD and PATH.")
@click.option("--resource", metavar="URI", help="An MCP resource, instead of METHOD and PATH.")
@click.option("--prompt", metavar="NAME", help="An MCP prompt, instead of METHOD and PATH.")
@click.option("--arguments", metavar="JSON", help="The arguments of the tool or prompt, as a JSON object.")
@talking
def explain(api: Management, output: Output, /, *, token: str, **attempt: str | None) -> None:
    """Say what would happen to a call of TOKEN at UPSTREAM, and why. Nothing is called. Exits 1 if it is refused.

    gatepass token explain support-bot orders POST /orders/order-1/refunds --body '{"amount": 51}'

    gatepass token explain support-bot git --tool git_log --arguments '{"max_count": 3}'
    """
    told = api.explain(token, read_attempt(**attempt))
    show_explanation(output, told)
    if told.get("outcome") != "permit":
        click.get_current_context().exit(1)


@token.command("blast-radius")
@click.argument("token")
@talking
def blast_radius(api: Management, output: Output, /, *, token: str) -> None:
    """Show everything that TOKEN can reach now, how much of it, and until when."""
    show_blast_radius(output, api.blast_radius(token))


@token.command("scopes")
@talking
def scopes(api: Management, output: Output, /) -> None:
    """Show the catalogue: every scope that can be given, and the limits that can follow it after a `?`."""
    items = api.listed("scopes")
    if output.as_json:
        output.json({"items": items, "next": None})
    elif not items:
        output.note(
            "There are no scopes yet. Register an upstream: gatepass upstream create NAME URL --operations FILE"
        )
    else:
        output.table(["SCOPE", "CLASS", "UPSTREAM", "LIMITS ON"], list(catalogue_rows(items)))


@token.command("leaked")
@click.option("--file", metavar="FILE", help="Read the token from FILE, or - for standard input.")
@talking
def leaked(api: Management, output: Output, /, *, file: str | None) -> None:
    """Revoke a token that was found somewhere, by showing the whole of it. Needs no sign-in."""
    api.report_leaked(read_secret("Token", file, flag="--file"))
    if output.as_json:
        output.json({"reported": True})
    output.note("If it was a token of this deployment, it is revoked.")


def _show_new(output: Output, made: Item) -> None:
    """The token alone on standard output; what it is, for people, on standard error."""
    text = made.get("token")
    if not isinstance(text, str):
        raise UpstreamFailed("server_garbled", "the server answered without a token")
    if output.as_json:
        output.json(made)
        return
    output.line(text)
    name = shown(made.get("name"))
    output.note(
        f"Token {name} ({shown(made.get('id'))}), shown this once.",
        f"It expires {moment(made.get('expires_at'), datetime.now(UTC))}.",
        f"What it can reach: gatepass token blast-radius {name}",
    )


def _show(output: Output, item: Item) -> None:
    now = datetime.now(UTC)
    scopes = item.get("scopes")
    rows = [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("state", "live" if item.get("alive") is True else f"dead: {shown(item.get('dead_because'))}"),
        ("agent", shown(item.get("agent"))),
        ("owner", shown(item.get("owner"))),
        ("scopes", "\n".join(map(shown, scopes)) if isinstance(scopes, tuple) and scopes else "-"),
        ("limits", "\n".join(limit_rows(item.get("limits"))) or "-"),
        ("issued", moment(item.get("issued_at"))),
        ("expires", moment(item.get("expires_at"), now)),
    ]
    for title, member in (("purpose", "purpose"), ("run", "run"), ("replaced by", "replaced_by")):
        if item.get(member):
            rows.append((title, shown(item.get(member))))
    for title, member in (("retires", "retires_at"), ("revoked", "revoked_at")):
        if item.get(member):
            rows.append((title, moment(item.get(member), now)))
    output.thing(item, rows)
