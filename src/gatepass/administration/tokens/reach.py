"""Blast radius: everything that a token can reach now, how much of it, and until when. Pure.

What a token opens is its authority met with its agent's role, in the classes that its limits allow, where the
upstream is there and enabled. The rest of what it says is listed too, each with what keeps it shut: whoever
reads this should see what a change of the role would open again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gatepass.access import ActionClass, Instant, UpstreamId
from gatepass.authority import Authority, Catalogue, Grant, Permission, covers, meet
from gatepass.credentials import IssuedRecord, TokenKind, TokenLimits, TokenRecord
from gatepass.limits import Level
from gatepass.registry import Upstream

__all__ = ["BlastRadius", "Ceiling", "Reachable", "Shut", "as_token", "blast_radius", "widest"]

NEVER: Final = (
    "the secrets in custody: calls carry them, nothing shows them",
    "the management API: it takes people only",
    "any system that is not registered as an upstream",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What bounds a token from outside itself, as it is now."""

    role: str
    authority: Authority
    asked: Authority
    """What of it waits for a person."""
    bearers: bool = False
    """Whether credentials may do more than read without a proof of possession now: the role has an exception."""
    faulty: frozenset[str] = frozenset()
    """Types of which the role asks something that the catalogue does not know: all of them are refused."""


@dataclass(frozen=True, slots=True)
class Reachable:
    """One permission that works now, at one upstream."""

    upstream: str
    scope: str
    kind: ActionClass
    asks_person: bool


@dataclass(frozen=True, slots=True)
class Shut:
    """A scope that the token carries and that opens nothing now."""

    scope: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """All of it. `dead` says why nothing works, if nothing does; `until` is when it ends by itself."""

    token: TokenRecord
    dead: str | None
    until: Instant
    reach: tuple[Reachable, ...]
    shut: tuple[Shut, ...]
    untouched: tuple[str, ...]
    """Upstreams that it opens nothing of."""
    never: tuple[str, ...] = NEVER
    levels: tuple[Level, ...] = ()


def as_token(issued: IssuedRecord, limits: TokenLimits) -> TokenRecord:
    """An access token in the shape that its reach is worked out of, under the limits of what it descends from."""
    return TokenRecord(
        id=issued.id,
        kind=TokenKind.MACHINE,
        name=issued.id,
        hash=b"",
        owner=issued.owner,
        agent=issued.agent,
        authority=issued.authority,
        limits=limits,
        issued=issued.issued,
        expires=issued.expires,
        issuer=issued.client,
        purpose=issued.purpose,
        parent=issued.parent,
        meters=issued.meters,
        run=issued.run,
        revoked=issued.revoked,
        revoked_because=issued.revoked_because,
        ancestors=issued.ancestors,
    )


def blast_radius(
    token: TokenRecord,
    *,
    ceiling: Ceiling | None,
    upstreams: Iterable[Upstream],
    catalogues: Mapping[UpstreamId, Catalogue],
    dead: str | None,
    levels: tuple[Level, ...] = (),
) -> BlastRadius:
    """Everything that `token` can reach, with the role, the upstreams and their catalogues as they are."""
    listed = tuple(upstreams)
    where = {
        kind: upstream for upstream in listed if upstream.id in catalogues for kind in catalogues[upstream.id].types
    }
    reach: list[Reachable] = []
    shut: list[Shut] = []
    for grant in token.authority.grants:
        met = widest(meet(Authority((grant,)), ceiling.authority).grants) if ceiling else ()
        if not met:
            whose = f"the role `{ceiling.role}` does not cover it" if ceiling else "its agent has no role"
            shut.append(Shut(str(grant.permission), whose))
        for each in met:
            found = _found(each, token, ceiling, where, catalogues)
            if isinstance(found, Reachable):
                reach.append(found)
            else:
                shut.append(found)
    opened = {reachable.upstream for reachable in reach}
    ends = [token.expires, *([token.retires] if token.retires is not None else [])]
    return BlastRadius(
        token=token,
        dead=dead,
        until=min(ends),
        reach=() if dead else tuple(dict.fromkeys(reach)),
        shut=tuple(dict.fromkeys(shut)),
        untouched=tuple(sorted(upstream.name for upstream in listed if dead or upstream.name not in opened)),
        levels=levels,
    )


def widest(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Those that no other one covers: a role that allows the same in two ways does not allow it twice."""
    kept: list[Grant] = []
    for grant in grants:
        one = Authority((grant,))
        if not any(covers(Authority((other,)), one) for other in kept):
            kept = [other for other in kept if not covers(one, Authority((other,)))]
            kept.append(grant)
    return tuple(kept)


def _found(
    grant: Grant,
    token: TokenRecord,
    ceiling: Ceiling | None,
    where: Mapping[str, Upstream],
    catalogues: Mapping[UpstreamId, Catalogue],
) -> Reachable | Shut:
    """One grant that the role covers: what else stands in its way, if anything."""
    permission = grant.permission
    scope = str(permission)
    upstream = where.get(permission.type)
    action = catalogues[upstream.id].action(permission.type, permission.action) if upstream else None
    if upstream is None or action is None:
        return Shut(scope, "no upstream declares it any more")
    if upstream.disabled is not None:
        return Shut(scope, f"the upstream `{upstream.name}` is disabled")
    if action.kind not in token.limits.classes:
        return Shut(scope, f"the token's limits leave out class `{action.kind}`")
    if ceiling is not None and not ceiling.bearers and action.kind is not ActionClass.READ:
        return Shut(scope, "beyond reading it needs a proof of possession: exchange it for a token bound to a key")
    if ceiling is None or permission.type in ceiling.faulty:
        return Shut(scope, f"the role asks a person about `{permission.type}` in words that nobody knows any more")
    return Reachable(upstream.name, scope, action.kind, _asks(permission, ceiling))


def _asks(permission: Permission, ceiling: Ceiling) -> bool:
    """Whether some of what it permits waits for a person."""
    return bool(meet(Authority.of(permission), ceiling.asked).grants)
