"""How limits stand, in the words of HTTP: `RateLimit`, `RateLimit-Policy` and `Retry-After`.

draft-ietf-httpapi-ratelimit-headers-11: both fields are Lists of Strings with Integer parameters (RFC 9651).

    RateLimit-Policy: "calls";q=100;w=60, "writes";q=10;w=60
    RateLimit: "calls";r=50;t=30, "writes";r=10;t=12

Only meters that fill again are told of, by what their key says after the owner's id: a budget is neither a rate nor
counted in requests. Every number is rounded to the side on which a client that believes it is not refused.
"""

from collections.abc import Iterable
from typing import Final

from gatepass.access import MeterKind
from gatepass.limits.amounts import UNIT, Counted, counted_of
from gatepass.limits.ledger import Level

__all__ = ["rate_limit_fields", "retry_after_seconds"]

_LARGEST: Final = 999_999_999_999_999
"""RFC 9651, section 3.3.1."""


def rate_limit_fields(levels: Iterable[Level]) -> dict[str, str]:
    """The values of `rate_limit` and `rate_limit_policy`; empty where there is nothing to tell.

    Where two meters have one name, the one that lets through less is told of.
    """
    tightest: dict[str, tuple[Level, Counted]] = {}
    for level in levels:
        counted = counted_of(level.reservation)
        name = counted.name
        if level.reset is None or name is None:
            continue
        known = tightest.get(name)
        if known is None or level.left < known[0].left:
            tightest[name] = level, counted
    if not tightest:
        return {}
    told = tightest.items()
    return {
        "rate_limit": ", ".join([f'"{name}";r={_r(level)};t={_t(level, of)}' for name, (level, of) in told]),
        "rate_limit_policy": ", ".join([counted.policy for _, counted in tightest.values()]),
    }


def retry_after_seconds(milliseconds: int) -> int:
    """`Retry-After` in whole seconds, rounded up, so that whoever waits as told is let in. At least 1."""
    return max(_seconds(milliseconds), 1)


def _r(level: Level) -> int:
    acts = level.left // UNIT
    return min(_LARGEST, acts)


def _t(level: Level, counted: Counted) -> int:
    """Until the meter is full; but until its next act where none is left, lest it contradict `Retry-After`."""
    reset, limit = level.reset or 0, counted.limit // UNIT
    if level.left < UNIT and limit >= 1 and level.reservation.kind is MeterKind.RATE:
        reset = max(reset - (limit - 1) * counted.period // limit, 0)
    return -(-reset // 1000)


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
