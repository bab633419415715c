"""Whether a rule that takes away concerns an attempt. Here a miss would be a permit, so everything is turned round.

A grant covers an attempt only if it covers all of it, and whatever cannot be compared is not covered. A question
concerns an attempt if it could be about any part of it: one id of a batch, some of what a listing would show. Its
caveats do not excuse anybody from being asked. And where a limit cannot be compared, because the property is missing,
of another type or not canonical text, then nobody can say that the rule does not apply: that is a fault, and a
fault denies (ADR 2). Only a value that was compared and lies outside lets an attempt pass unasked.
"""

from decimal import Decimal
from itertools import islice
from typing import Final

import msgspec

from gatepass.access import Access, Json
from gatepass.authority import Authority, Limit, Permission
from gatepass.authority.scopes.limits import Choice, Kind, Numbers, scalar
from gatepass.authority.scopes.notation import path_text
from gatepass.authority.scopes.patterns import is_clean, split_id
from gatepass.authority.scopes.permissions import Absent, Target, look_up

__all__ = ["Asked", "asks", "unreadable"]

_NAMED: Final = 3
"""Faults that are named; the first is enough to deny."""


class Asked(msgspec.Struct, frozen=True):
    """What `question` a person has to be asked, if any, and what kept others from being understood."""

    question: Permission | None = None
    faults: tuple[str, ...] = ()


_NOBODY: Final = Asked()


def asks(questions: Authority, access: Access) -> Asked:
    """Whether any of `questions` concerns the attempt. Total."""
    unread = unreadable(questions)
    concerning = questions.of_action(access.resource.type, access.action.name)
    if not concerning:
        return unread
    target = Target.of(access.resource)
    question: Permission | None = None
    faults = list(unread.faults)
    for grant in concerning:
        permission = grant.permission
        if not _reaches(permission, target):
            continue
        outside, unclear = _compare(permission, access)
        if outside:
            continue
        faults.extend(f"`{permission}` cannot be evaluated: {why}" for why in unclear)
        question = question or (None if unclear else permission)
    return Asked(question, tuple(islice(dict.fromkeys(faults), _NAMED)))


def unreadable(questions: Authority) -> Asked:
    """What is wrong with the questions themselves, whatever is attempted."""
    count = len(questions.unread)
    return Asked(faults=(f"{count} of the role's questions cannot be read",)) if count else _NOBODY


def _reaches(permission: Permission, target: Target | None) -> bool:
    """Whether the permission is about anything that the attempt touches. What is malformed may be anything."""
    if permission.pattern is None or target is None:
        return True
    if target.pattern is not None:
        return permission.pattern.meet(target.pattern) is not None
    return not target.ids or any(permission.pattern.covers_parts(parts) for parts in target.ids)


def _compare(permission: Permission, access: Access) -> tuple[bool, list[str]]:
    """Whether a value is certainly outside the limits, and else which of them could not be compared."""
    unclear: list[str] = []
    for limit in permission.limits:
        value = look_up(access.properties, limit.path)
        name = path_text(limit.path)
        if isinstance(value, Absent):
            unclear.append(f"`{name}` is missing")
        elif not _comparable(limit, value):
            unclear.append(f"`{name}` is of another type")
        elif not limit.domain.admits(value):
            return True, []
    return False, unclear


def _comparable(limit: Limit, value: Json) -> bool:
    """Whether `value` is of a type that the limit speaks of, in canonical form: so that outside means outside."""
    domain = limit.domain
    if isinstance(domain, Numbers):
        return isinstance(value, Decimal) and value.is_finite()
    if isinstance(domain, Choice):
        return _kind(value) in {each.kind for each in domain.values}
    if not isinstance(value, str) or not is_clean(value):
        return False
    return domain.pattern is None or split_id(value) is not None


def _kind(value: Json) -> Kind | None:
    """The type of a scalar; a text may be of any length: one too long is certainly none of those that are named."""
    if isinstance(value, str):
        return Kind.TEXT if is_clean(value) else None
    found = scalar(value)
    return None if found is None else found.kind
