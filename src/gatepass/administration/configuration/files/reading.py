"""A folder of files as what is wanted. Every fault of every file is found, each with its file and line.

The whole folder is read before anything is said, so that whoever mends it does so once. A path is one of four folders
and one name: nothing else is looked at, and no file refers to another by a path. Nothing here decides whether what is
wanted may be; that is for `planning`, with what there is at hand.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from gatepass.access import Json
from gatepass.administration.changes import NAME_PATTERN, NAME_RULE
from gatepass.administration.configuration.files.shapes import SHAPES, AgentFile, RoleFile, UpstreamFile
from gatepass.documents import Node, read_document, shown
from gatepass.errors import Malformed

__all__ = ["CODE", "Fault", "Folder", "Said", "Source", "read_folder", "relocated"]

CODE: Final = "malformed_configuration"
MOST_FILES: Final = 2_000
MOST_FAULTS: Final = 200
"""Faults that are collected."""

_PATH: Final = re.compile(rf"(agents|roles|upstreams|operations)/({NAME_PATTERN})\.yaml", re.ASCII)
_AT: Final = re.compile(r"\A`[^`]*` line (\d+): (.*)\Z", re.DOTALL)
_LONGEST_NAME: Final = 63

S = TypeVar("S", AgentFile, RoleFile, UpstreamFile)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its path in the folder, with `/`, and its text."""

    path: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and where. Line 0 stands for the file as a whole, no file for the folder."""

    file: str
    line: int
    says: str

    def __str__(self) -> str:
        place = f"`{self.file}` line {self.line}" if self.line else f"`{self.file}`" if self.file else "the folder"
        return f"{place}: {self.says}"


@dataclass(frozen=True, slots=True)
class Said(Generic[S]):
    """What a file says, and where it says it."""

    path: str
    shape: S
    node: Node

    def fault(self, says: str, *steps: str | int) -> Fault:
        """A fault of the member at `steps`, or of the file."""
        return Fault(self.path, _line(self.node, steps), says)


@dataclass(frozen=True, slots=True)
class Folder:
    """All that is wanted, by name; and what could not be read."""

    agents: Mapping[str, Said[AgentFile]] = field(default_factory=dict)
    roles: Mapping[str, Said[RoleFile]] = field(default_factory=dict)
    upstreams: Mapping[str, Said[UpstreamFile]] = field(default_factory=dict)
    operations: Mapping[str, str] = field(default_factory=dict)
    """The text of each upstream's operations file."""
    faults: tuple[Fault, ...] = ()


def read_folder(sources: Sequence[Source]) -> Folder:
    """Read all of it. Never raises: what is wrong is among the faults."""
    if len(sources) > MOST_FILES:
        return Folder(faults=(Fault("", 0, f"{len(sources)} files, and {MOST_FILES} are the most"),))
    read: dict[str, dict[str, Any]] = {name: {} for name in (*SHAPES, "operations")}
    faults: list[Fault] = []
    for source in sorted(sources, key=lambda source: source.path):
        found = _PATH.fullmatch(source.path)
        path = shown(source.path)
        if found is None or len(found[2]) > _LONGEST_NAME:
            faults.append(Fault(path, 0, _EXPECTED))
        elif found[2] in read[found[1]]:
            faults.append(Fault(path, 0, "it is there twice"))
        elif found[1] == "operations":
            read["operations"][found[2]] = source.text
        else:
            said, wrong = _read(source, found[1])
            faults += wrong
            read[found[1]][found[2]] = said
    faults += _unpaired(read["upstreams"], read["operations"])
    kept = {folder: {name: said for name, said in there.items() if said is not None} for folder, there in read.items()}
    return Folder(
        agents=kept["agents"],
        roles=kept["roles"],
        upstreams={name: said for name, said in kept["upstreams"].items() if name in kept["operations"]},
        operations=kept["operations"],
        faults=tuple(faults[:MOST_FAULTS]),
    )


def relocated(message: str, file: str) -> Fault:
    """A complaint of the form "`name` line N: …", which is about `file`."""
    found = _AT.match(message)
    return Fault(file, int(found[1]), found[2]) if found else Fault(file, 0, message)


def _read(source: Source, folder: str) -> tuple[Said[Any] | None, list[Fault]]:
    try:
        node = read_document(source.text, source.path, CODE)
        node.members(of="the file")
    except Malformed as fault:
        return None, [relocated(fault.message, source.path)]
    try:
        shape = SHAPES[folder].model_validate(_plain(node.json()))
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        within = {fault["loc"][:length] for fault in told for length in range(len(fault["loc"]))}
        return None, [_told(source.path, node, fault, folder) for fault in told if fault["loc"] not in within - {()}]
    return Said(source.path, shape, node), []


def _plain(value: Json) -> object:
    """Whole numbers as such: whatever is no whole number stays what no member takes."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def _told(path: str, node: Node, fault: Mapping[str, Any], folder: str) -> Fault:
    steps: tuple[str | int, ...] = tuple(fault["loc"])
    place = ".".join(shown(str(step)) for step in steps)
    match fault["type"]:
        case "missing":
            return Fault(path, _line(node, steps[:-1]), f"`{place}` is missing")
        case "extra_forbidden":
            known = f"; there are {_listed(SHAPES[folder].model_fields)}" if len(steps) == 1 else ""
            return Fault(path, _line(node, steps), f"`{place}` is no member of this{known}")
        case "value_error":
            says = str(fault["msg"]).removeprefix("Value error, ")
        case "literal_error":
            says = str(fault["msg"]).replace("Input should be", "expected").replace("'", "`")
        case "string_type":
            says = "expected text"
        case "too_short":
            says = "expected at least one"
        case _:
            says = str(fault["msg"]).replace("Input should be", "expected")
    says = _EXPECTED_NAME if fault["type"] == "string_pattern_mismatch" else says[:1].lower() + says[1:]
    return Fault(path, _line(node, steps), f"`{place}`: {says}" if place else says)


def _line(node: Node, steps: Iterable[str | int]) -> int:
    """The line of the deepest value on the way that there is; a member of a mapping stands where its key does."""
    line = node.line
    for step in steps:
        value = node.value
        if isinstance(value, dict) and step in value:
            line, node = node.key_lines[str(step)], value[str(step)]
        elif isinstance(value, tuple) and isinstance(step, int) and step < len(value):
            node = value[step]
            line = node.line
        else:
            break
    return line


def _unpaired(upstreams: Iterable[str], operations: Iterable[str]) -> list[Fault]:
    upstreams, operations = set(upstreams), set(operations)
    return [
        *(
            Fault(f"upstreams/{name}.yaml", 0, f"its operations are missing: expected `operations/{name}.yaml`")
            for name in sorted(upstreams - operations)
        ),
        *(
            Fault(f"operations/{name}.yaml", 0, f"its upstream is missing: expected `upstreams/{name}.yaml`")
            for name in sorted(operations - upstreams)
        ),
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_EXPECTED: Final = (
    "expected `agents/NAME.yaml`, `roles/NAME.yaml`, `upstreams/NAME.yaml` or `operations/NAME.yaml`;"
    f" a name is {NAME_RULE}"
)
_EXPECTED_NAME: Final = f"expected a name: {NAME_RULE}"
