"""`gatepass trust`: whose word about agents is taken beside our own, and what that would mean.

A token that is tried is read from a file or standard input, never from an argument, and printed nowhere.
"""

from pathlib import Path
from typing import Final

import click

from gatepass import exact
from gatepass.access import Json
from gatepass.cli.connection import talking
from gatepass.cli.terminal.inputs import DURATION, INSTANT, read_secret, read_text, whole_seconds
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.words import managed_row, moment, shown
from gatepass.client import Management
from gatepass.errors import NotFound

__all__ = ["trust"]

REFUSED: Final = 1
_KINDS: Final = ("oidc", "kubernetes", "github-actions", "spiffe")
_GITHUB: Final = "https://token.actions.githubusercontent.com"


def _proves(item: Item) -> str:
    claim = item.get("agent_claim")
    return shown(item.get("agent")) if claim is None else f"by {shown(claim)}"


def _warnings(item: Item) -> tuple[Item, ...]:
    listed = item.get("warnings")
    return tuple(each for each in listed if isinstance(each, dict)) if isinstance(listed, tuple) else ()


_COLUMNS: Final = (
    Column.of("NAME", "name"),
    Column.of("KIND", "kind"),
    Column.of("ISSUER", "issuer"),
    Column("PROVES", _proves),
    Column("WARNINGS", lambda item: str(len(_warnings(item))) if _warnings(item) else "-"),
)


@click.group()
def trust() -> None:
    """Whose word about agents is taken beside our own."""


@trust.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="What kind of issuer it is.")
@click.option("--issuer", help="What `iss` is, byte for byte; of SPIFFE, spiffe:// and the trust domain.")
@click.option("--where", "conditions", multiple=True, metavar="CONDITION", help="claim=value or claim~pattern.")
@click.option("--agent", help="The agent that it proves.")
@click.option("--agent-claim", metavar="CLAIM", help="Or the claim whose values name agents, with --map.")
@click.option("--map", "mapping", multiple=True, metavar="VALUE=AGENT", help="The agent of one value of the claim.")
@click.option("--audience", help="What the token's only audience has to be. Without it, this issuer.")
@click.option("--keys-url", metavar="URL", help="Where the issuer's keys are. Without it, they are discovered.")
@click.option("--keys-file", type=click.Path(path_type=Path), help="The issuer's keys themselves, as a JWK set.")
@click.option("--allow-private", is_flag=True, help="The keys may be at a private address.")
@click.option("--longest", type=DURATION, help="The longest life of a credential issued for such a token.")
@click.option("--reusable", is_flag=True, help="One token may be used until it expires, not once.")
@click.option("--reproof", is_flag=True, help="Every new credential needs a new token.")
@click.option("--expires", type=INSTANT, help="When the rule ends.")
@talking
def create(
    api: Management,
    output: Output,
    *,
    name: str,
    kind: str,
    issuer: str | None,
    conditions: tuple[str, ...],
    agent: str | None,
    agent_claim: str | None,
    mapping: tuple[str, ...],
    audience: str | None,
    keys_url: str | None,
    keys_file: Path | None,
    allow_private: bool,
    longest: int | None,
    reusable: bool,
    reproof: bool,
    expires: str | None,
) -> None:
    """Make the trust rule NAME, or put this in the place of what it was.

    A condition is a claim, then = and one or several values with | between them, or ~ and a pattern of whole
    segments, such as repository_id=260064828 or sub~repo:acme/web:ref:refs/heads/*. A name that begins with / is a
    path into nested claims. All conditions have to hold.
    """
    if issuer is None and kind != "github-actions":
        raise click.UsageError("--issuer is missing")
    said: Item = {
        "kind": kind,
        "issuer": issuer or _GITHUB,
        "keys_url": keys_url,
        "keys": None if keys_file is None else read_text(keys_file, 256 * 1024),
        "allow_private": allow_private,
        "audience": audience,
        "conditions": conditions,
        "agent": agent,
        "agent_claim": agent_claim,
        "agents": _mapped(mapping),
        "longest_life_seconds": whole_seconds(longest, "--longest"),
        "single_use": not reusable or reproof,
        "reproof": reproof,
        "expires_at": expires,
    }
    try:
        item = api.revise("PUT", "trust-rules", name, said)
    except NotFound:
        item = api.replace("trust-rules", name, said)
    _show(output, item)


@trust.command("list")
@talking
def list_(api: Management, output: Output) -> None:
    """List all trust rules."""
    empty = "Nobody's word is taken yet. Make a rule: gatepass trust create NAME --kind KIND --where CONDITION"
    output.items(api.listed("trust-rules"), _COLUMNS, empty=empty)


