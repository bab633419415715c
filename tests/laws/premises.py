"""A law is a property whose premise is often met: one that hardly ever applies proves nothing.

The body of a law returns whether its premise held. A law fails, whatever it asserted, when that was so in fewer than a
fifth of its examples.
"""

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis.strategies import SearchStrategy

SHARE = 0.2


class HardlyEverAppliesError(AssertionError):
    """The strategies of a law do not meet its premise often enough."""


def law(**strategies: SearchStrategy[Any]) -> Callable[[Callable[..., bool]], Callable[[], None]]:
    """Make a test of a body that asserts what it has to and returns whether its premise held."""

    def decorate(body: Callable[..., bool]) -> Callable[[], None]:
        seen = met = 0

        @given(**strategies)
        def examples(**drawn: object) -> None:
            nonlocal seen, met
            seen += 1
            met += bool(body(**drawn))

        @functools.wraps(body)
        def test() -> None:
            nonlocal seen, met
            seen = met = 0
            examples()
            if met < SHARE * seen:
                raise HardlyEverAppliesError(f"{body.__name__}: the premise held in {met} of {seen} examples")

        del test.__wrapped__  # or pytest would look for fixtures named like the drawn values
        return test

    return decorate
