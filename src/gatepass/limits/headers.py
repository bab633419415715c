"""How limits stand, in the words of HTTP: `RateLimit`, `RateLimit-Policy` and `Retry-After`.

draft-ietf-httpapi-ratelimit-headers-11: both fields are Lists of Strings with Integer parameters (RFC 9651).

    RateLimit-Policy: "calls";q=100;w=60, "writes";q=10;w=60
    RateLimit: "calls";r=50;t=30, "writes";r=10;t=12

Only meters that fill again are told of, by what their key says after the owner's id: a budget is neither a rate nor
counted in requests. Every number is rounded to the side on which a client that believes it is not refused.
"""

import re
from collections.abc import Iterable
from typing import Final

from gatepass.access import MeterKind
from gatepass.limits.ledger import Level

__all__ = ["rate_limit_fields", "retry_after_seconds"]

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_LARGEST: Final = 999_999_999_999_999
"""RFC 9651, section 3.3.1."""


def rate_limit_fields(levels: Iterable[Level]) -> dict[str, str]:
    """The values of `rate_limit` and `rate_limit_policy`; empty where there is nothing to tell.

    Where two meters have one name, the one that lets through less is told of.
    """
    tightest: dict[str, Level] = {}
    for level in levels:
        name = level.reservation.meter.partition("/")[2].replace("/", ".")
        if level.reset is None or level.reservation.period is None or not _NAME.fullmatch(name):
            continue
        known = tightest.get(name)
        if known is None or level.remaining < known.remaining:
            tightest[name] = level
    if not tightest:
        return {}
    return {
        "rate_limit": ", ".join(f'"{name}";r={_r(level)};t={_t(level)}' for name, level in tightest.items()),
        "rate_limit_policy": ", ".join(f'"{name}";q={_q(level)};w={_w(level)}' for name, level in tightest.items()),
    }


def retry_after_seconds(milliseconds: int) -> int:
    """`Retry-After` in whole seconds, rounded up, so that whoever waits as told is let in. At least 1."""
    return max(_seconds(milliseconds), 1)


def _q(level: Level) -> int:
    return min(int(level.reservation.limit), _LARGEST)


def _w(level: Level) -> int:
    return max(_seconds(level.reservation.period or 0), 1)


def _r(level: Level) -> int:
    return min(int(level.remaining), _LARGEST)


def _t(level: Level) -> int:
    """Until the meter is full; but until its next act where none is left, lest it contradict `Retry-After`."""
    reset, period, limit = level.reset or 0, level.reservation.period or 0, int(level.reservation.limit)
    if level.remaining < 1 <= limit and level.reservation.kind is MeterKind.RATE:
        reset = max(reset - (limit - 1) * period // limit, 0)
    return _seconds(reset)


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
