"""Cutting what somebody else made too long, so that it can be written down at all.

What is cut says so: `abridged` lists the members, as paths, whose value is not what was tried. What stands
there instead is the beginning of a text, the first items of a collection, a number's text where it is no
number, or the name of a type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final

from gatepass.access import Reservation

__all__ = ["abridge"]

_DEEPEST: Final = 8
_MOST_NAMED: Final = 32
_LONGEST_NAME: Final = 64
_LONGEST_NUMBER: Final = 128
_WHOLE: Final = frozenset({"reservations"})
"""Collections of which no item is left out: what was drawn on meters is ours, and bounded where it is made."""


def abridge(
    members: Mapping[str, object], characters: int, items: int, *, without: frozenset[str] = frozenset()
) -> dict[str, object]:
    """`members` with texts of at most `characters`, collections of at most `items`, and none of those in `without`."""
    cutting = _Cutting(characters, items, sorted(without & members.keys()))
    kept = {name: cutting.value(value, name, 1) for name, value in members.items() if name not in without}
    return {**kept, "abridged": cutting.cut[:_MOST_NAMED]} if cutting.cut else kept


@dataclass(slots=True)
class _Cutting:
    """How much is kept, and the paths of what was cut so far."""

    characters: int
    items: int
    cut: list[str]

    def value(self, value: object, path: str, depth: int) -> object:
        if isinstance(value, str):
            return self.text(value, path, self.characters)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, Decimal):
            return self.number(value, path)
        if depth < _DEEPEST and isinstance(value, Reservation):
            return self.mapping(asdict(value), path, depth)
        if depth < _DEEPEST and isinstance(value, Mapping):
            return self.mapping(value, path, depth)
        if depth < _DEEPEST and isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            most = len(value) if path in _WHOLE else self.items
            if len(value) > most:
                self.cut.append(path)
            return [self.value(item, path, depth + 1) for item in value[:most]]
        self.cut.append(path)
        return type(value).__name__

    def mapping(self, value: Mapping[str, object], path: str, depth: int) -> dict[str, object]:
        if len(value) > self.items:
            self.cut.append(path)
        kept = {}
        for key in sorted(value, key=str)[: self.items]:
            name = self.text(str(key), path, _LONGEST_NAME)
            kept[name] = self.value(value[key], f"{path}.{name}", depth + 1)
        return kept

    def text(self, text: str, path: str, characters: int) -> str:
        shown = text[:characters].encode("utf-8", "replace").decode()
        if shown != text:
            self.cut.append(path)
        return shown

    def number(self, number: Decimal, path: str) -> object:
        text = str(number)
        if number.is_finite() and len(text) <= _LONGEST_NUMBER:
            return number
        self.cut.append(path)
        return text[:_LONGEST_NUMBER]
