"""Conditions on claims, in the notation of limits: `repository_id=260064828`, `env=prod|staging`, `sub~repo:a/b:ref:*`.

The law: a condition holds or it does not; nothing is coerced and nothing that is absent holds. `=` compares a claim
with one of several values, code point by code point; `#true` and `#7` are the JSON values that are no texts. `~` is a
pattern of whole segments, as in scopes; a wildcard within a segment cannot be written. A name that begins with `/` is
a JSON Pointer (RFC 6901) into nested claims, any other is the name of a top-level claim, whatever dots it has. Where
the notation's own characters are meant literally they are percent-encoded, and every condition has one spelling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from gatepass import exact
from gatepass.access import Json
from gatepass.authority.scopes.patterns import Pattern, is_clean, shown
from gatepass.errors import Malformed

__all__ = ["LONGEST", "MOST_VALUES", "Condition", "Scalar", "claim_at"]

Scalar: TypeAlias = "str | bool | Decimal"

LONGEST: Final = 4096
"""Characters of one condition."""
MOST_VALUES: Final = 64
MOST_DEPTH: Final = 8
_OPERATORS: Final = "=~"
_NOT_IN_NAMES: Final = frozenset("!<> ")
"""So that `ref!=main`, which cannot be said, does not become a claim called `ref!`."""
_ESCAPED: Final = frozenset("%|")
_HEX: Final = frozenset("0123456789ABCDEF")


@dataclass(frozen=True, slots=True)
class Condition:
    """One claim, and what it has to be: one of `values`, or within one of `patterns`."""

    claim: str
    """As written: `sub`, or `/kubernetes.io/serviceaccount/uid`."""
    path: tuple[str, ...]
    values: tuple[Scalar, ...] = ()
    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read one condition. Raises `Malformed` (`malformed_trust_rule`)."""
        if len(text) > LONGEST:
            raise _malformed(text, "it is too long")
        at = next((place for place, character in enumerate(text) if character in _OPERATORS), -1)
        if at < 1:
            raise _malformed(text, "it is a claim, then `=` or `~`, then what the claim has to be")
        claim, alternatives = text[:at], text[at + 1 :].split("|")
        if len(alternatives) > MOST_VALUES:
            raise _malformed(text, f"it names more than {MOST_VALUES} values")
        if len(set(alternatives)) != len(alternatives):
            raise _malformed(text, "it names a value twice")
        path = _path(text, claim)
        if text[at] == "~":
            return cls(claim, path, patterns=tuple(_pattern(text, alternative) for alternative in alternatives))
        read = cls(claim, path, tuple(_value(text, alternative) for alternative in alternatives))
        if str(read) != text:
            raise _malformed(text, f"it is written `{shown(str(read), 120)}`")
        return read

    def __str__(self) -> str:
        """Print the condition as `parse` reads it."""
        if self.patterns:
            return f"{self.claim}~{'|'.join(map(str, self.patterns))}"
        return f"{self.claim}={'|'.join(map(_spelled, self.values))}"

    def holds(self, claims: Mapping[str, Json]) -> bool:
        """Whether the claims satisfy it. A claim that is absent, or a list or an object, satisfies nothing."""
        found = claim_at(claims, self.path)
        if self.patterns:
            return isinstance(found, str) and any(pattern.covers_id(found) for pattern in self.patterns)
        return any(type(value) is type(found) and value == found for value in self.values)

    def is_exact(self) -> bool:
        """Whether it names whole values and nothing else."""
        return not self.patterns or all(pattern.is_literal for pattern in self.patterns)


def claim_at(claims: Mapping[str, Json], path: tuple[str, ...]) -> Json:
    """What stands at `path`; None where nothing does, and for JSON's null."""
    found: Json = claims
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def _path(text: str, claim: str) -> tuple[str, ...]:
    name = _decoded(text, claim)
    if "".join(f"%{ord(c):02X}" if c in "%=~" else c for c in name) != claim:
        raise _malformed(text, "only `%`, `=` and `~` are percent-encoded in a name")
    if not _NOT_IN_NAMES.isdisjoint(name):
        raise _malformed(text, "the operators are `=` and `~`, and a name has no space")
    if not name.startswith("/"):
        return (name,)
    steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in name[1:].split("/"))
    if not all(steps) or len(steps) > MOST_DEPTH:
        raise _malformed(text, f"a nested claim has 1 to {MOST_DEPTH} names")
    return steps


def _value(text: str, spelled: str) -> Scalar:
    if spelled.startswith("#"):
        try:
            found = exact.read(spelled[1:], max_bytes=64, max_depth=1)
        except Malformed:
            found = None
        if not isinstance(found, bool | Decimal) or _spelled(found) != spelled:
            raise _malformed(
                text, "after `#` stands a number, `true` or `false`; write %23 where it is meant literally"
            )
        return found
    return _decoded(text, spelled)


def _pattern(text: str, spelled: str) -> Pattern:
    try:
        return Pattern.parse(spelled)
    except Malformed as fault:
        raise _malformed(text, fault.message.partition(" is malformed: ")[2] or "its pattern cannot be read") from None


def _spelled(value: Scalar) -> str:
    if not isinstance(value, str):
        return f"#{exact.write(value).decode()}"
    escaped = "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in value)
    return f"%23{escaped[1:]}" if escaped.startswith("#") else escaped


def _decoded(text: str, spelled: str) -> str:
    """Undo the escapes: of `%` and `|`, of `=` and `~` in names, and of `#` at the beginning of a value."""
    out: list[str] = []
    at = 0
    while at < len(spelled):
        if spelled[at] != "%":
            out.append(spelled[at])
            at += 1
            continue
        digits = spelled[at + 1 : at + 3]
        if len(digits) != 2 or not _HEX.issuperset(digits) or chr(int(digits, 16)) not in "%|=~#":  # noqa: PLR2004 - digits of a byte
            raise _malformed(
                text, "`%` begins the code of `%`, `|`, `=`, `~` or `#`, in upper case; write %25 for itself"
            )
        out.append(chr(int(digits, 16)))
        at += 3
    found = "".join(out)
    if not found or not is_clean(found):
        raise _malformed(text, "a name or a value is empty or not canonical text")
    return found


def _malformed(text: str, why: str) -> Malformed:
    return Malformed("malformed_trust_rule", f"the condition `{shown(text, 120)}` is malformed: {why}")
