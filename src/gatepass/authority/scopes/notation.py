"""The text form of permissions: `type:action[:pattern][?limit&limit]`, usable as one OAuth scope token.

The law: one canonical form. Whatever is read is printed again and compared, so a second spelling of the same thing
does not exist, and parsing and printing are inverse. Every character that the notation uses, and every one that OAuth
forbids in a scope token (RFC 6749, section 3.3), is percent-encoded where it is meant literally.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from gatepass import exact
from gatepass.access import Json
from gatepass.authority.scopes.limits import Bound, Choice, Domain, Kind, Numbers, Scalar, domain_of
from gatepass.authority.scopes.patterns import Pattern, decode, encode, is_clean, shown
from gatepass.errors import Malformed

__all__ = ["MAX_SCOPE", "NAME", "Limit", "Path", "collect", "parse", "path_of", "path_text", "spell"]

MAX_SCOPE: Final = 4096
"""Longest scope, in characters: several have to fit into one request header."""
MAX_PATH: Final = 8
"""Deepest walk into an object."""
MAX_MEMBER: Final = 128
"""Longest name of a property, in code points."""

NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
"""A type or an action."""

_LIMIT: Final = re.compile(r"([^=!<>~]*)(!=|<=|>=|=|<|>|~)([^=!<>]*)", re.DOTALL)
_WORDS: Final[Mapping[str, Json]] = {"null": None, "true": True, "false": False}

Path = tuple[str, ...]
"""Where a property is: its name, and the names to walk into if it is an object."""


class Limit(NamedTuple):
    """What one property may be."""

    path: Path
    domain: Domain

    def __str__(self) -> str:
        """Print the limit as it stands in a scope: `amount<=50&amount>=0`."""
        name = path_text(self.path)
        return "&".join(name + operator + value for operator, value in _operators(self.domain))


class Parsed(NamedTuple):
    """The four parts of a scope."""

    type: str
    action: str
    pattern: Pattern | None
    limits: tuple[Limit, ...]


def parse(text: str, *, actions: re.Pattern[str]) -> Parsed:
    """Read a scope whose action matches `actions`. Raises `Malformed` (`malformed_scope`)."""
    if len(text) > MAX_SCOPE:
        raise Malformed("malformed_scope", f"a scope of {len(text)} characters is too long, at most {MAX_SCOPE}")
    head, question, tail = text.partition("?")
    kind, colon, rest = head.partition(":")
    action, more, pattern_text = rest.partition(":")
    if not colon or not NAME.fullmatch(kind) or not actions.fullmatch(action):
        raise _malformed(text, "a scope begins with type:action, in lower case")
    pattern = Pattern.parse(pattern_text) if more else None
    try:
        limits = _limits(tail) if question else ()
    except _LimitError as error:
        raise _malformed(text, str(error)) from None
    parsed = Parsed(kind, action, pattern, limits)
    if (canonical := spell(*parsed)) != text:
        raise _malformed(text, f"it is written `{shown(canonical)}`")
    return parsed


def spell(kind: str, action: str, pattern: Pattern | None, limits: Iterable[Limit]) -> str:
    """Print the four parts as `parse` reads them."""
    text = f"{kind}:{action}" if pattern is None else f"{kind}:{action}:{pattern}"
    shown = _spell_limits(tuple(limits))
    return f"{text}?{shown}" if shown else text


@lru_cache(maxsize=4096)
def _spell_limits(limits: tuple[Limit, ...]) -> str:
    """Equal limits have one spelling, and many scopes have the same."""
    return "&".join(map(str, limits))


def path_text(path: Path) -> str:
    """Print the name of a property: `amount`, `labels.env`."""
    if len(path) == 1 and path[0].isascii() and path[0].isidentifier():  # most are, and stand for themselves
        return path[0]
    return ".".join(encode(member, also=".") for member in path)


def path_of(text: str) -> Path:
    """Read the name of a property. Raises `Malformed` (`malformed_scope`)."""
    # No more pieces than are looked at, whatever the length of the text.
    members = tuple(decode(member) for member in text.split(".", MAX_PATH))
    path = tuple(
        member for member in members if member is not None and 0 < len(member) <= MAX_MEMBER and is_clean(member)
    )
    if len(path) != len(members) or len(path) > MAX_PATH or path_text(path) != text:
        raise Malformed("malformed_scope", f"`{shown(text)}` is not the name of a property")
    return path


def collect(stated: Iterable[tuple[Path, Domain]]) -> tuple[Limit, ...]:
    """Put what was stated of each property together, sorted. Raises `Malformed` when no value could satisfy it."""
    domains: dict[Path, Domain] = {}
    for path, domain in stated:
        met = domain if path not in domains else domains[path].meet(domain)
        if met is None:
            raise Malformed("malformed_scope", f"no value of `{path_text(path)}` can satisfy its limits")
        domains[path] = met
    for path in domains:
        if any(path[:length] in domains for length in range(1, len(path))):
            raise Malformed("malformed_scope", f"`{path_text(path)}` walks into a property that is limited itself")
    return tuple(Limit(path, domains[path]) for path in sorted(domains))


class _LimitError(ValueError):
    """Why limits cannot be read, without the scope that they stand in."""


@lru_cache(maxsize=4096)
def _limits(text: str) -> tuple[Limit, ...]:
    """Read what stands behind the `?`. Raises `_LimitError`. Many scopes have the same limits."""
    stated: list[tuple[Path, Domain]] = []
    for limit in text.split("&"):
        match = _LIMIT.fullmatch(limit)
        if match is None:
            raise _LimitError("a limit is written name, operator, value")
        name, operator, value = match.groups()
        path = path_of(name)
        try:
            stated.append((path, domain_of(operator, _values(operator, value))))
        except Malformed as error:
            raise _LimitError(f"the limit `{shown(limit)}`: {error.message}") from None
    try:
        return collect(stated)
    except Malformed as error:
        raise _LimitError(error.message) from None


def _values(operator: str, text: str) -> tuple[Json, ...]:
    if operator == "~":
        return (text,)
    if operator in {"=", "!="}:
        return tuple(map(_scalar, text.split("|")))
    return (exact.number(text),)


def _scalar(text: str) -> Json:
    if text.startswith("#"):
        word = text[1:]
        return _WORDS[word] if word in _WORDS else exact.number(word)
    decoded = decode(text)
    if decoded is None:
        raise Malformed("malformed_scope", "a value is not in canonical percent-encoding")
    return decoded


def _operators(domain: Domain) -> list[tuple[str, str]]:
    if isinstance(domain, Choice):
        return [("=", "|".join(map(_spell_scalar, sorted(domain.values))))]
    if isinstance(domain, Numbers):
        but = [("!=", _spell_scalar(Scalar(Kind.NUMBER, value))) for value in sorted(domain.but)]
        return but + _spell_bound("<", domain.high) + _spell_bound(">", domain.low)
    pattern = [("~", str(domain.pattern))] if domain.pattern is not None else []
    return [("!=", encode(value)) for value in sorted(domain.but)] + pattern


def _spell_bound(operator: str, bound: Bound | None) -> list[tuple[str, str]]:
    if bound is None:
        return []
    return [(f"{operator}=" if bound.included else operator, exact.spell(bound.value))]


def _spell_scalar(value: Scalar) -> str:
    if isinstance(value.value, str):
        return encode(value.value)
    if isinstance(value.value, Decimal):
        return f"#{exact.spell(value.value)}"
    return {None: "#null", True: "#true", False: "#false"}[value.value]


def _malformed(scope: str, why: str) -> Malformed:
    return Malformed("malformed_scope", f"the scope `{shown(scope)}` is malformed: {why}")
