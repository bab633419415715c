"""YAML files read strictly: every value knows its line, and what could be read in two ways is refused.

Operations files and configuration are read here alike.

Accepted is the part of YAML in which nobody is surprised: mappings, sequences, and scalars that are text,
plain decimal numbers, `true`, `false` or `null`. Refused are duplicate keys, anchors, aliases, merge keys,
tags, several documents, and unquoted words that YAML readers disagree about (`no`, `1:30`, `0x1F`,
`2026-01-01`). Size, depth and count are bounded. What the values mean is not this module's matter.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

import yaml
from yaml.resolver import Resolver

from gatepass.access import Json
from gatepass.errors import Malformed

__all__ = ["Node", "read_document", "scalar", "shown"]

CATALOGUE: Final = "malformed_catalogue"
LARGEST: Final = 256 * 1024
"""Bytes of one file."""
MOST_VALUES: Final = 20_000
DEEPEST: Final = 16
LONGEST_NUMBER: Final = 40

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "": None}
_DISPUTED: Final = re.compile(r"[yYnN]|[-+]?0o[0-7]+|[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+")
"""Plain scalars that some reader takes for something else than their text, beyond what PyYAML's resolver knows."""
_BARE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/?&=<>*+~-]*", re.ASCII)
"""What needs no quotes, unless it means something else."""
_TEXT_TAG: Final = "tag:yaml.org,2002:str"

