"""What can be wrong with a journal, in words that name the entries.

changed      it follows on the right entry, but its hash is not the hash of what it says; or what comes after
             it, or a head that was kept, shows that another entry stood here
missing      the numbers go on after a gap, or what follows was renumbered to hide one
moved        it is genuine and belongs at another place
foreign      it does not belong into this chain at all
mislabelled  it is genuine, but indexed under something that it does not say
cut_off      a head that was kept says that there was more
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gatepass.audit.chain import Head

__all__ = ["Fault", "FaultKind", "Faults", "Report"]

_MOST: Final = 100


class FaultKind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    FOREIGN = "foreign"
    MISLABELLED = "mislabelled"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Fault:
    """Entries `first` to `last`, by their genuine numbers. `place`: where the first of those that moved stands now."""

    kind: FaultKind
    first: int
    last: int
    place: int | None = None

    def __str__(self) -> str:
        which = f"entry {self.first}" if self.first == self.last else f"entries {self.first} to {self.last}"
        return _SENTENCES[self.kind](which, self)


def _is(fault: Fault) -> str:
    return "is" if fault.first == fault.last else "are"


def _was(fault: Fault) -> str:
    return "was" if fault.first == fault.last else "were"


_SENTENCES: Final[Mapping[FaultKind, Callable[[str, Fault], str]]] = {
    FaultKind.CHANGED: lambda which, fault: f"{which} {_was(fault)} changed",
    FaultKind.MISSING: lambda which, fault: f"{which} {_is(fault)} missing",
    FaultKind.MOVED: lambda which, fault: f"{which} now {_stand(fault)} at {fault.place}",
    FaultKind.FOREIGN: lambda which, fault: f"{which} {_was(fault)} put in by somebody else",
    FaultKind.MISLABELLED: lambda which, fault: f"{which} {_is(fault)} indexed under what {_say(fault)} not",
    FaultKind.CUT_OFF: lambda which, fault: f"{which} {_was(fault)} cut off",
}


def _stand(fault: Fault) -> str:
    return "stands" if fault.first == fault.last else "begin"


def _say(fault: Fault) -> str:
    return "it says" if fault.first == fault.last else "they say"


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. `entries` is how many there were, `head` the last, `unnamed` how many faults found no room."""

    entries: int
    head: Head | None
    faults: tuple[Fault, ...] = ()
    unnamed: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.faults and not self.unnamed


@dataclass(slots=True)
class Faults:
    """Collects faults: neighbours of one kind are one fault, and past `_MOST` they are only counted."""

    unnamed: int = 0
    _found: list[Fault] | None = None

    def add(self, kind: FaultKind, first: int, last: int | None = None, place: int | None = None) -> None:
        """Note one fault."""
        last = first if last is None else last
        found = self._found = self._found if self._found is not None else []
        before = found[-1] if found else None
        follows = (
            before is not None and before.kind is kind and before.last + 1 == first and kind is not FaultKind.MOVED
        )
        if before is not None and follows:
            found[-1] = replace(before, last=last)
        elif len(found) < _MOST:
            found.append(Fault(kind, first, last, place))
        else:
            self.unnamed += 1

    def in_order(self) -> tuple[Fault, ...]:
        """What was found, by the place where it shows."""
        return tuple(sorted(self._found or (), key=lambda fault: (fault.place or fault.first, fault.kind)))
