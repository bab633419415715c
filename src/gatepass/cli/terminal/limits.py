"""A token's limits as people type them (`--limit calls=60/1m`) and as they read them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

import click

from gatepass.access import Json
from gatepass.cli.terminal.words import shown
from gatepass.errors import Malformed
from gatepass.units import parse_rate, rate_text

__all__ = ["LIMITS_HELP", "limit_rows", "parse_limits", "rate_of"]

LIMITS_HELP: Final = (
    "attempts=600/1m, calls=60/1m, writes-per-minute=10, requests-per-day=1000 (none lifts these two), "
    "or classes=read,write. May be repeated."
)
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


def parse_limits(texts: tuple[str, ...]) -> Mapping[str, Json] | None:
    """What was typed as the API takes it; None for nothing. Raises a usage error."""
    limits: dict[str, Json] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        reader = _READERS.get(name)
        if reader is None or not separator:
            raise click.BadParameter(f"`{text}` is not a limit. Write {LIMITS_HELP}", param_hint="--limit")
        member = name.replace("-", "_")
        if member in limits:
            raise click.BadParameter(f"`{name}` is said twice", param_hint="--limit")
        limits[member] = reader(value)
    return limits or None


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
