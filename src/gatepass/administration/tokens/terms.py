"""A token's own limits: what is offered, what was asked for, and whether a change takes away or gives more.

A change takes away only if nothing about it is looser: fewer calls in a burst and over time, no quota raised or
dropped, no class added. Whatever is looser in one place widens, however much tighter it is in another.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Final, TypedDict

from gatepass.access import ActionClass
from gatepass.administration.operators import STORABLE
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord
from gatepass.errors import Malformed
from gatepass.limits import allot
from gatepass.registry import AgentLimits
from gatepass.units import duration_text, rate_text

__all__ = [
    "AgentLimitChanges",
    "LimitChanges",
    "amended",
    "check_ceiling",
    "faster",
    "offered",
    "starting",
    "told",
    "widens",
]

MOST_ACTS: Final = 1_000_000_000
LONGEST_PERIOD: Final = 24 * 3_600_000
SHORTEST_PERIOD: Final = 1_000

LEAST_OF_PERSON: Final = frozenset({ActionClass.READ, ActionClass.DELETE})
"""What a person's stored token carries unless more is asked for: looking, and taking away, but not rotating."""


class LimitChanges(TypedDict, total=False):
    """The limits that were named; the others stay as they are. None lifts a quota."""

    attempts: Rate
    calls: Rate
    writes_per_minute: int | None
    requests_per_day: int | None
    classes: frozenset[ActionClass]


class AgentLimitChanges(TypedDict, total=False):
    """What an agent's tokens start with, of what was named. None: as the deployment's defaults say."""

    attempts: Rate | None
    calls: Rate | None
    writes_per_minute: int | None
    requests_per_day: int | None
    classes: frozenset[ActionClass] | None


def offered(kind: TokenKind, defaults: TokenLimits) -> TokenLimits:
    """What a token gets for which no limits were named. None but a session carries class `admin`."""
    if kind is TokenKind.SESSION:
        return replace(defaults, classes=frozenset(ActionClass))
    return replace(defaults, classes=(LEAST_OF_PERSON if kind is TokenKind.PERSON else STORABLE) & defaults.classes)


def starting(defaults: TokenLimits, stated: AgentLimits) -> TokenLimits:
    """What an agent's tokens start with: what the agent states, and the deployment's defaults for the rest."""
    said = {each.name: getattr(stated, each.name) for each in fields(stated)}
    return replace(defaults, **{name: value for name, value in said.items() if value is not None})


def amended(limits: TokenLimits, changes: LimitChanges) -> TokenLimits:
    """`limits` with `changes`. Raises `Malformed` for numbers out of range, and for class `admin`."""
    wanted = replace(limits, **changes)
    for name, rate in (("attempts", wanted.attempts), ("calls", wanted.calls)):
        _check_count(f"limits.{name}", rate.count)
        if not SHORTEST_PERIOD <= rate.period <= LONGEST_PERIOD:
            raise Malformed("malformed_request", f"`limits.{name}`: a period is 1s to {duration_text(LONGEST_PERIOD)}")
    for name, quota in (
        ("writes_per_minute", wanted.writes_per_minute),
        ("requests_per_day", wanted.requests_per_day),
    ):
        if quota is not None:
            _check_count(f"limits.{name}", quota)
    if not wanted.classes or not wanted.classes <= STORABLE:
        raise Malformed(
            "malformed_request",
            "`limits.classes`: expected some of read, write, delete",
            hint="No stored token carries class admin: it needs a person who has just signed in.",
        )
    return wanted


def widens(before: TokenLimits, after: TokenLimits) -> bool:
    """Whether `after` lets anything through that `before` does not."""
    return (
        faster(before.attempts, after.attempts)
        or faster(before.calls, after.calls)
        or _more(before.writes_per_minute, after.writes_per_minute)
        or _more(before.requests_per_day, after.requests_per_day)
        or not after.classes <= before.classes
    )


def check_ceiling(ceiling: Rate, tokens: Iterable[TokenRecord], meters: str, asked: Rate) -> None:
    """Let the token that draws on `meters` have `asked` calls of the deployment's ceiling, or raise `Denied`.

    `tokens` are all those that may still be used, whether or not their agent is disabled for now.
    """
    allotted: dict[str, tuple[int, int]] = {}
    for token in tokens:
        if token.kind is TokenKind.MACHINE:
            rate = (token.limits.calls.count, token.limits.calls.period)
            known = allotted.get(token.meters, (0, 1))
            allotted[token.meters] = rate if rate[0] * known[1] > known[0] * rate[1] else known
    allot((ceiling.count, ceiling.period), allotted, meters, (asked.count, asked.period))


def told(limits: TokenLimits) -> dict[str, str]:
    """The limits in words, for the journal."""
    quotas = {"writes_per_minute": limits.writes_per_minute, "requests_per_day": limits.requests_per_day}
    return {
        "attempts": rate_text(limits.attempts.count, limits.attempts.period),
        "calls": rate_text(limits.calls.count, limits.calls.period),
        "classes": " ".join(sorted(limits.classes)),
        **{name: str(quota) for name, quota in quotas.items() if quota is not None},
    }


def _check_count(name: str, count: int) -> None:
    if not 1 <= count <= MOST_ACTS:
        raise Malformed("malformed_request", f"`{name}`: expected a whole number from 1 to {MOST_ACTS}")


def faster(before: Rate, after: Rate) -> bool:
    """In a burst, which is as large as the count, or over time."""
    return after.count > before.count or after.count * before.period > before.count * after.period


def _more(before: int | None, after: int | None) -> bool:
    return before is not None and (after is None or after > before)
