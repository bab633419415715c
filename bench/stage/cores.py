"""Which core the measured program has to itself, and where everything that asks it and answers it runs."""

import os
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Cores"]


@dataclass(frozen=True, slots=True)
class Cores:
    """The first core is the subject's alone; the last one carries the load and the upstream."""

    subject: frozenset[int]
    load: frozenset[int]

    @classmethod
    def divided(cls) -> "Cores":
        """As this process may use them. On a single core the two share it, and the report says so."""
        ours = sorted(os.sched_getaffinity(0))
        return cls(frozenset(ours[:1]), frozenset(ours[-1:]))

    @property
    def apart(self) -> bool:
        """Whether subject and load are kept from each other."""
        return not self.subject & self.load

    @staticmethod
    def pinned(cores: frozenset[int]) -> Callable[[], None]:
        """What a child does before its program starts; its own children inherit it."""
        return lambda: os.sched_setaffinity(0, cores)
