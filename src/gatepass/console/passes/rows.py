"""How the API's words become the words of forms and rows, and back: rates, spans, limits."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from gatepass.access import ActionClass, Json
from gatepass.console.bridge import Members
from gatepass.console.forms import Fields
from gatepass.errors import Malformed
from gatepass.units import parse_duration, parse_rate, rate_text

__all__ = [
    "CLASSES",
    "LIMIT_WORDS",
    "alive_first",
    "limit_fields",
    "limits_said",
    "members",
    "rate_words",
    "seconds_said",
    "starting_fields",
    "starting_said",
    "taken",
]

CLASSES: Final = tuple(kind.value for kind in ActionClass if kind is not ActionClass.ADMIN)
"""The classes that a stored token can carry."""
LIMIT_WORDS: Final = {
    "calls": "Permitted calls",
    "attempts": "Attempts",
    "writes_per_minute": "Writes a minute",
    "requests_per_day": "Calls a day",
    "classes": "Classes",
}
_RATES: Final = ("calls", "attempts")
_QUOTAS: Final = ("writes_per_minute", "requests_per_day")
Parsed = TypeVar("Parsed")
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)


def members(value: Json) -> Members:
    """An object of an answer; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def taken(said: Mapping[str, Json]) -> Members:
    """What was filled in: members that are None are not said."""
    return {name: value for name, value in said.items() if value is not None}


def alive_first(tokens: Iterable[Members]) -> list[Members]:
    """Those that work before those that are over, the newest first."""
    newest = sorted(tokens, key=lambda token: str(token["issued_at"]), reverse=True)
    return sorted(newest, key=lambda token: token["alive"] is not True)


def rate_words(rate: Json) -> str:
    """`60/1m`, as the command line has it."""
    if not isinstance(rate, Mapping):
        return ""
    return rate_text(int(str(rate["count"])), int(str(rate["period_seconds"])) * 1000)


def limit_fields(limits: Members) -> dict[str, str]:
    """The limits of a token as a form shows them."""
    shown = {name: rate_words(limits[name]) for name in _RATES}
    return shown | {name: "" if limits[name] is None else str(limits[name]) for name in _QUOTAS}


def limits_said(form: Fields, present: Members | None = None) -> Members:
    """What a form says of limits. Raises `Malformed` naming the field.

    Of a token that is there (`present`) only what differs, and an emptied quota is lifted; of a new one only what is
    filled in.
    """
    said: dict[str, Json] = {}
    shown = {} if present is None else limit_fields(present)
    for name in _RATES:
        text = form.one(name)
        if text and text != shown.get(name):
            said[name] = _rate(name, text)
    for name in _QUOTAS:
        text = form.one(name)
        if name in form and text != shown.get(name, ""):
            said[name] = _quota(name, text)
    classes = form.all("classes")
    wanted = tuple(sorted(classes))
    if "classes" in form and (present is None or wanted != present["classes"]):
        said["classes"] = wanted
    return said


def starting_fields(limits: Members) -> dict[str, str]:
    """What an agent states of its tokens' limits, as a form shows it; empty where the deployment's default holds."""
    shown = {name: rate_words(limits[name]) for name in _RATES}
    return shown | {name: "" if limits[name] is None else str(limits[name]) for name in _QUOTAS}


def starting_said(form: Fields, present: Members) -> Members:
    """What differs from what the agent states. An emptied field leaves it to the deployment. Raises `Malformed`."""
    said: dict[str, Json] = {}
    shown = starting_fields(present)
    for name in (*_RATES, *_QUOTAS):
        text = form.one(name)
        if name in form and text != shown[name]:
            said[name] = None if not text else _rate(name, text) if name in _RATES else _quota(name, text)
    wanted = tuple(sorted(form.all("classes")))
    if wanted != (present["classes"] or ()):
        said["classes"] = wanted or None
    return said


def seconds_said(form: Fields, name: str) -> Decimal | None:
    """A span such as `4h` in seconds; None where nothing was filled in. `0` is none at all."""
    text = form.one(name)
    if not text:
        return None
    if text == "0":
        return Decimal(0)
    milliseconds = _named(name, parse_duration, text)
    if milliseconds % 1000:
        raise Malformed("malformed_request", f"`{name}`: whole seconds, at least")
    return Decimal(milliseconds // 1000)


def _named(name: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except Malformed as error:
        raise Malformed(error.code, f"`{name}`: {error.message}", hint=error.hint) from None


def _rate(name: str, text: str) -> Json:
    count, period = _named(name, parse_rate, text)
    if period % 1000:
        raise Malformed("malformed_request", f"`{name}`: whole seconds, at least")
    return {"count": Decimal(count), "period_seconds": Decimal(period // 1000)}


def _quota(name: str, text: str) -> Json:
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise Malformed("malformed_request", f"`{name}`: expected a whole number, or nothing", hint="Write digits.")
    return Decimal(text)
