"""What the narrowest credential is that does what was asked for, and why: one function answers every issuance.

    1 tool      one tool is asked for, or several on purpose; nothing that is not said is added
    2 meaning   classes and shorthands become actions by name, in the catalogue's words; class `admin` is never issued
    3 place     everything is of the one place that the credential is for
    4 bounds    what the subject may do covers it, and so does each role behind it, as it is now
    5 proof     beyond reading, the holder proves a key, unless the role has an exception
    6 life      cut to the shortest of what was asked for, the role, the parent, the run

The laws: what is granted, the subject, every role and the request cover. Narrowing any of them never makes a grant
wider. A refusal says the widest that would be granted of what was asked for. Where no scope was asked for, the role's
own list is meant, and of that only what reads. Pure: a decision can be replayed from its arguments.

What is left to others: who is asking, and that the subject's credential is genuine and alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gatepass.access import ActionClass, Instant
from gatepass.authority import Authority, Catalogue, Caveat, Grant, Permission, Scope, meet
from gatepass.errors import Denied, Malformed, Unauthenticated
from gatepass.policy.roles import RolePolicy

__all__ = ["LONGEST", "MOST_GRANTS", "Bounds", "Granted", "Wanted", "Wish", "narrowest"]

LONGEST: Final = 900_000
"""Milliseconds that an access token lives at most."""
USUAL: Final = 300_000
"""Milliseconds that one lives for which no life was asked."""
SHORTEST: Final = 1_000
MOST_WISHES: Final = 32
MOST_GRANTS: Final = 64
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """One scope as it was written, and whether it came as an authorization detail."""

    scope: Scope
    detail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for."""

    wishes: tuple[Wish, ...] = ()
    whole: bool = False
    """Whether, where no scope is named, all that the subject has is meant: an exchange that only hands on."""
    composed: bool = False
    """Whether several tools in one credential are meant."""
    caveats: tuple[Caveat, ...] = ()
    """Conditions that the request puts on all of it."""
    lifetime: int | None = None
    proven: bool = False
    """Whether the holder has proven a key, to which the credential will be bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What bounds it."""

    held: Authority | None
    """The authority of the subject's credential; None where its role is all that it has."""
    roles: tuple[RolePolicy, ...]
    """Those of everybody behind it, as they are now; that of who will act comes first."""
    types: frozenset[str]
    """The types of what is at the place that the credential is for."""
    defaults: tuple[Scope, ...] = ()
    longest: int = LONGEST
    ends: tuple[Instant, ...] = ()
    """Instants that it may not outlive: its parent's end, its run's."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The narrowest credential that does it."""

    authority: Authority
    expires: Instant
    because: tuple[str, ...]


def narrowest(wanted: Wanted, bounds: Bounds, catalogue: Catalogue, *, at: Instant) -> Granted:
    """Decide an issuance. Raises `Denied` or `Malformed`, saying what would be granted."""
    if not bounds.roles:
        raise Denied("role_forbids", "the agent has no role, and nothing is issued without one")
    if wanted.wishes:
        _check_tools(wanted, catalogue)  # (1)
        asked = _meant(wanted, catalogue)  # (2)
        _check_place(asked, bounds)  # (3)
        grants, why = _covered(asked, bounds), "as asked for"  # (4)
    elif wanted.whole and bounds.held is not None:
        grants, why = _left_of(bounds.held, bounds), "what the subject has"
    else:
        grants, why = _defaults(bounds, catalogue), "what the role grants to whoever names no scope"
    if len(grants) > MOST_GRANTS:
        raise Malformed("too_large", f"a credential has at most {MOST_GRANTS} grants, and these are {len(grants)}")
    proof = _check_proof(grants, wanted, bounds.roles[0], catalogue, at)  # (5)
    expires, life = _life(wanted, bounds, at)  # (6)
    caveated = (Grant(grant.permission, _also(grant.caveats, wanted.caveats)) for grant in grants)
    return Granted(Authority(tuple(caveated)), expires, (why, *_because(bounds), *proof, life))


# -- the steps


