"""A plan as people read it: one record after the other, each member with what it was and what it will be.

What is added is marked with `+` and green on a terminal, what goes with `-` and red, what changes with `~` and yellow.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gatepass.access import Json
from gatepass.cli.terminal.output import Item, Output
from gatepass.cli.terminal.words import shown

__all__ = ["faults_of", "show_plan", "summary"]

_MARKS: Final = {"create": "+", "change": "~", "adopt": "~", "remove": "-", "release": "~"}
_COLOURS: Final = {"+": "green", "-": "red", "~": "yellow"}
_DONE: Final = {
    "create": "created",
    "change": "changed",
    "adopt": "adopted",
    "remove": "removed",
    "release": "released",
}
_ADOPTED: Final = "it is managed by files from now on"
_MOST_LINES: Final = 2_000
_MOST_SHOWN: Final = 60


def show_plan(output: Output, plan: Item, texts: Callable[[str], tuple[str, str]]) -> None:
    """Every change, then what should be known besides. `texts` gives an upstream's operations, before and after."""
    for change in _items(plan, "changes"):
        mark = _MARKS.get(str(change.get("step")), "~")
        says = change.get("says") or (_ADOPTED if change.get("step") == "adopt" else None)
        about = f" ({shown(says)})" if says else ""
        output.marked(f"{mark} {shown(change.get('kind'))} {shown(change.get('name'))}{about}", _COLOURS[mark])
        for member in _items(change, "members"):
            for line in _member(change, member, texts):
                output.marked(f"    {line}", _COLOURS.get(line.lstrip()[:1]) if line.startswith("  ") else None)
    for notice in _texts(plan, "notices"):
        output.note(f"note: {notice}")


def summary(plan: Item, *, done: bool) -> str:
    """How many of what, in a line."""
    steps = [str(change.get("step")) for change in _items(plan, "changes")]
    counts = [(steps.count(step), word, step) for step, word in _DONE.items() if step in steps]
    if done:
        return "Done: " + ", ".join(f"{count} {word}" for count, word, _ in counts) + "."
    return "Plan: " + ", ".join(f"{count} to {step}" for count, _, step in counts) + "."


def faults_of(plan: Item) -> list[str]:
    """What is wrong with the files, a line each."""
    lines = []
    for fault in _items(plan, "faults"):
        file, line = fault.get("file"), fault.get("line")
        place = "the folder" if file is None else f"`{shown(file)}`" + (f" line {shown(line)}" if line else "")
        lines.append(f"{place}: {shown(fault.get('says'))}")
    return lines


def _member(change: Item, member: Item, texts: Callable[[str], tuple[str, str]]) -> Iterator[str]:
    name, before, after = shown(member.get("name")), member.get("before"), member.get("after")
    if name == "operations" and before is not None:
        yield f"{name}:"
        yield from _differences(*texts(str(change.get("name"))))
    elif isinstance(before, tuple) or isinstance(after, tuple):
        yield f"{name}:"
        was, will = _list(before), _list(after)
        yield from (f"  - {text}" for text in was if text not in will)
        yield from (f"  + {text}" for text in will if text not in was)
    elif before is None:
        yield f"{name}: {shown(after)}"
    else:
        yield f"{name}: {shown(before)} -> {'not said' if after is None else shown(after)}"


def _differences(before: str, after: str) -> Iterator[str]:
    """The lines that differ. Two long files are not compared: that would take as long as they like."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MOST_LINES:
        yield f"  ~ {len(old)} lines -> {len(new)} lines"
        return
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=1) if line[:3] not in {"---", "+++"}]
    yield from (f"  {line}" for line in lines[:_MOST_SHOWN])
    if len(lines) > _MOST_SHOWN:
        yield f"  ... and {len(lines) - _MOST_SHOWN} lines more"


def _list(value: Json) -> list[str]:
    return [shown(each) for each in value] if isinstance(value, tuple) else []


def _items(item: Item, name: str) -> list[Item]:
    listed = item.get(name)
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, tuple) else []


def _texts(item: Item, name: str) -> list[str]:
    listed = item.get(name)
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, tuple) else []
