"""`gatepass login` and `gatepass logout`: a session for this shell, and for nothing else.

The session's token is the only thing on standard output, as a line that a shell can evaluate; it is in no file.
It is printed only after it was seen to be a token: whoever answers at GATEPASS_URL must not choose what this
shell runs. Codes and passwords are typed at a prompt or come from a file or standard input, never from an
argument.
"""

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.connection import connect, json_option, talking
from gatepass.cli.terminal.inputs import read_secret
from gatepass.cli.terminal.output import Item, Output
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management
from gatepass.errors import Unauthenticated, UpstreamFailed

__all__ = ["login", "logout", "status"]

_SESSION: Final = re.compile(r"gp_ses_[0-9A-Za-z]{46}", re.ASCII)
_EXPORT: Final[Mapping[str, str]] = {
    "sh": "export GATEPASS_TOKEN={}",
    "fish": "set -gx GATEPASS_TOKEN {}",
    "powershell": "$env:GATEPASS_TOKEN = '{}'",
}
_UNSET: Final[Mapping[str, str]] = {
    "sh": "unset GATEPASS_TOKEN",
    "fish": "set -e GATEPASS_TOKEN",
    "powershell": "Remove-Item Env:GATEPASS_TOKEN",
}

_shell_option = click.option(
    "--shell", type=click.Choice(sorted(_EXPORT)), default="sh", show_default=True, help="Whose words to print."
)


@click.command()
@click.option("--person", metavar="NAME", help="Sign in with this person's password instead of a one-time code.")
@click.option("--code-file", metavar="FILE", help="Read the one-time code from FILE, or - for standard input.")
@click.option("--password-file", metavar="FILE", help="Read the password from FILE, or - for standard input.")
@_shell_option
@json_option
def login(person: str | None, code_file: str | None, password_file: str | None, shell: str, *, as_json: bool) -> None:
    """Sign in for this shell.

    Type eval "$(gatepass login)". With the one-time code that `gatepass up` shows on its own terminal, or as --person
    with a password. A session lives 8 hours; what widens anything needs a person who signed in within the last 15
    minutes.
    """
    if person is None and password_file is not None:
        raise click.UsageError("--password-file needs --person NAME")
    if person is not None and code_file is not None:
        raise click.UsageError("--code-file and --person exclude each other: a code says who you are")
    if sys.stdout.isatty() and not as_json:
        raise click.UsageError('a session on the screen signs nobody in; type: eval "$(gatepass login)"')
    if person is None:
        said = {"code": read_secret("One-time code", code_file, flag="--code-file").strip()}
    else:
        said = {"name": person, "password": read_secret("Password", password_file, flag="--password-file")}
    with connect(token=False) as transport:
        answer = Management(transport).sign_in(said)
    token = answer.get("token")
    if not isinstance(token, str) or not _SESSION.fullmatch(token):
        raise UpstreamFailed("server_garbled", "the server answered with something that is not a session")
    output = Output(as_json)
    if as_json:
        output.json(answer)
        return
    output.line(_EXPORT[shell].format(token))
    output.note(
        f"Signed in as {shown(answer.get('person'))} until {moment(answer.get('expires_at'), datetime.now(UTC))}.",
        "End it with: " + ('eval "$(gatepass logout)"' if shell == "sh" else f"gatepass logout --shell {shell}"),
    )


@click.command()
@_shell_option
@json_option
def logout(shell: str, *, as_json: bool) -> None:
    """End the session of this shell.

    Type eval "$(gatepass logout)".
    """
    output = Output(as_json)
    ended = False
    if os.environ.get("GATEPASS_TOKEN"):
        with suppress(Unauthenticated), connect() as transport:
            Management(transport).sign_out()
            ended = True
    if as_json:
        output.json({"ended": ended})
        return
    output.line(_UNSET[shell])
    output.note("The session has ended." if ended else "There was no session any more.")


@click.command()
@talking
def status(api: Management, output: Output, /) -> None:
    """Show the server, its custody, and who you are to it."""
    answer = api.status()
    now = datetime.now(UTC)
    custody, person, held = (_item(answer.get(name)) for name in ("custody", "person", "credential"))
    fresh = moment(held.get("fresh_until"), now) if held.get("fresh_until") else "never: sign in to widen anything"
    rows = [
        ("server", f"{api.url}, version {shown(answer.get('version'))}"),
        (
            "custody",
            f"{'protected' if custody.get('protected') is True else 'NOT protected'}: {shown(custody.get('says'))}",
        ),
        ("you", f"{shown(person.get('name'))}, {shown(person.get('operator'))}, with a {shown(held.get('kind'))}"),
        ("until", moment(held.get("expires_at"), now)),
        ("may widen until", fresh),
        *((shown(name).replace("_", " "), shown(count)) for name, count in _item(answer.get("counts")).items()),
    ]
    if isinstance(journal := answer.get("journal"), Mapping):
        rows.append(("journal", f"{shown(journal.get('seq'))} entries"))
    faults = answer.get("faults")
    if isinstance(faults, tuple) and faults:
        rows.append(("faults", "\n".join(map(shown, faults))))
    output.thing(answer, rows)


def _item(value: Json) -> Item:
    return value if isinstance(value, Mapping) else {}