def _check_tools(wanted: Wanted, catalogue: Catalogue) -> None:
    """(1) Two tools are two credentials, or said to be one."""
    if len(wanted.wishes) > MOST_WISHES:
        raise Malformed("too_large", f"at most {MOST_WISHES} scopes are asked for at once")
    if wanted.composed:
        return
    tools: dict[str, None] = {}
    for wish in wanted.wishes:
        permissions = catalogue.expand(wish.scope)
        if all(_class_of(each, catalogue) is ActionClass.READ for each in permissions):
            tools[f"{wish.scope.type}:{wish.scope.action}"] = None  # a class of reading is one wish, however many
        else:
            tools |= dict.fromkeys(f"{each.type}:{each.action}" for each in permissions)
    if len(tools) > 1:
        named = ", ".join(f"`{tool}`" for tool in islice(tools, _SHOWN))
        raise Denied("composition_needed", f"{len(tools)} tools are asked for at once: {named}")


def _meant(wanted: Wanted, catalogue: Catalogue) -> dict[Permission, bool]:
    """(2) Permissions on named actions, and whether each came as a detail."""
    meant: dict[Permission, bool] = {}
    for wish in wanted.wishes:
        for permission in catalogue.expand(wish.scope):
            if _class_of(permission, catalogue) is ActionClass.ADMIN:
                raise Denied("admin_not_storable", f"`{permission}` is of class `admin`, which no credential carries")
            meant.setdefault(permission, wish.detail)
    return meant


def _check_place(asked: dict[Permission, bool], bounds: Bounds) -> None:
    """(3) What a place does not have, a credential for it does not name."""
    for permission in asked:
        if permission.type not in bounds.types:
            raise Denied("target_refused", f"`{permission}` is nothing of the resource that the token is to be for")


def _covered(asked: dict[Permission, bool], bounds: Bounds) -> tuple[Grant, ...]:
    """(4) Each permission, under the conditions of what covers it; or a refusal that says the widest."""
    grants: dict[Grant, None] = {}
    for permission, detail in asked.items():
        covering = _within(Grant(permission), bounds)
        if not covering:
            raise _beyond(permission, tuple(asked), bounds, detail=detail)
        grants |= dict.fromkeys(covering)
    return tuple(grants)


def _within(grant: Grant, bounds: Bounds) -> tuple[Grant, ...]:
    """The whole of `grant`, as everything that bounds it allows it: one for each way that it does."""
    left: tuple[Grant, ...] = (grant,)
    for ceiling in _ceilings(bounds):
        covering = [
            candidate
            for candidate in ceiling.covering(grant.permission)
            if all(each.covers(grant.permission) for each in candidate.permissions)
        ]
        met = (each for one in left for wide in covering for each in meet(Authority((one,)), Authority((wide,))).grants)
        left = tuple(dict.fromkeys(met))
    plain = tuple(each for each in left if not each.caveats)
    return plain or left


def _left_of(held: Authority, bounds: Bounds) -> tuple[Grant, ...]:
    """All that the subject has, as far as it is here and the roles still have it."""
    met = Authority(tuple(grant for grant in held.grants if grant.permission.type in bounds.types))
    for role in bounds.roles:
        met = meet(met, role.authority)
    if not met.grants:
        raise Denied("scope_refused", "nothing is left of what the subject has, at this resource and under the role")
    return met.grants


def _defaults(bounds: Bounds, catalogue: Catalogue) -> tuple[Grant, ...]:
    """What the role grants to whoever names no scope: of that what reads, what is here, and what the subject may."""
    known = [each for scope in bounds.defaults for each in _known(scope, catalogue)]
    here = [each for each in known if each.type in bounds.types and _class_of(each, catalogue) is ActionClass.READ]
    met = Authority.of(*dict.fromkeys(here))
    for ceiling in _ceilings(bounds):
        met = meet(met, ceiling)
    if not met.grants:
        raise Denied("scope_refused", "no scope was asked for, and the role grants none by default at this resource")
    return met.grants


