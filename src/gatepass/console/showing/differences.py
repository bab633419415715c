"""What somebody else changed while a form was open: how things stand now, beside what the form says.

Only what differs is told, the file of an upstream line by line. Nothing is decided here: the form comes back with what
was typed and with the tag of how things stand now, and whoever sends it again has seen what they overwrite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

from gatepass.errors import Error

__all__ = ["Difference", "differences", "overtaken"]

MOST_LINES: Final = 60
_LARGEST: Final = 2_000
"""Lines of a file that are compared one by one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: how it stands now, and what the form says. `lines`: the same as lines that come and go."""

    words: str
    now: str
    typed: str
    lines: tuple[tuple[str, str], ...] = ()


def overtaken(error: Error | None) -> bool:
    """Whether the change was refused because somebody else was quicker."""
    return error is not None and error.code == "precondition_failed"


def differences(now: Mapping[str, str], typed: Mapping[str, str], words: Mapping[str, str]) -> list[Difference]:
    """Every field of `words` that is not as the form says."""
    return [_difference(words[name], now[name], typed[name]) for name in words if now[name] != typed[name]]


def _difference(words: str, now: str, typed: str) -> Difference:
    if "\n" not in now + typed:
        return Difference(words, now, typed)
    before, after = now.splitlines()[:_LARGEST], typed.splitlines()[:_LARGEST]
    told = [line for line in unified_diff(before, after, n=0, lineterm="") if line[:3] not in {"---", "+++", "@@ "}]
    lines = [("now" if line.startswith("-") else "yours", line[1:]) for line in told[:MOST_LINES]]
    if len(told) > MOST_LINES:
        lines.append(("more", f"and {len(told) - MOST_LINES} lines more"))
    return Difference(words, "", "", tuple(lines))
