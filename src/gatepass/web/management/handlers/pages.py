"""Lists in parts: sorted by id or name, each part naming where the next begins."""

from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from typing import Final, TypeVar

from gatepass.errors import Malformed
from gatepass.web.management.answers import shapes
from gatepass.web.management.calls import Answer
from gatepass.web.management.forms import ListQuery

__all__ = ["page_of", "part_of"]

USUAL: Final = 100
MOST: Final = 500

Thing = TypeVar("Thing")


def page_of(
    things: Iterable[Thing], query: ListQuery, key: Callable[[Thing], str], show: Callable[[Thing], shapes.Item]
) -> Answer:
    """The part of `things` that comes after the cursor, as an answer."""
    part, following = part_of(things, query, key)
    return Answer(shown=shapes.Page(items=[show(thing) for thing in part], next=following))


def part_of(
    things: Iterable[Thing], query: ListQuery, key: Callable[[Thing], str]
) -> tuple[Sequence[Thing], str | None]:
    """What comes after the cursor, and the next one. A cursor stays good whatever is added or removed."""
    limit = USUAL if query.limit is None else int(query.limit)
    if not 1 <= limit <= MOST:
        raise Malformed("malformed_request", f"`limit`: expected a whole number from 1 to {MOST}")
    after = query.cursor or ""
    rest = nsmallest(limit + 1, (thing for thing in things if key(thing) > after), key=key)
    following = key(rest[limit - 1]) if len(rest) > limit else None
    return rest[:limit], following
