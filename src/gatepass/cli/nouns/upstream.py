"""`gatepass upstream`: the systems behind the gateway, where they are, and the file that maps their operations."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gatepass import exact
from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import read_text
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.prompts import confirm
from gatepass.cli.terminal.words import managed_row, moment, shown
from gatepass.client import Management
from gatepass.errors import Malformed
from gatepass.registry import UpstreamKind

__all__ = ["upstream"]


def _custody(item: Item) -> str:
    if item.get("secret_missing") is True:
        return "MISSING"
    return shown(item.get("secret"))


_COLUMNS: Final = (
    Column.of("NAME", "name"),
    Column.of("KIND", "kind"),
    Column("STATE", lambda item: "disabled" if item.get("disabled_at") else "enabled"),
    Column("SECRET", _custody),
    Column.of("TARGET", "target"),
)
_KINDS: Final = tuple(kind.value for kind in UpstreamKind)
_BEARER: Final[Item] = {"kind": "header", "name": "authorization", "prefix": "Bearer "}


def _described(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what an upstream is."""
    options = (
        click.argument("target", nargs=-1, required=True),
        click.option(
            "--kind", type=click.Choice(_KINDS), default="rest", show_default=True, help="How it is spoken to."
        ),
        click.option(
            "--operations",
            type=click.Path(path_type=Path),
            required=True,
            help="The file that maps its operations to actions and resources.",
        ),
        click.option("--bearer", is_flag=True, help="The secret goes out as `Authorization: Bearer SECRET`."),
        click.option("--header", metavar="NAME", help="The secret goes out as this header."),
        click.option("--query", metavar="NAME", help="The secret goes out as this query parameter."),
        click.option("--variable", metavar="NAME", help="The secret is this environment variable of the MCP server."),
        click.option("--prefix", metavar="TEXT", help="What stands before the secret in the header or variable."),
        click.option(
            "--allow-private", is_flag=True, help="TARGET's name may lead to a private address, as in 10.0.0.0/8."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def upstream() -> None:
    """The systems behind the gateway."""


@upstream.command("create")
@click.argument("name")
@_described
@talking
def create(api: Management, output: Output, /, *, name: str, operations: Path, **described: Any) -> None:  # noqa: ANN401 - the options above
    """Register the system NAME at TARGET, whose operations FILE maps.

    TARGET is the exact base URL. For --kind mcp-stdio it is the command that starts the MCP server, after --:
    gatepass upstream create git --kind mcp-stdio --operations git.yaml -- mcp-server-git --repository /srv/repo
    """
    made = _named_file(operations, lambda: api.create("upstreams", {"name": name, **_form(operations, **described)}))
    _show(output, made)
    if made.get("injection"):
        output.note(f"It wants a secret: gatepass secret set {name} --upstream {name} < FILE")


@upstream.command("change")
@click.argument("name")
@_described
@talking
def change(api: Management, output: Output, /, *, name: str, operations: Path, **described: Any) -> None:  # noqa: ANN401 - the options above
    """Put this in the place of what the upstream NAME was. Its secret stays, if TARGET is on the same origin."""
    form = _form(operations, **described)
    _show(output, _named_file(operations, lambda: api.revise("PUT", "upstreams", name, form)))


@upstream.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all upstreams."""
    empty = "There are no upstreams yet. Register one: gatepass upstream create NAME URL --operations FILE"
    output.items(api.listed("upstreams"), _COLUMNS, empty=empty)


@upstream.command("show")
@click.argument("name")
@click.option("--operations", is_flag=True, help="Print its operations file, and nothing else.")
@talking
def show(api: Management, output: Output, *, name: str, operations: bool) -> None:
    """Show the upstream NAME."""
    found = api.one("upstreams", name)
    text = found.get("operations")
    if operations and not output.as_json and isinstance(text, str):
        output.text(text)
        return
    _show(output, found)


@upstream.command("disable")
@click.argument("name")
@talking
def disable(api: Management, output: Output, *, name: str) -> None:
    """Refuse every call to the upstream NAME, and cut those under way."""
    _show(output, api.act("upstreams", name, "disable"))


@upstream.command("enable")
@click.argument("name")
@talking
def enable(api: Management, output: Output, *, name: str) -> None:
    """Let calls to the upstream NAME through again."""
    _show(output, api.act("upstreams", name, "enable"))


@upstream.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talking
def delete(api: Management, output: Output, *, name: str, yes: bool) -> None:
    """Delete the upstream NAME and the secret that it has in custody."""
    confirm(f"Delete the upstream {name} and its secret?", yes=yes)
    api.remove("upstreams", name)
    if output.as_json:
        output.json({"deleted": name})
    output.note(f"The upstream {name} is gone.")


def _form(
    operations: Path,
    *,
    target: tuple[str, ...],
    kind: str,
    bearer: bool,
    header: str | None,
    query: str | None,
    variable: str | None,
    prefix: str | None,
    allow_private: bool,
) -> dict[str, Json]:
    if UpstreamKind(kind).is_command:
        aim = exact.write(target).decode()
    elif len(target) == 1:
        aim = target[0]
    else:
        raise click.UsageError(f"--kind {kind} has one TARGET, its base URL")
    places = {"header": header, "query": query, "environment": variable}
    named = [(place, name) for place, name in places.items() if name is not None]
    if len(named) + bearer > 1:
        raise click.UsageError("--bearer, --header, --query and --variable exclude each other")
    if prefix is not None and not named:
        raise click.UsageError("--prefix needs --header, --query or --variable")
    injection: Json = _BEARER if bearer else None
    for place, name in named:
        injection = {"kind": place, "name": name, "prefix": prefix or ""}
    said = {"kind": kind, "target": aim, "operations": read_text(operations), "injection": injection}
    return {**said, "allow_private": allow_private}


def _named_file(path: Path, send: Callable[[], Item]) -> Item:
    """The server knows the text and not the file; what it says about a line is about this one."""
    try:
        return send()
    except Malformed as error:
        if error.code != "malformed_catalogue":
            raise
        message = re.sub(r"\A`[^`]*` line ", lambda _: f"`{path}` line ", error.message)
        raise Malformed(error.code, message, hint=error.hint, details=error.details) from None


def _show(output: Output, item: Item) -> None:
    injection = item.get("injection")
    rows = [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("kind", shown(item.get("kind"))),
        ("target", shown(item.get("target"))),
        ("secret", _custody(item)),
    ]
    if isinstance(injection, dict):
        place = f"{shown(injection.get('kind'))} {shown(injection.get('name'))}"
        rows.append(("goes out as", f"{place}, {shown(injection.get('prefix'))}SECRET"))
    if item.get("allow_private") is True:
        rows.append(("private address", "allowed"))
    rows += managed_row(item)
    if item.get("fault"):
        rows.append(("comes to nothing", shown(item.get("fault"))))
    rows.append(("created", moment(item.get("created_at"))))
    if item.get("disabled_at"):
        rows.append(("disabled", moment(item.get("disabled_at"))))
    output.thing(item, rows)
