"""The operations on authorities.

The laws (each a property in `tests/laws`): what a narrowed authority permits, the one that it was narrowed from
permits. What a covered authority permits, the covering one permits, under meters and obligations that are no looser.
`covers` is reflexive and transitive. `meet` permits exactly what both permit. What is permitted may be permitted when
part of it is known. The empty authority, and a caveat that nobody knows, permit nothing. No input makes any of these
raise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from gatepass.access import Access, Json, PartialAccess, Reservation, Unknown, Veto
from gatepass.authority.caveats import APPROVAL, Caveat, Log, Within
from gatepass.authority.grants import Authority, Grant
from gatepass.authority.scopes.limits import domain_of
from gatepass.authority.scopes.notation import MAX_PATH, Limit, Path, collect
from gatepass.authority.scopes.patterns import Pattern, shown
from gatepass.authority.scopes.permissions import Permission, Target, is_free, is_open, malformed_resource
from gatepass.errors import Malformed

__all__ = ["Excess", "Verdict", "covers", "excess", "may_permit", "meet", "narrow", "permits"]

MAX_COMPARISONS: Final = 250_000
"""Pairs of grants that `covers` looks at before it gives up and says no."""
_NEAREST: Final = 3
_LOOKED_AT: Final = 16
"""Grants that are asked for the reason of a refusal."""


class Verdict(msgspec.Struct, frozen=True):
    """What an authority says to an attempt.

    Permitted: by `grant`, once `reservations` are drawn and as long as `obligations` are honoured. Refused: `vetoes`
    say what stood between the attempt and the grant that came nearest, and `missing_scope` is the narrowest scope
    that would have covered it, where it is scope that was missing.
    """

    permitted: bool
    grant: Grant | None = None
    reservations: tuple[Reservation, ...] = ()
    obligations: tuple[str, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    missing_scope: str | None = None


class Excess(NamedTuple):
    """A grant that goes too far, and the widest part of it that would have been allowed (which may be empty)."""

    grant: Grant
    allowed: Authority


def permits(authority: Authority, access: Access, target: Target | None = None) -> Verdict:
    """Decide: some grant's permissions cover the attempt, and none of its caveats vetoes it.

    Of several grants that permit, the one with the fewest reservations and obligations is taken, the first of those.
    `target` is `Target.of(access.resource)`, for whoever asks more than one authority.
    """
    target = target or Target.of(access.resource)
    if target is None:
        return Verdict(permitted=False, vetoes=(Veto("scope_missing", malformed_resource(access.resource)),))
    best: Verdict | None = None
    vetoed: tuple[Veto, ...] | None = None
    several = len(target.ids) > 1
    for grant in authority.reaching(access.resource.type, access.action.name, target):
        # The index has compared the type, the action, and the pattern or the first id.
        permission = grant.permission
        if several and not permission.covers_target(target):
            continue
        if permission.limits and not permission.allows(access.properties, access.free):
            continue
        if grant.conditions:
            vetoes = tuple(veto for caveat in grant.conditions if (veto := caveat.veto(access)) is not None)
            if vetoes:
                vetoed = vetoes if vetoed is None or _distance(vetoes) < _distance(vetoed) else vetoed
                continue
        if not grant.burdens:
            return Verdict(permitted=True, grant=grant)
        verdict = _permitted(grant, access)
        if best is None or _burden(verdict) < _burden(best):
            best = verdict
    if best is not None:
        return best
    return _refused(authority, access, target) if vetoed is None else Verdict(permitted=False, vetoes=vetoed)


def may_permit(authority: Authority, partial: PartialAccess) -> bool:
    """Whether some completion of `partial` could be permitted.

    What is unknown counts as maybe, meters and approvals as yes.
    """
    kind, action = partial.resource_type, partial.action.name
    if isinstance(partial.resource, Unknown):
        grants, target = authority.of_action(kind, action), None
    else:
        target = Target.of(partial.resource)
        if target is None or partial.resource.type != kind:
            return False
        grants = authority.reaching(kind, action, target)
    return any(
        _may_cover(grant.permissions, partial, target) and all(caveat.may_hold(partial) for caveat in grant.conditions)
        for grant in grants
    )


def narrow(
    authority: Authority, *, to: Iterable[Permission] | None = None, caveats: Iterable[Caveat] = ()
) -> Authority:
    """Drop to the part that lies within the permissions `to`, and put `caveats` on every grant."""
    part = authority if to is None else meet(authority, Authority.of(*to))
    more = tuple(caveats)
    if not more:
        return part
    return Authority(
        tuple(Grant(grant.permission, _weakest(grant.caveats + more)) for grant in part.grants), part.unread
    )


def covers(wide: Authority, narrow: Authority) -> bool:
    """Whether for each grant of `narrow` one grant of `wide` covers it. Always sound; unions are not combined.

    Meters and obligations count: a grant that lacks one is wider. Gives up, with no, after `MAX_COMPARISONS`.
    """
    return not narrow.unread and not _beyond(wide, narrow)


def excess(wide: Authority, narrow: Authority) -> tuple[Excess, ...]:
    """Give the grants of `narrow` that `wide` does not cover, each with the widest that it would have covered."""
    return tuple(Excess(grant, meet(wide, Authority((grant,)))) for grant in _beyond(wide, narrow))


def meet(one: Authority, other: Authority) -> Authority:
    """Give the authority that permits exactly what both permit, under the caveats of both.

    Compares every grant with every grant of the same type and action.
    """
    met = (
        _meet_grants(mine, its)
        for mine in one.grants
        for its in other.of_action(mine.permission.type, mine.permission.action)
    )
    return Authority(tuple(dict.fromkeys(grant for grant in met if grant is not None)))


def _permitted(grant: Grant, access: Access) -> Verdict:
    drawn: dict[str, Reservation] = {}
    for caveat in grant.burdens:
        if not isinstance(caveat, Log):
            # The same counter under two limits is drawn once, under the lower one.
            asked = caveat.reservation(access)
            drawn[asked.meter] = min(drawn.get(asked.meter, asked), asked, key=lambda each: each.limit)
    obligations = dict.fromkeys(caveat.obligation for caveat in grant.burdens if isinstance(caveat, Log))
    return Verdict(permitted=True, grant=grant, reservations=tuple(drawn.values()), obligations=tuple(obligations))


def _distance(vetoes: tuple[Veto, ...]) -> tuple[int, int]:
    """How far vetoes are from a permit. An approval can still be given, so it counts last."""
    return (sum(veto.code != APPROVAL for veto in vetoes), len(vetoes))


def _burden(verdict: Verdict) -> int:
    return len(verdict.reservations) + len(verdict.obligations)


def _refused(authority: Authority, access: Access, target: Target) -> Verdict:
    """Say what was nearest, when no grant's permission covers the attempt."""
    kind, action = access.resource.type, access.action.name
    near = authority.reaching(kind, action, target) or authority.of_action(kind, action)
    looked_at = [grant.permission for grant in islice(near, _LOOKED_AT)]
    reached = [permission for permission in looked_at if permission.covers_target(target)]
    faults = [permission.fault(access, target) for permission in islice(reached or looked_at, _NEAREST)]
    vetoes = [Veto("scope_missing", detail) for detail in dict.fromkeys(fault.detail for fault in faults if fault)]
    if not vetoes:
        vetoes.append(Veto("scope_missing", f"no grant of `{shown(kind)}:{shown(action)}`"))
    if authority.unread:
        vetoes.append(Veto("caveat_unreadable", f"{len(authority.unread)} grants cannot be read"))
    return Verdict(permitted=False, vetoes=tuple(vetoes), missing_scope=_missing_scope(access, by_limits=bool(reached)))