def _check_proof(
    grants: Sequence[Grant], wanted: Wanted, role: RolePolicy, catalogue: Catalogue, at: Instant
) -> tuple[str, ...]:
    """(5) Whoever holds a key shows it."""
    if wanted.proven:
        return ("bound to the key that was proven",)
    beyond = next((each for each in grants if _class_of(each.permission, catalogue) is not ActionClass.READ), None)
    if beyond is None:
        return ()
    if role.bearers is None or at >= role.bearers.until:
        raise Unauthenticated("proof_missing", f"`{beyond.permission}` goes beyond reading, and no key was proven")
    return (f"role `{role.name}` lets bearers act {role.bearers.text}",)


def _life(wanted: Wanted, bounds: Bounds, at: Instant) -> tuple[Instant, str]:
    """(6) As short as anybody says."""
    if wanted.lifetime is not None and wanted.lifetime < SHORTEST:
        raise Malformed("malformed_request", "a token lives for a second at least")
    lifetime = min(USUAL if wanted.lifetime is None else wanted.lifetime, bounds.longest, LONGEST)
    expires = min((at + lifetime, *bounds.ends)) // 1000 * 1000
    if expires - at < SHORTEST:
        raise Denied("grant_invalid", "what the token would descend from, or its run, is about to end")
    return Instant(expires), f"for {(expires - at) // 1000} seconds"


# -- what they are made of


def _ceilings(bounds: Bounds) -> tuple[Authority, ...]:
    roles = tuple(role.authority for role in bounds.roles)
    return roles if bounds.held is None else (bounds.held, *roles)


def _because(bounds: Bounds) -> tuple[str, ...]:
    held = () if bounds.held is None else ("within the subject's credential",)
    return (*held, *(f"within the role `{role.name}`" for role in bounds.roles))


def _beyond(permission: Permission, asked: tuple[Permission, ...], bounds: Bounds, *, detail: bool) -> Denied:
    """What goes too far, and the widest of all that was asked for."""
    kinds = dict.fromkeys((each.type, each.action) for each in asked)
    near = (each for ceiling in _ceilings(bounds) for kind in kinds for each in ceiling.of_action(*kind))
    parts = (*_parts(asked, bounds), *(each.permission for each in near))
    texts = tuple(dict.fromkeys(str(each) for each in parts if _within(Grant(each), bounds)))
    shown = ", ".join(f"`{text}`" for text in texts[:_SHOWN])
    what = f"the widest that is allowed is {shown}" if shown else "nothing of it is allowed"
    who = "the subject's credential" if _exceeds_held(permission, bounds) else f"the role `{bounds.roles[0].name}`"
    return Denied(
        "details_refused" if detail else "scope_refused",
        f"`{permission}` goes beyond {who}: {what}",
        hint=f"Ask for {shown} instead." if shown else None,
        details={"granted": " ".join(texts[:_SHOWN])} if texts else {},
    )


def _parts(asked: tuple[Permission, ...], bounds: Bounds) -> tuple[Permission, ...]:
    """What everything that bounds it leaves of what was asked for."""
    left = Authority.of(*asked)
    for ceiling in _ceilings(bounds):
        left = meet(left, ceiling)
    return tuple(grant.permission for grant in left.grants if len(grant.permissions) == 1)


def _exceeds_held(permission: Permission, bounds: Bounds) -> bool:
    if bounds.held is None:
        return False
    return not any(
        all(each.covers(permission) for each in wide.permissions) for wide in bounds.held.covering(permission)
    )


def _also(caveats: tuple[Caveat, ...], more: tuple[Caveat, ...]) -> tuple[Caveat, ...]:
    return tuple(dict.fromkeys((*caveats, *more)))


def _known(scope: Scope, catalogue: Catalogue) -> tuple[Permission, ...]:
    """What a scope of the role's list means; one that the catalogue does not know any more means nothing."""
    try:
        return catalogue.expand(scope)
    except Malformed:
        return ()


def _class_of(permission: Permission, catalogue: Catalogue) -> ActionClass:
    action = catalogue.action(permission.type, permission.action)
    return ActionClass.ADMIN if action is None else action.kind
