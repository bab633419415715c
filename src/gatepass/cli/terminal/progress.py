"""A bar on standard error while something long goes on; nothing where nobody watches."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gatepass.cli.lazy import find

__all__ = ["counting"]

_BAR = "gatepass.cli.terminal.drawing:bar"


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Call what this gives with how much is done, of `total` where that is known."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield lambda _: None
        return
    with find(_BAR)(what, total) as advance:
        yield advance
