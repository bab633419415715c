"""Conditional requests (RFC 9110 section 13): which state of a thing somebody saw, and whether it still stands.

An `ETag` is strong and has up to two parts. The first is the record's revision: it changes when somebody changes the
record, and is what `If-Match` compares. The second stands for what changes by itself, such as when a token was last
used; `If-None-Match` compares both, so that a 304 never hides anything. Neither is made from a secret. A condition on
a change is not decided here and now but inside the turn of the change (`Operator.condition`).
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from gatepass.errors import Conflict, Malformed, NotFound
from gatepass.web.management.answers import encode, shapes

__all__ = ["Conditions", "has_tag", "read_conditions", "tag_of"]

MOST_TAGS: Final = 16
_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e]{0,256}"'
_TAGS: Final = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*", re.ASCII)

_BY_ITSELF: Final[Mapping[type[shapes.Shape], frozenset[str]]] = {
    shapes.Person: frozenset(),
    shapes.PersonInvited: frozenset(),
    shapes.Agent: frozenset(),
    shapes.Role: frozenset({"faults"}),
    shapes.TrustRule: frozenset({"warnings", "accepts_audiences"}),
    shapes.AgentKey: frozenset(),
    shapes.Upstream: frozenset({"fault", "secret", "secret_missing"}),
    shapes.Secret: frozenset({"usable", "upstream"}),
    shapes.Run: frozenset({"state"}),
    shapes.Token: frozenset({"role", "alive", "dead_because", "last_used_at"}),
    shapes.IssuedToken: frozenset({"role", "alive", "dead_because", "last_used_at"}),
}
"""The shapes that have a tag, and those of their members that change without anybody changing the record."""
_ONCE: Final = frozenset({"token", "code", "code_expires_at"})
"""Members that one answer has and no other."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request assumes. Empty for one that assumes nothing."""

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None

    def unchanged(self, tag: str | None) -> bool:
        """Whether a reader has already what they would be shown."""
        if self.none_match is None or tag is None:
            return False
        return "*" in self.none_match or tag in {each.removeprefix("W/") for each in self.none_match}

    def on_change(self, method: str, current: Callable[[], shapes.Shape] | None) -> Callable[[], None] | None:
        """What has to hold when the change's turn comes; None where nothing was assumed. Raises `Malformed`."""
        if self.match is None and self.none_match is None:
            return None
        if current is None:
            raise Malformed("malformed_request", "this request takes neither `If-Match` nor `If-None-Match`")
        if self.none_match is not None and (method != "PUT" or self.none_match != ("*",)):
            raise Malformed("malformed_request", "`If-None-Match`: expected `*`, and with PUT alone")
        return lambda: self._require(_tag_now(current))

    def _require(self, tag: str | None) -> None:
        if self.none_match is not None and tag is not None:
            raise Conflict("precondition_failed", "there is one already")
        if self.match is None:
            return
        revisions = {_revision(each) for each in self.match}
        if tag is None or not ("*" in self.match or _revision(tag) in revisions):
            raise Conflict("precondition_failed", "it was changed since it was read")


def read_conditions(headers: Iterable[tuple[bytes, bytes]]) -> Conditions:
    """`If-Match` and `If-None-Match`. Raises `Malformed` for what is neither `*` nor a list of tags."""
    listed = tuple(headers)
    return Conditions(_tags(listed, b"if-match"), _tags(listed, b"if-none-match"))


def has_tag(kind: object) -> bool:
    """Whether what is shown in this shape has a tag."""
    return kind in _BY_ITSELF


def tag_of(shown: object) -> str | None:
    """The tag of a thing as it is shown; None for what has none."""
    by_itself = _BY_ITSELF.get(type(shown)) if isinstance(shown, shapes.Shape) else None
    if by_itself is None:
        return None
    members = msgspec.structs.asdict(shown)  # type: ignore[arg-type]  # a shape, as was asked
    lasting = {name: value for name, value in members.items() if name not in by_itself | _ONCE}
    revision = _digest(lasting)[:20]
    if not by_itself:
        return f'"{revision}"'
    return f'"{revision}-{_digest({name: members[name] for name in sorted(by_itself)})[:12]}"'


def _tag_now(current: Callable[[], shapes.Shape]) -> str | None:
    try:
        return tag_of(current())
    except NotFound:
        return None


def _revision(tag: str) -> str:
    """The first part of a tag. A weak one has none: what is weakly the same may have been changed."""
    return "" if tag.startswith("W/") else tag.strip('"').partition("-")[0]


def _digest(members: object) -> str:
    return hashlib.sha256(encode(members)).hexdigest()


def _tags(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> tuple[str, ...] | None:
    values = [value.decode("latin-1") for name, value in headers if name == wanted]
    if not values:
        return None
    said = ",".join(values).strip(" \t")
    if said == "*":
        return (said,)
    tags = tuple(re.findall(_TAG, said, re.ASCII)) if _TAGS.fullmatch(said) else ()
    if not 0 < len(tags) <= MOST_TAGS:
        name = "If-Match" if wanted == b"if-match" else "If-None-Match"
        raise Malformed("malformed_request", f"`{name}`: expected `*`, or up to {MOST_TAGS} tags in quotes")
    return tags
