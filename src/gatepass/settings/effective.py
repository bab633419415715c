"""Every setting as it is in force, in the spelling in which somebody would write it, and who said so.

What is shown is what the process started with. No setting holds a secret, so all of them can be shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatepass.settings.model import Rate, Settings
from gatepass.settings.positions import KeyPath
from gatepass.units import DURATION_EXPECTED, SIZE_EXPECTED, duration_text, rate_text, size_text

__all__ = ["Effective", "effective", "expected_of", "fields_of", "spelled"]

_TEXTS: Final = {DURATION_EXPECTED: duration_text, SIZE_EXPECTED: size_text}


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting: its dotted name, its value and default as texts, what it says, and where it was said."""

    name: str
    value: str | None
    default: str | None
    says: str
    origin: str
    """`default`, `file`, `environment` or `option`."""
    where: str | None


def effective(settings: Settings) -> tuple[Effective, ...]:
    """All of them, in the order of the reference."""
    return tuple(_one(settings, path, field) for path, field in fields_of())


def fields_of() -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Every leaf with its path, in the order of the model."""
    for name, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        if inner is None:
            yield (name,), field
        else:
            yield from (((name, key), value) for key, value in inner.items())


def expected_of(field: FieldInfo) -> str:
    """What a value has to look like."""
    extra = field.json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) else "a list of texts"


def spelled(value: object, expected: str) -> str | None:
    """The value as somebody would write it; None for none."""
    if value is None or value == ():
        return None
    if isinstance(value, Rate):
        return rate_text(value.count, value.period)
    if isinstance(value, int) and expected in _TEXTS:
        return _TEXTS[expected](value)
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value.value if isinstance(value, Enum) else value)


def _one(settings: Settings, path: KeyPath, field: FieldInfo) -> Effective:
    value: object = settings
    for step in path:
        value = getattr(value, step) if isinstance(value, BaseModel) else None
    expected = expected_of(field)
    default = None if field.is_required() else spelled(field.default, expected)
    origin, where = settings.origins.get(path, ("default", None))
    return Effective(".".join(path), spelled(value, expected), default, field.description or "", origin, where)
