"""`gatepass recover`: a new password for an admin who lost theirs, on the server's machine, with the server stopped."""

import os
from decimal import Decimal
from pathlib import Path

import click

from gatepass.cli.connection import json_option
from gatepass.cli.terminal.inputs import read_secret
from gatepass.cli.terminal.output import Output
from gatepass.server.recovering import recover as recover_password
from gatepass.settings import load

__all__ = ["recover"]


@click.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.  [env: GATEPASS_HOME]")
@click.option("--config", type=click.Path(path_type=Path), help="The settings file.  [env: GATEPASS_CONFIG]")
@click.option("--password-file", metavar="FILE", help="Read the new password from FILE, - for standard input.")
@json_option
def recover(*, name: str, data: Path | None, config: Path | None, password_file: str | None, as_json: bool) -> None:
    """Set a new password for the admin NAME, on the server's machine.

    The server has to be stopped. Sessions of NAME end; the journal says that it was done, and by which user.
    """
    settings = load(os.environ, config=config, data=data)
    ended = recover_password(settings, name, read_secret("New password", password_file, flag="--password-file"))
    output = Output(as_json)
    if as_json:
        output.json({"recovered": name, "sessions_ended": Decimal(ended)})
    output.note(
        f"{name} has a new password, and {ended} sessions ended. The journal says so.",
        f'Start the server, then: eval "$(gatepass login --person {name})"',
    )