Value: TypeAlias = "bool | str | Decimal | tuple[Node, ...] | dict[str, Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file, and where it stands."""

    file: str
    line: int
    value: Value
    key_lines: Mapping[str, int] = field(default_factory=dict)
    """For a mapping: the line of each key."""
    code: str = CATALOGUE
    """What its faults are called."""

    def fault(self, expected: str, *, key: str | None = None) -> Malformed:
        """The error that names the line, of the value or of one of its keys, and what was expected there."""
        line = self.line if key is None else self.key_lines[key]
        return _fault(self.file, line, expected, self.code)

    def mapping(self, *, of: str, required: Iterable[str] = (), optional: Iterable[str] = ()) -> dict[str, "Node"]:
        """The members of a mapping that has all of `required` and nothing beyond `optional`."""
        members = self.members(of=of)
        known = (*required, *optional)
        for key in members:
            if key not in known:
                raise self.fault(f"one of {_listed(known)} in {of}, not `{shown(key)}`", key=key)
        for key in required:
            if key not in members:
                raise self.fault(f"`{key}` in {of}")
        return members

    def members(self, *, of: str) -> dict[str, "Node"]:
        """The members of a mapping with names that the file is free to choose."""
        if not isinstance(self.value, dict):
            raise self.fault(f"a mapping for {of}, not {self.kind()}")
        return self.value

    def items(self, *, of: str) -> tuple["Node", ...]:
        """The members of a list."""
        if not isinstance(self.value, tuple):
            raise self.fault(f"a list for {of}, not {self.kind()}")
        return self.value

    def text(self, *, of: str) -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self.fault(f"text for {of}, not {self.kind()}")
        return self.value

    def integer(self, *, of: str, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        value = self.value
        if not isinstance(value, Decimal) or value != value.to_integral_value() or not least <= value <= most:
            raise self.fault(f"a whole number from {least} to {most} for {of}")
        return int(value)

    def json(self) -> Json:
        """The value as exact JSON, lines forgotten."""
        if isinstance(self.value, tuple):
            return tuple(member.json() for member in self.value)
        if isinstance(self.value, dict):
            return {key: member.json() for key, member in self.value.items()}
        return self.value

    def kind(self) -> str:
        """What the value is, in words."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return "true or false"
            case str():
                return f"the text `{shown(self.value)}`"
            case Decimal():
                return "a number"
            case tuple():
                return "a list"
            case _:
                return "a mapping"


def read_document(text: str, file: str, code: str = CATALOGUE) -> Node:
    """Read the one document of a file. Raises `Malformed` (`code`) with file and line."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise _fault(file, 1, f"at most {LARGEST} bytes", code)
    try:
        return _Reader(file, code).read(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else 1
        problem = shown(fault.problem or "something else")
    except (yaml.YAMLError, UnicodeError):
        line, problem = 1, "characters that YAML does not allow"
    raise _fault(file, line, f"YAML, found: {problem}", code)


def shown(text: str) -> str:
    """A file's or caller's own words, fit for one line of a message."""
    cut = text if len(text) <= 64 else text[:61] + "..."  # noqa: PLR2004  a message's width
    return "".join(character if character.isprintable() and character != "`" else "?" for character in cut)


@dataclass(slots=True)
class _Open:
    """A mapping or list of which the end has not been read."""

    line: int
    members: dict[str, Node] | None
    elements: list[Node]
    key_lines: dict[str, int]
    key: str | None = None


@dataclass(slots=True)
class _Reader:
    """Turns events into nodes without recursion, so that depth is ours to bound."""

    file: str
    code: str
    stack: list[_Open] = field(default_factory=list)
    root: Node | None = None
    count: int = 0

    def read(self, events: Iterator[yaml.Event]) -> Node:
        documents = 0
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._fault(line, "one document")
            elif isinstance(event, yaml.NodeEvent):
                self._value(event, line)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close()
        if self.root is None:
            raise self._fault(1, "a mapping, the file is empty")
        return self.root

    def _value(self, event: yaml.NodeEvent, line: int) -> None:
        self.count += 1
        if self.count > MOST_VALUES:
            raise self._fault(line, f"at most {MOST_VALUES} values")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._fault(line, "no anchor or alias: write the value out")
        if getattr(event, "tag", None) is not None:
            raise self._fault(line, "no tag: quote what has to be text")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
            return
        if len(self.stack) >= DEEPEST:
            raise self._fault(line, f"at most {DEEPEST} levels")
        if self.stack and self.stack[-1].members is not None and self.stack[-1].key is None:
            raise self._fault(line, "text for a key")
        members: dict[str, Node] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.stack.append(_Open(line, members, [], {}))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value = self._resolve(event, line)
        owner = self.stack[-1] if self.stack else None
        if owner is None or owner.members is None or owner.key is not None:
            self._add(Node(self.file, line, value, code=self.code))
            return
        if not isinstance(value, str) or not value:
            raise self._fault(line, "text for a key")
        if value in owner.members:
            raise self._fault(line, f"`{shown(value)}` once, it stands on line {owner.key_lines[value]} already")
        owner.key = value
        owner.key_lines[value] = line

    def _resolve(self, event: yaml.ScalarEvent, line: int) -> bool | str | Decimal | None:
        if not event.implicit[0]:
            return str(event.value)
        text = str(event.value)
        if text in _WORDS:
            return _WORDS[text]
        if _NUMBER.fullmatch(text):
            if len(text) > LONGEST_NUMBER:
                raise self._fault(line, f"a number of at most {LONGEST_NUMBER} digits")
            return Decimal(text)
        if _disputed(text):
            raise self._fault(line, f"quotes around `{shown(text)}`, which YAML readers take for different things")
        return text

    def _close(self) -> None:
        done = self.stack.pop()
        value: Value = tuple(done.elements) if done.members is None else done.members
        self._add(Node(self.file, done.line, value, done.key_lines, self.code))

    def _add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        owner = self.stack[-1]
        if owner.members is None:
            owner.elements.append(node)
        elif owner.key is not None:
            owner.members[owner.key] = node
            owner.key = None

    def _fault(self, line: int, expected: str) -> Malformed:
        return _fault(self.file, line, expected, self.code)


def _disputed(text: str) -> bool:
    resolved = Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return resolved != _TEXT_TAG or _DISPUTED.fullmatch(text) is not None


def scalar(text: str) -> str:
    """`text` as a file says it: bare where every reader takes that for the same text, and in quotes otherwise."""
    bare = _BARE.fullmatch(text) and not text.endswith(":") and text not in _WORDS and not _NUMBER.fullmatch(text)
    if bare and not _disputed(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)


def _fault(file: str, line: int, expected: str, code: str) -> Malformed:
    return Malformed(code, f"`{shown(file)}` line {line}: expected {expected}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