@trust.command("show")
@click.argument("name")
@talking
def show(api: Management, output: Output, *, name: str) -> None:
    """Show the trust rule NAME."""
    _show(output, api.one("trust-rules", name))


@trust.command("lint")
@click.argument("name", required=False)
@talking
def lint(api: Management, output: Output, *, name: str | None) -> None:
    """Say what is unwise about the trust rule NAME, or about all. Exits with 1 if any of it is a danger."""
    rules = api.listed("trust-rules") if name is None else (api.one("trust-rules", name),)
    found: list[Item] = [{"rule": rule.get("name"), **warning} for rule in rules for warning in _warnings(rule)]
    columns = (
        Column.of("RULE", "rule"),
        Column.of("GRADE", "grade"),
        Column.of("WARNING", "warning"),
        Column.of("WHY", "message"),
    )
    output.items(tuple(found), columns, empty="Nothing unwise was found.")
    if any(each.get("grade") == "danger" for each in found):
        click.get_current_context().exit(REFUSED)


@trust.command("test")
@click.option("--token-file", metavar="FILE", help="The token. Without it, from standard input.")
@click.option("--claims-file", type=click.Path(path_type=Path), help="Claims as JSON, in place of a token.")
@click.option("--rule", help="Only this trust rule.")
@talking
def test(
    api: Management, output: Output, *, token_file: str | None, claims_file: Path | None, rule: str | None
) -> None:
    """Say what each trust rule would say to a token, and why. Exits with 1 if it proves nobody.

    Nothing is issued, the token is not used up, and nobody keeps it.
    """
    said: Item = {"rule": rule}
    if claims_file is not None:
        said = {**said, "claims": exact.read(read_text(claims_file))}
    else:
        said = {**said, "token": read_secret("Token", token_file, flag="--token-file")}
    answer = api.create("trust-trials", said)
    trials = answer.get("trials")
    listed = tuple(each for each in trials if isinstance(each, dict)) if isinstance(trials, tuple) else ()
    rows = [(shown(each.get("rule")), _verdict(each)) for each in listed]
    output.thing(answer, [("proves", shown(answer.get("agent"))), *rows])
    if answer.get("agent") is None:
        click.get_current_context().exit(REFUSED)


@trust.command("delete")
@click.argument("name")
@talking
def delete(api: Management, output: Output, *, name: str) -> None:
    """Take nobody's word under the trust rule NAME any more."""
    api.remove("trust-rules", name)
    if output.as_json:
        output.json({"deleted": name})
    output.note(f"The trust rule {name} is gone. What it led to ends within minutes.")


def _mapped(mapping: tuple[str, ...]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for text in mapping:
        value, equals, agent = text.rpartition("=")
        if not equals or not value or not agent or value in found:
            raise click.UsageError("--map takes VALUE=AGENT, each value once")
        found[value] = agent
    return found


def _verdict(trial: Item) -> str:
    checks = trial.get("checks")
    listed = tuple(each for each in checks if isinstance(each, dict)) if isinstance(checks, tuple) else ()
    wrong = [f"{shown(each.get('what'))}: {shown(each.get('said'))}" for each in listed if not each.get("holds")]
    return "\n".join(wrong) or f"accepted, as {shown(trial.get('agent'))}"


def _show(output: Output, item: Item) -> None:
    keys = (
        "pinned in the rule"
        if item.get("keys")
        else shown(item.get("keys_url"))
        if item.get("keys_url")
        else "discovered"
    )
    rows = [
        ("name", shown(item.get("name"))),
        ("id", shown(item.get("id"))),
        ("kind", shown(item.get("kind"))),
        ("issuer", shown(item.get("issuer"))),
        ("keys", keys),
        ("audience", _lines(item.get("accepts_audiences"))),
        ("conditions", _lines(item.get("conditions")) or "-"),
        ("proves", _proves(item)),
    ]
    agents = item.get("agents")
    if isinstance(agents, dict) and agents:
        rows.append(("agents", "\n".join(f"{shown(value)} = {shown(agent)}" for value, agent in agents.items())))
    rows.append(("each token", "counts once" if item.get("single_use") else "may be used until it expires"))
    if item.get("reproof"):
        rows.append(("each credential", "needs a new token"))
    if item.get("longest_life_seconds") is not None:
        rows.append(("longest credential", f"{shown(item.get('longest_life_seconds'))}s"))
    if item.get("expires_at"):
        rows.append(("ends", moment(item.get("expires_at"))))
    rows += managed_row(item)
    output.thing(item, rows)
    for warning in _warnings(item):
        output.note(f"{shown(warning.get('grade'))}: {shown(warning.get('message'))}")


def _lines(value: Json) -> str:
    return "\n".join(map(shown, value)) if isinstance(value, tuple) else shown(value)