def _missing_scope(access: Access, *, by_limits: bool) -> str | None:
    """Give the narrowest scope that covers the attempt, where one exists.

    Values of properties are named only where limits have looked at them already.
    """
    resource = access.resource
    try:
        pattern = Pattern.over(resource.ids) if resource.pattern is None else Pattern.parse(resource.pattern)
        stated = tuple(_stated(access.properties, access.free)) if by_limits else ()
        if by_limits and not stated:
            return None
        return str(Permission(resource.type, access.action.name, pattern, collect(stated)))
    except Malformed:
        return None


def _stated(properties: Mapping[str, Json], free: frozenset[str], above: Path = ()) -> Iterator[Limit]:
    for name, value in properties.items():
        path = (*above, name)
        if is_free(path, free):
            continue
        if isinstance(value, Mapping) and len(path) < MAX_PATH:
            yield from _stated(value, free, path)
        else:
            yield Limit(path, domain_of("=", (value,)))


def _may_cover(permissions: Sequence[Permission], partial: PartialAccess, target: Target | None) -> bool:
    if target is not None and not all(permission.covers_target(target) for permission in permissions):
        return False
    if not all(permission.may_allow(partial) for permission in permissions):
        return False
    if len(permissions) == 1:
        return True
    limited = [permission for permission in permissions if permission.limits]
    joint = _joint_limits(permissions)
    return joint is not None and all(
        permission.domain(limit.path) is not None or is_free(limit.path, partial.free)
        for limit in joint
        if is_open(partial, limit.path[0])
        for permission in limited
    )


def _joint_limits(permissions: Sequence[Permission]) -> tuple[Limit, ...] | None:
    """Give what all the permissions demand together. None when nothing satisfies it."""
    pattern: Pattern | None = None
    for permission in permissions:
        if pattern is None or permission.pattern is None:
            pattern = pattern or permission.pattern
        elif (pattern := pattern.meet(permission.pattern)) is None:
            return None
    try:
        return collect(limit for permission in permissions for limit in permission.limits)
    except Malformed:
        return None


def _beyond(wide: Authority, narrow: Authority) -> list[Grant]:
    known = set(wide.grants)
    left = MAX_COMPARISONS
    beyond: list[Grant] = []
    for grant in narrow.grants:
        if grant in known:
            continue
        candidates = [each for permission in grant.permissions for each in wide.covering(permission)]
        if len(candidates) > left or not any(_covers_grant(each, grant) for each in candidates):
            beyond.append(grant)
        left -= min(left, len(candidates))
    return beyond


def _covers_grant(wide: Grant, narrow: Grant) -> bool:
    return all(any(mine.covers(its) for its in narrow.permissions) for mine in wide.permissions) and all(
        any(its.implies(mine) for its in narrow.conditions) for mine in wide.conditions if not isinstance(mine, Within)
    )


def _meet_grants(one: Grant, other: Grant) -> Grant | None:
    met = one.permission.meet(other.permission)
    if not met:
        return None
    conditions = _weakest((*one.conditions, *other.conditions, *map(Within, met[1:])))
    needed = tuple(c for c in conditions if not (isinstance(c, Within) and c.permission.covers(met[0])))
    grant = Grant(met[0], needed)
    return None if _joint_limits(grant.permissions) is None else grant


def _weakest(caveats: Iterable[Caveat]) -> tuple[Caveat, ...]:
    """Drop each caveat that another one implies."""
    kept: list[Caveat] = []
    for caveat in caveats:
        if not any(known.implies(caveat) for known in kept):
            kept = [known for known in kept if not caveat.implies(known)]
            kept.append(caveat)
    return tuple(kept)
