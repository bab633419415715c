"""One deployment is one account: its ceiling is allotted, not contended for.

A ceiling that calls were counted against would be first come, first served: one token in a loop would use it up,
and others, far below their own rates, would be refused. So nothing is counted. Instead the call rates of
all live tokens together may not exceed the ceiling, which is looked at when a token is made or its rate is raised.
From then on each token's rate is its own. Making it tighter is always allowed, also after the ceiling was lowered.

Rates are compared as exact fractions. Tokens of one line (an overlap after a rotation) draw on the same meters and
count once.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from gatepass.errors import Denied
from gatepass.units import rate_text

__all__ = ["allot", "left"]

Flow = tuple[int, int]
"""A count and its period in milliseconds."""


def allot(ceiling: Flow, allotted: Mapping[str, Flow], meters: str, asked: Flow) -> None:
    """Let the token that draws on `meters` have `asked` calls, or refuse, naming what is left.

    `allotted` are the call rates of all live tokens by whose meters they draw on. Raises `Denied`
    (`ceiling_exceeded`).
    """
    current = allotted.get(meters)
    if current is not None and _flow([asked]) <= _flow([current]):
        return
    others = [rate for key, rate in allotted.items() if key != meters]
    if _flow([*others, asked]) <= _flow([ceiling]):
        return
    room = left(ceiling, others, asked[1])
    raise Denied(
        "ceiling_exceeded",
        f"`{rate_text(*asked)}` is more than is left of the deployment's ceiling of {rate_text(*ceiling)}: "
        + (f"at most {rate_text(room, asked[1])}" if room else "nothing"),
        details={"left": str(room), "period": str(asked[1])},
    )


def left(ceiling: Flow, allotted: Iterable[Flow], period: int) -> int:
    """How many whole calls per `period` milliseconds nobody has been given yet."""
    return max(int((_flow([ceiling]) - _flow(allotted)) * period), 0)


def _flow(rates: Iterable[Flow]) -> Fraction:
    """Calls per millisecond, all together. Summed by period first: there are many rates and few periods."""
    counts: dict[int, int] = {}
    for count, period in rates:
        counts[period] = counts.get(period, 0) + count
    return sum((Fraction(count, period) for period, count in counts.items()), Fraction(0))
