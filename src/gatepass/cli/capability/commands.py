"""`gatepass capability`: what a holder does with a chain. Only `mint` talks to a server.

`show` tells what a chain says of itself, in words; `narrow` gives the next holder less; `extend` is the link of a
service that passes a chain on; `seal` makes it usable without a proof, by one audience, for a while; `hand` puts a
narrower chain and a new key in one file, and `take` takes that over.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gatepass.access import Json
from gatepass.cli.capability.minting import mint
from gatepass.cli.capability.reading import (
    chain_argument,
    chain_at,
    key_at,
    key_option,
    less_of,
    less_options,
    public_key_at,
    say,
)
from gatepass.cli.connection import json_option
from gatepass.cli.terminal.inputs import DURATION, read_secret
from gatepass.cli.terminal.output import Output
from gatepass.cli.terminal.words import moment
from gatepass.client.chains import Told, add_duties, hand_on, narrow, seal, take, tell
from gatepass.client.holding.keys import keep_text, make_key, read_key

__all__ = ["capability", "narrow_command"]


@click.group()
def capability() -> None:
    """Capabilities: narrowed, sealed and handed on with no server."""


@capability.command("key")
@click.argument("file")
@json_option
def key(*, file: str, as_json: bool) -> None:
    """Show the public half of your key in FILE, as a JWK; make the key if there is none.

    The private half stays in FILE, which only you can read.
    """
    path, output = Path(file), Output(as_json)
    held = read_key(path) if path.exists() else make_key(path)
    output.json(dict(held.public.jwk))
    output.note(f"This is the public half; its thumbprint is {held.public.thumbprint}.")


@capability.command("show")
@chain_argument
@json_option
def show(*, chain: str, as_json: bool) -> None:
    """Tell what the capability in FILE may do, in its own words. Nothing is verified."""
    told, output = tell(chain_at(chain)), Output(as_json)
    now = datetime.now(UTC)
    root = told.root
    if told.seal is None:
        proof = f"each use takes a proof by the key {told.holder}"
    else:
        proof = f"sealed: whoever has it can use it at {told.seal.audience}"
    rows = [
        ("may", "\n".join(told.may) or "nothing"),
        ("where", "\n".join(root.audiences)),
        ("until", moment(_instant(told.expires), now)),
        ("use", proof),
        ("agent", root.subject),
        ("owner", root.owner),
        ("issuer", root.issuer),
    ]
    rows += [(name, text) for name, text in (("purpose", root.purpose), ("run", root.run)) if text]
    rows.append(("links", "\n".join(f"{link.id}  until {moment(_instant(link.expires))}" for link in told.links)))
    output.thing(_item(told), rows)
    output.note("These are the chain's own words; whoever accepts it verifies them.")


@capability.command("narrow")
@chain_argument
@key_option
@click.option("--to", metavar="FILE", help="The public key (JWK) of whoever gets it. Without it, your own.")
@less_options
@json_option
def narrow_command(*, chain: str, key_file: str, to: str | None, as_json: bool, **less: Any) -> None:  # noqa: ANN401 - click's
    """Give less of the capability in FILE: gatepass capability narrow chain --key me.key --scope SCOPE --for 5m.

    The narrower chain is printed alone on standard output. What goes beyond the chain is refused, with the widest that
    it allows.
    """
    held, recipient = key_at(key_file), None if to is None else public_key_at(to)
    say(Output(as_json), narrow(chain_at(chain), held, less_of(**less), to=recipient))


@capability.command("extend")
@chain_argument
@key_option
@click.option("--rate", help="So many calls per span, such as 10/1m.")
@click.option("--log", metavar="DUTY", help="A duty for whoever honours it, such as log.")
@json_option
def extend(*, chain: str, key_file: str, rate: str | None, log: str | None, as_json: bool) -> None:
    """Add your service's own link to the capability in FILE: a rate, a duty to log, or both."""
    if rate is None and log is None:
        raise click.UsageError("say --rate, --log or both")
    less = less_of((), None, False, None, rate, (), log)
    say(Output(as_json), add_duties(chain_at(chain), key_at(key_file), less))


@capability.command("seal")
@chain_argument
@key_option
@click.option("--audience", required=True, metavar="URL", help="Who takes it without a proof, and nobody else.")
@click.option("--for", "lifetime", type=DURATION, required=True, help="How long, such as 1m.")
@json_option
def seal_command(*, chain: str, key_file: str, audience: str, lifetime: int, as_json: bool) -> None:
    """Make the capability in FILE usable at one audience without a proof, for whoever has it."""
    made = seal(chain_at(chain), key_at(key_file), audience=audience, lifetime=lifetime)
    say(Output(as_json), made, "Sealed: whoever has it can use it. Treat it as a password until it ends.")


@capability.command("hand")
@chain_argument
@key_option
@click.option("--out", required=True, metavar="FILE", help="Where to put it; only you can read it.")
@less_options
@json_option
def hand(*, chain: str, key_file: str, out: str, as_json: bool, **less: Any) -> None:  # noqa: ANN401 - click's
    """Put a narrower chain, with a new key of its own, in a file for somebody who has no key yet.

    Whoever reads the file can use the chain, so give it to one holder, and take it away afterwards.
    """
    handed = hand_on(chain_at(chain), key_at(key_file), less_of(**less))
    keep_text(handed.reveal(), Path(out))
    output = Output(as_json)
    if as_json:
        output.json({"id": tell(handed.chain).links[-1].id, "file": out})
    output.note(f"`{out}` holds the chain and its key. Whoever gets it: gatepass capability take {out} --key NEW")


@capability.command("take")
@click.argument("file", metavar="FILE")
@click.option("--key", "key_file", required=True, metavar="FILE", help="Where to keep the key that comes with it.")
@json_option
def take_command(*, file: str, key_file: str, as_json: bool) -> None:
    """Take over the capability that somebody handed on in FILE: its key is kept, its chain printed."""
    text = read_secret("Capability for handing on", file, flag="FILE").strip()
    say(Output(as_json), take(text, Path(key_file)), f"Its key is in `{key_file}`. Remove `{file}`.")


capability.add_command(mint)


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def _item(told: Told) -> dict[str, Json]:
    return {
        "verified": False,
        "may": told.may,
        "audiences": told.root.audiences,
        "expires_at": _instant(told.expires),
        "sealed": told.seal is not None,
        "holder": told.holder,
        "agent": told.root.subject,
        "owner": told.root.owner,
        "issuer": told.root.issuer,
        "purpose": told.root.purpose,
        "run": told.root.run,
        "links": tuple({"id": link.id, "expires_at": _instant(link.expires)} for link in told.links),
    }
