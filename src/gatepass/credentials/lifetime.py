"""How long a token may live, and what it may not carry at all.

The law: every token ends, and broad and long never come together (D11 of the mission): what is granted over a whole
type lives for hours, what is named by ids may live for days. Renewals of one token are counted together where it is
broad, so renewing is no way round it: `latest` is fixed at the first issuance and only ever comes nearer. A default is
offered; no end is not. No stored token carries an action of class `admin`, which needs a person who has just signed in.

A refusal says which scope was too much, what it could have had, and what to ask for instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gatepass.access import ActionClass, AgentId, Instant
from gatepass.authority import Authority, Catalogue, Expires, Grant, Permission, Scope
from gatepass.credentials.records import TokenKind
from gatepass.errors import Denied, Malformed
from gatepass.units import duration_text

__all__ = ["BROAD_LIMITS", "DEFAULTS", "LONGEST", "SHORTEST", "Life", "check_holder", "life"]

_HOUR: Final = 3_600_000

SHORTEST: Final = 1_000
"""Milliseconds."""

DEFAULTS: Final[Mapping[TokenKind, int]] = MappingProxyType(
    {TokenKind.MACHINE: 8 * _HOUR, TokenKind.PERSON: 8 * _HOUR, TokenKind.SESSION: 8 * _HOUR}
)
"""What a token gets for which no life was asked, as far as its breadth allows it. Milliseconds."""

LONGEST: Final[Mapping[TokenKind, int]] = MappingProxyType(
    {TokenKind.MACHINE: 30 * 24 * _HOUR, TokenKind.PERSON: 24 * _HOUR, TokenKind.SESSION: 8 * _HOUR}
)
"""The longest life from one issuance or renewal to its end, however narrow the token is. Milliseconds."""

BROAD_LIMITS: Final[Mapping[ActionClass, int]] = MappingProxyType(
    {ActionClass.WRITE: 8 * _HOUR, ActionClass.DELETE: _HOUR}
)
"""The longest life, renewals included, of a broad permission of a class. `read` is never broad. Milliseconds."""


@dataclass(frozen=True, slots=True)
class Life:
    """When a token ends, and the instant that no renewal goes beyond (None where it is narrow)."""

    expires: Instant
    latest: Instant | None


@dataclass(frozen=True, slots=True)
class _Bound:
    """Something broad may live until `until`."""

    why: str
    until: int


def life(
    kind: TokenKind,
    authority: Authority,
    catalogue: Catalogue,
    *,
    at: Instant,
    asked: Sequence[Scope] = (),
    lifetime: int | None = None,
    default: int | None = None,
    latest: Instant | None = None,
    role_longest: int | None = None,
) -> Life:
    """The life of a token issued, or renewed, at `at`. Spans are in milliseconds.

    `asked` are the scopes as they were written: a class or `*` is broad, and can no longer be seen in `authority`.
    `lifetime` is what was asked for; without it, `default` (or that of the kind) as far as everything else allows.
    `latest` is that of the token that is renewed, `role_longest` what the agent's role allows. Raises `Denied`
    (`admin_not_storable`, `too_broad`, `too_long`) and `Malformed` (no life at all, or an action that is not known).
    """
    _check_classes(authority, catalogue)
    bounds = sorted(_bounds(authority, catalogue, asked, at), key=lambda bound: bound.until)
    if latest is not None:
        bounds.insert(
            0, _Bound("the token that is renewed is broad", min([latest, *(bound.until for bound in bounds)]))
        )
    allowed = LONGEST[kind] if role_longest is None else min(LONGEST[kind], role_longest)
    if lifetime is None:
        offered = min(DEFAULTS[kind] if default is None else default, allowed)
        lifetime = max(SHORTEST, min([offered, *(bound.until - at for bound in bounds)]))
    if lifetime < SHORTEST:
        raise Malformed("malformed_request", "a token lives for a second at least, and every token has an end")
    if bounds and at + lifetime > bounds[0].until:
        raise _too_broad(bounds[0], at, lifetime)
    if lifetime > allowed:
        whose = "this kind of token" if allowed == LONGEST[kind] else "the role"
        raise Denied(
            "too_long",
            f"a life of {duration_text(lifetime)} was asked for, and {whose} allows {_told(allowed)}",
            hint=f"Ask for at most {_told(allowed)}, and renew the token before it ends.",
        )
    return Life(Instant(at + lifetime), Instant(bounds[0].until) if bounds else None)


def check_holder(kind: TokenKind, agent: AgentId | None) -> None:
    """Raise `Malformed` unless a machine's token names its agent, and a person's token or session names none."""
    if kind is TokenKind.MACHINE and agent is None:
        raise Malformed("malformed_request", "a machine's token belongs to an agent", hint="Name the agent.")
    if kind is not TokenKind.MACHINE and agent is not None:
        raise Malformed("malformed_request", "a person's token acts for the person", hint="Leave the agent out.")


def _check_classes(authority: Authority, catalogue: Catalogue) -> None:
    for grant in authority.grants:
        if _class_of(grant.permission, catalogue) is ActionClass.ADMIN:
            raise Denied("admin_not_storable", f"`{grant.permission}` is of class admin, which no stored token carries")


def _bounds(authority: Authority, catalogue: Catalogue, asked: Sequence[Scope], at: Instant) -> Iterable[_Bound]:
    for grant in authority.grants:
        reasons = [catalogue.broad(permission) for permission in grant.permissions]
        # An attempt has to be covered by all of them, so one that is narrow makes the grant narrow.
        if (why := reasons[0]) is not None and None not in reasons:
            yield from _bound(why, [grant.permission], _end(grant), catalogue, at)
    last = max(map(_end, authority.grants), default=0.0)
    for scope in asked:
        if (why := catalogue.broad(scope)) is not None:
            yield from _bound(why, catalogue.expand(scope), last, catalogue, at)


def _bound(
    why: str, permissions: Iterable[Permission], end: float, catalogue: Catalogue, at: Instant
) -> Iterable[_Bound]:
    classes = {_class_of(permission, catalogue) for permission in permissions}
    limits = [BROAD_LIMITS[each] for each in classes if each in BROAD_LIMITS]
    if limits and end > at + min(limits):
        yield _Bound(why, at + min(limits))


def _class_of(permission: Permission, catalogue: Catalogue) -> ActionClass:
    action = catalogue.action(permission.type, permission.action)
    if action is None:
        raise Malformed("unknown_scope", f"`{permission.type}:{permission.action}` is not in the catalogue")
    return action.kind


def _end(grant: Grant) -> float:
    """When the grant's own conditions end it, whatever the token's life."""
    return min((caveat.at for caveat in grant.conditions if isinstance(caveat, Expires)), default=float("inf"))


def _too_broad(bound: _Bound, at: Instant, lifetime: int) -> Denied:
    left = bound.until - at
    instead = "name what is meant by a pattern that begins with fixed segments"
    if left < SHORTEST:
        return Denied("too_broad", f"{bound.why}, and its time is used up", hint=f"Create a new token, and {instead}.")
    return Denied(
        "too_broad",
        f"{bound.why}, so it may live for {_told(left)} at most; {duration_text(lifetime)} was asked for",
        hint=f"Ask for at most {_told(left)}, or {instead}.",
    )


def _told(span: int) -> str:
    """A span for people, rounded down, so that asking for what was told is allowed."""
    unit = next((unit for unit in (60_000, 1_000) if span >= unit), 1)
    return duration_text(max(span - span % unit, 1))
