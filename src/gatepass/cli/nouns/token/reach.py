"""What a token would do and what it can reach, as a person reads it: `explain` and `blast-radius`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import click

from gatepass import exact
from gatepass.access import Json
from gatepass.cli.terminal.output import Item, Output
from gatepass.cli.terminal.words import clean, moment, shown
from gatepass.errors import Malformed
from gatepass.units import duration_text

__all__ = ["catalogue_rows", "read_attempt", "show_blast_radius", "show_explanation"]

_WHAT: Final = "say what is attempted: METHOD and PATH, or one of --tool, --resource and --prompt"


def read_attempt(
    *,
    upstream: str | None,
    method: str | None,
    path: str | None,
    body: str | None,
    tool: str | None,
    resource: str | None,
    prompt: str | None,
    arguments: str | None,
) -> Mapping[str, Json]:
    """What was typed as the API takes an attempt. Raises a usage error."""
    named = {"tool": tool, "resource": resource, "prompt": prompt}
    said = {name: value for name, value in named.items() if value is not None}
    if (method is not None) + len(said) != 1 or (method is not None and path is None):
        raise click.UsageError(_WHAT)
    attempt: dict[str, Json] = {"upstream": upstream, **said}
    if method is not None and path is not None:
        path, _, query = path.partition("?")
        attempt |= {"method": method.upper(), "path": path, **({"query": query} if query else {})}
    if body is not None:
        if method is None:
            raise click.UsageError("--body goes with METHOD and PATH")
        attempt["body"] = _json(body, "--body")
    if arguments is not None:
        if tool is None and prompt is None:
            raise click.UsageError("--arguments goes with --tool or --prompt")
        attempt["arguments"] = _json(arguments, "--arguments")
    return attempt


def _json(text: str, flag: str) -> Json:
    try:
        return exact.read(text)
    except Malformed as error:
        raise click.UsageError(f"{flag} is not JSON: {error.message}") from None


def show_explanation(output: Output, told: Item) -> None:
    """What came of it, the attempt as it was read, and the steps of the decision in their order."""
    if output.as_json:
        output.json(told)
        return
    permitted = told.get("outcome") == "permit"
    output.line("permitted" if permitted else f"refused: {shown(told.get('message'))} ({shown(told.get('code'))})")
    access = _item(told.get("access"))
    if access:
        on = f"{shown(access.get('action'))} on {shown(access.get('resource'))}"
        output.line(f"    {on}, of class {shown(access.get('class'))}")
        for name, value in _item(access.get("properties")).items():
            output.line(f"    {name} = {shown(value)}")
    for step in _items(told.get("steps")):
        words = f"{shown(step.get('name'))}: {shown(step.get('detail') or step.get('result'))}"
        output.line(f"{shown(step.get('step')):>3} {words}")
    for reason in _texts(told.get("because")):
        output.line(f"    because {reason}")
    for fault in _texts(told.get("faults")):
        output.line(f"    could not be evaluated: {fault}")
    for level in _items(told.get("limits")):
        meter = shown(level.get("meter")).rpartition("/")[2]
        output.line(f"    {meter}: {shown(level.get('remaining'))} of {shown(level.get('limit'))} left")
    if told.get("missing_scope"):
        output.note(f"What would allow it: {shown(told.get('missing_scope'))}")
    elif told.get("hint") and not permitted:
        output.note(shown(told.get("hint")))


def show_blast_radius(output: Output, told: Item) -> None:
    """What it opens, how much and until when; what it names and does not open; what it never touches."""
    if output.as_json:
        output.json(told)
        return
    if told.get("alive") is True:
        output.line(f"Until {moment(told.get('until'), datetime.now(UTC))} it can reach")
    else:
        output.line(f"It reaches nothing: {shown(told.get('dead_because'))}.")
    for reachable in _items(told.get("reach")):
        asks = ", after a person said yes" if reachable.get("asks_person") is True else ""
        output.line(f"  {shown(reachable.get('scope'))}")
        output.line(f"      at {shown(reachable.get('path'))}, of class {shown(reachable.get('class'))}{asks}")
    levels = _items(told.get("limits"))
    if levels and told.get("alive") is True:
        output.line("with at most")
        for level in levels:
            output.line(f"  {_amount(level)}")
    shut = _items(told.get("shut"))
    if shut:
        output.line("It names, and does not open,")
        for one in shut:
            output.line(f"  {shown(one.get('scope'))}: {shown(one.get('because'))}")
    output.line("It never reaches")
    for name in _texts(told.get("untouched")):
        output.line(f"  the upstream {name}")
    for what in _texts(told.get("never")):
        output.line(f"  {what}")


def _amount(level: Item) -> str:
    """`calls: 60/1m, 58 left`."""
    seconds = level.get("period_seconds")
    span = f"/{duration_text(int(seconds) * 1_000)}" if isinstance(seconds, Decimal) and seconds > 0 else ""
    return f"{shown(level.get('name'))}: {shown(level.get('limit'))}{span}, {shown(level.get('remaining'))} left"


def catalogue_rows(items: Sequence[Item]) -> Iterator[list[str]]:
    """A row for each action, and one for each shorthand, of what the API lists of each type."""
    for spec in items:
        upstream = shown(spec.get("upstream"))
        for action in _items(spec.get("actions")):
            names = [shown(declared.get("name")) for declared in _items(action.get("properties"))]
            yield [shown(action.get("scope")), shown(action.get("class")), upstream, ", ".join(names) or "-"]
        for name, scopes in _item(spec.get("shorthands")).items():
            yield [f"{shown(spec.get('type'))}:{clean(name)}", "-", upstream, f"= {shown(scopes)}"]


def _item(value: Json) -> Item:
    return value if isinstance(value, Mapping) else {}


def _items(value: Json) -> list[Item]:
    return [_item(one) for one in value] if isinstance(value, tuple) else []


def _texts(value: Json) -> list[str]:
    return [shown(one) for one in value] if isinstance(value, tuple) else []
