"""What the commands on capabilities have in common: where chains and keys come from, and how less is said.

A chain is read from a file or from standard input, never from an argument; a private key from its file, and it is
never printed. `--json` prints one value, as everywhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from gatepass.access import Rate
from gatepass.cli.terminal.inputs import DURATION, read_secret, read_text
from gatepass.cli.terminal.output import Output
from gatepass.client.chains import Chain, Less, Told, read_chain, tell
from gatepass.client.holding.keys import HolderKey, PublicKey, read_key, read_public_key
from gatepass.errors import Malformed
from gatepass.units import parse_rate

__all__ = ["chain_argument", "chain_at", "key_at", "key_option", "less_of", "less_options", "public_key_at", "say"]

F = TypeVar("F", bound=Callable[..., Any])
_MOST_KEY: Final = 4096

chain_argument = click.argument("chain", metavar="[FILE]", default="-")
key_option = click.option(
    "--key", "key_file", metavar="FILE", required=True, help="Your key, from gatepass capability key."
)
_LESS: Final = (
    click.option("--scope", "scopes", multiple=True, help="What remains of it. May be repeated; without it, all."),
    click.option("--for", "lifetime", type=DURATION, help="How long it lives from now, such as 5m."),
    click.option("--once", is_flag=True, help="For one call."),
    click.option("--calls", type=click.IntRange(1, 1_000_000_000), help="For so many calls in all."),
    click.option("--rate", help="So many calls per span, such as 10/1m."),
    click.option("--network", "networks", multiple=True, help="Only from there, such as 10.0.0.0/8. May be repeated."),
    click.option("--log", metavar="DUTY", help="A duty for whoever honours it, such as log."),
)


def less_options(command: F) -> F:
    """The options that say how much less the next holder gets."""
    for option in reversed(_LESS):
        command = option(command)
    return command


def less_of(  # noqa: PLR0917 - the options, as click gives them
    scopes: tuple[str, ...],
    lifetime: int | None,
    once: bool,  # noqa: FBT001
    calls: int | None,
    rate: str | None,
    networks: tuple[str, ...],
    log: str | None,
) -> Less:
    """What was typed. Raises a usage error for a rate that is none."""
    try:
        most = None if rate is None else Rate(*parse_rate(rate))
    except Malformed as error:
        raise click.BadParameter(f"{error.message}. {error.hint}", param_hint="--rate") from None
    return Less(scopes=scopes, lifetime=lifetime, once=once, calls=calls, rate=most, networks=networks, log=log)


def chain_at(file: str) -> Chain:
    """The chain in a file, or on standard input for `-`."""
    return read_chain(read_secret("Capability", file, flag="FILE").strip())


def key_at(file: str) -> HolderKey:
    """The private key in a file that nobody else can read."""
    return read_key(Path(file))


def public_key_at(file: str) -> PublicKey:
    """The public key in a file, a JWK."""
    return read_public_key(read_text(Path(file), _MOST_KEY))


def say(output: Output, chain: Chain, *notes: str) -> None:
    """The chain alone on standard output; what it is, for people, on standard error."""
    told = tell(chain)
    if output.as_json:
        output.json({"capability": chain.text, "id": told.links[-1].id, "holder": told.holder})
        return
    output.line(chain.text)
    output.note(*_what(told), *notes)


def _what(told: Told) -> tuple[str, ...]:
    return (f"Link {told.links[-1].id}. It may, in its own words:", *(f"  {line}" for line in told.may or ("nothing",)))
