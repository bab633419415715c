"""How a linter reads conditions: what they pin, in the worst of their alternatives.

The law: of alternatives the loosest counts, because one of them is enough to get in; of conditions the tightest counts,
because all of them have to hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from gatepass.attestation.rules import Rule
from gatepass.authority.scopes.patterns import split_id

__all__ = ["Finding", "Grade", "Shape", "after", "caution", "danger", "pins", "segments_of", "subjects"]

Shape: TypeAlias = tuple[str | None, ...]
"""A subject's segments; None for one that may be anything, and as the last one for anything behind it."""


class Grade(StrEnum):
    """How bad it is."""

    DANGER = "danger"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True)
class Finding:
    """One unwise thing. `code` is stable, `message` a line for people."""

    code: str
    grade: Grade
    message: str


def danger(code: str, message: str) -> Finding:
    """Somebody gets in who was not meant."""
    return Finding(code, Grade.DANGER, message)


def caution(code: str, message: str) -> Finding:
    """It works, and could be tighter."""
    return Finding(code, Grade.CAUTION, message)


def pins(rule: Rule, *claims: str) -> bool:
    """Whether each of these claims has to have one of listed values."""
    return all(any(condition.is_exact() for condition in rule.of_claim(claim)) for claim in claims)


def subjects(rule: Rule, claim: str = "sub") -> Iterator[Shape]:
    """Every shape that the claim may have under the rule's conditions on it, one an alternative.

    Of several conditions on one claim the one with the fewest alternatives is looked at: all have to hold, so
    whatever is said of it is not said wrongly, only too strictly.
    """
    conditions = sorted(rule.of_claim(claim), key=lambda condition: len(condition.values) + len(condition.patterns))
    for condition in conditions[:1]:
        for value in condition.values:
            yield segments_of(str(value))
        for pattern in condition.patterns:
            fixed = tuple(segment for _, segment in pattern.parts)
            yield fixed if pattern.tail is None else (*fixed, None)


def segments_of(text: str) -> Shape:
    """The segments of a whole subject. One that is no id is one segment."""
    parts = split_id(text)
    return (text,) if parts is None else tuple(segment for _, segment in parts)


def after(shape: Sequence[str | None], name: str) -> str | None:
    """The segment behind the first one called `name`; None if there is none, or it may be anything."""
    for place, segment in enumerate(shape[:-1]):
        if segment == name:
            return shape[place + 1]
    return None
