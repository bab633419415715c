"""`gatepass capability mint`: the one command on capabilities that asks an issuer.

An agent's long identity comes from a file and goes to the issuer alone; the chain that comes back is for the key.
"""

import os
from typing import Final
from urllib.parse import urlsplit

import click

from gatepass.cli.capability.reading import key_at, key_option, say
from gatepass.cli.connection import json_option
from gatepass.cli.terminal.inputs import DURATION, read_secret, whole_seconds
from gatepass.cli.terminal.output import Output
from gatepass.client import DEFAULT_URL
from gatepass.client.chains import read_chain
from gatepass.client.holding import ApiToken, Issuer, Wanted

__all__ = ["mint"]

_CAPABILITY: Final = "urn:gatepass:params:oauth:token-type:capability"


@click.command("mint")
@click.argument("agent")
@key_option
@click.option("--token-file", metavar="FILE", help="The agent's API token; - or none for standard input.")
@click.option("--issuer", metavar="URL", help="The issuer. Without it, GATEPASS_URL on the agents' host, 127.0.0.1.")
@click.option("--resource", required=True, metavar="URL", help="The surface that it is for, or its path: /u/orders.")
@click.option("--scope", "scopes", multiple=True, help="What it may do. May be repeated, of one tool.")
@click.option("--for", "lifetime", type=DURATION, help="How long it lives, such as 10m.")
@click.option("--once", is_flag=True, help="For one call.")
@click.option("--run", metavar="ID", help="The run that it belongs to.")
@click.option("--purpose", help="What it is for, in one line.")
@json_option
def mint(
    *,
    agent: str,
    key_file: str,
    token_file: str | None,
    issuer: str | None,
    resource: str,
    scopes: tuple[str, ...],
    lifetime: int | None,
    once: bool,
    run: str | None,
    purpose: str | None,
    as_json: bool,
) -> None:
    """Get AGENT a capability for your key: gatepass capability mint support-bot --key me.key --resource /u/orders.

    The chain is printed alone on standard output. From then on it is narrowed and handed on with no server.
    """
    held = key_at(key_file)
    identity = ApiToken(read_secret("API token", token_file, flag="--token-file"), agent)
    url = (issuer or _issuer()).rstrip("/")
    seconds = whole_seconds(lifetime, "--for")
    wanted = Wanted(
        scopes=scopes,
        resource=f"{url}{resource}" if resource.startswith("/") else resource,
        once=once,
        lifetime=None if seconds is None else int(seconds),
        run=run,
        purpose=purpose,
        more={"requested_token_type": _CAPABILITY},
    )
    with Issuer(url, identity, held, unsafe_http=os.environ.get("GATEPASS_UNSAFE_HTTP") == "1") as asked:
        say(Output(as_json), read_chain(asked.ask(wanted).reveal()))


def _issuer() -> str:
    """Where agents are, as far as it can be told from where people are."""
    url = os.environ.get("GATEPASS_URL") or DEFAULT_URL
    if urlsplit(url).hostname != "localhost":
        raise click.UsageError("say --issuer, the address at which agents reach the deployment")
    return url.replace("localhost", "127.0.0.1", 1)
