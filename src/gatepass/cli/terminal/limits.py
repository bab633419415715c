"""A token's limits as people type them (`--limit calls=60/1m`) and as they read them."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.terminal.words import shown
from gatepass.errors import Malformed
from gatepass.units import parse_rate, rate_text

__all__ = [
    "LIMITS_HELP",
    "RUN_LIMITS_HELP",
    "STARTING_HELP",
    "limit_rows",
    "parse_limits",
    "parse_run_limits",
    "rate_of",
    "run_limit_rows",
]

LIMITS_HELP: Final = (
    "attempts=600/1m, calls=60/1m, writes-per-minute=10, requests-per-day=1000 (none lifts these two), "
    "or classes=read,write. May be repeated."
)
RUN_LIMITS_HELP: Final = (
    "calls=100, writes=10, or budget=50USD, counted by the property amount. In the whole run. May be repeated."
)
STARTING_HELP: Final = (
    "What its tokens start with: attempts=600/1m, calls=60/1m, writes-per-minute=10, requests-per-day=1000, or "
    "classes=read,write; default leaves one to the deployment. May be repeated."
)
_BUDGET: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([A-Za-z][A-Za-z0-9._-]{0,15})", re.ASCII)
_CLASSES: Final = ("read", "write", "delete")


def _rate(text: str) -> Json:
    try:
        count, period = parse_rate(text)
    except Malformed as error:
        raise click.BadParameter(f"{error.message}. {error.hint}", param_hint="--limit") from None
    if period % 1_000:
        raise click.BadParameter(f"`{text}` is not per whole seconds", param_hint="--limit")
    return {"count": Decimal(count), "period_seconds": Decimal(period // 1_000)}


def _quota(text: str) -> Json:
    if text == "none":
        return None
    if text.isascii() and text.isdecimal() and 0 < len(text) <= 10:  # noqa: PLR2004 - more than anybody counts
        return Decimal(text)
    raise click.BadParameter(f"`{text}` is neither a whole number nor none", param_hint="--limit")


def _classes(text: str) -> Json:
    classes = tuple(text.split(","))
    unknown = [name for name in classes if name not in _CLASSES]
    if unknown:
        raise click.BadParameter(f"`{unknown[0]}` is not one of {', '.join(_CLASSES)}", param_hint="--limit")
    return classes


_READERS: Final[Mapping[str, Callable[[str], Json]]] = {
    "attempts": _rate,
    "calls": _rate,
    "writes-per-minute": _quota,
    "requests-per-day": _quota,
    "classes": _classes,
}


def parse_limits(texts: tuple[str, ...], *, starting: bool = False) -> Mapping[str, Json] | None:
    """What was typed as the API takes it; None for nothing. Raises a usage error.

    `starting`: what an agent's tokens start with, of which each can be left to the deployment (`default`).
    """
    limits: dict[str, Json] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        reader = _READERS.get(name)
        if reader is None or not separator:
            help_ = STARTING_HELP if starting else LIMITS_HELP
            raise click.BadParameter(f"`{text}` is not a limit. Write {help_}", param_hint="--limit")
        member = name.replace("-", "_")
        if member in limits:
            raise click.BadParameter(f"`{name}` is said twice", param_hint="--limit")
        if starting and value == "none":
            raise click.BadParameter(f"`{name}`: write default to leave it to the deployment", param_hint="--limit")
        limits[member] = None if starting and value == "default" else reader(value)
    return limits or None


def parse_run_limits(texts: tuple[str, ...]) -> Mapping[str, Json] | None:
    """The same for a run. Raises a usage error."""
    limits: dict[str, Json] = {}
    budgets: list[Json] = []
    for text in texts:
        name, _, value = text.partition("=")
        found = _BUDGET.fullmatch(value)
        if name == "budget" and found:
            budgets.append({"limit": found[1], "currency": found[2]})
        elif name in {"calls", "writes"} and name not in limits:
            limits[name] = _quota(value)
        else:
            raise click.BadParameter(f"`{text}` is not a limit. Write {RUN_LIMITS_HELP}", param_hint="--limit")
    if budgets:
        limits["budgets"] = tuple(budgets)
    return limits or None


def run_limit_rows(limits: Json) -> list[str]:
    """A run's limits for people, one a line, in the words that say them."""
    if not isinstance(limits, Mapping):
        return []
    lines = [f"{name}={shown(limits[name])}" for name in ("calls", "writes") if limits.get(name) is not None]
    budgets = limits.get("budgets")
    listed = budgets if isinstance(budgets, tuple) else ()
    told = (budget for budget in listed if isinstance(budget, Mapping))
    return [*lines, *(f"budget={shown(each.get('limit'))}{shown(each.get('currency'))}" for each in told)]


def limit_rows(limits: Json, *, stated: bool = False) -> list[str]:
    """Limits for people, one a line, in the words that change them; with `stated` only those that are said."""
    if not isinstance(limits, Mapping):
        return []
    lines = []
    for name in _READERS:
        value = limits.get(name.replace("-", "_"))
        if stated and value is None:
            continue
        text = rate_of(value) if isinstance(value, Mapping) else shown(value).replace(", ", ",")
        lines.append(f"{name}={'none' if value is None else text}")
    return lines


def rate_of(value: Json) -> str:
    """A rate of the API as people write it: `60/1m`."""
    count = value.get("count") if isinstance(value, Mapping) else None
    seconds = value.get("period_seconds") if isinstance(value, Mapping) else None
    if isinstance(count, Decimal) and isinstance(seconds, Decimal) and seconds > 0:
        return rate_text(int(count), int(seconds) * 1_000)
    return "-"
