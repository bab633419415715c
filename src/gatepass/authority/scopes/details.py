"""Permissions as OAuth rich authorization details (RFC 9396).

The law: a detail says exactly what a scope says. One object holds a type, one or more actions, an identifier (a
pattern, written as in a scope) and limits, each a property's name with operators and exact JSON values: `{"amount":
{"<=": 50, ">=": 0}}`. An array as the value of `=` means any of them, of every other operator all of them. Members
that are not known are refused, as section 5 of the RFC demands.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from gatepass.access import Json
from gatepass.authority.scopes.limits import Bound, Choice, Domain, Numbers, domain_of
from gatepass.authority.scopes.notation import Limit, Path, collect, path_of, path_text
from gatepass.authority.scopes.patterns import Pattern, shown
from gatepass.authority.scopes.permissions import Permission, Scope
from gatepass.errors import Malformed

__all__ = ["MAX_ACTIONS", "from_details", "scopes_from_details", "to_details"]

MAX_ACTIONS: Final = 256
_MEMBERS: Final = frozenset({"type", "actions", "identifier", "limits"})


def to_details(permission: Permission | Scope) -> Mapping[str, Json]:
    """Write a permission as one object of `authorization_details`."""
    details: dict[str, Json] = {"type": permission.type, "actions": (permission.action,)}
    if permission.pattern is not None:
        details["identifier"] = str(permission.pattern)
    if permission.limits:
        details["limits"] = {path_text(limit.path): _operators(limit.domain) for limit in permission.limits}
    return details


def from_details(details: Json) -> tuple[Permission, ...]:
    """Read one object of `authorization_details`, whose actions are names: one permission each.

    Raises `Malformed` (`malformed_details`).
    """
    scopes = scopes_from_details(details)
    if any(scope.action == "*" for scope in scopes):
        raise _malformed("an action is named here, never `*`")
    return tuple(Permission(scope.type, scope.action, scope.pattern, scope.limits) for scope in scopes)


def scopes_from_details(details: Json) -> tuple[Scope, ...]:
    """Read one object of `authorization_details` as a request, whose actions may be classes or `*`.

    Raises `Malformed` (`malformed_details`).
    """
    if not isinstance(details, Mapping):
        raise _malformed("it is not an object")
    if unknown := sorted(set(details) - _MEMBERS):
        raise _malformed(f"the member `{shown(unknown[0])}` is not known")
    kind, actions = details.get("type"), details.get("actions")
    if not isinstance(kind, str):
        raise _malformed("`type` has to be a string")
    if not isinstance(actions, tuple) or not actions or len(actions) > MAX_ACTIONS:
        raise _malformed(f"`actions` has to be an array of 1 to {MAX_ACTIONS} names")
    names = [name for name in actions if isinstance(name, str)]
    if len(names) != len(actions) or len(set(names)) != len(names):
        raise _malformed("`actions` has to be an array of different names")
    try:
        pattern = _identifier(details["identifier"]) if "identifier" in details else None
        limits = _limits(details["limits"]) if "limits" in details else ()
        return tuple(Scope(kind, name, pattern, limits) for name in names)
    except Malformed as error:
        raise _malformed(error.message) from None


def _identifier(value: Json) -> Pattern:
    if not isinstance(value, str):
        raise Malformed("malformed_details", "`identifier` has to be a string")
    return Pattern.parse(value)


def _limits(value: Json) -> tuple[Limit, ...]:
    if not isinstance(value, Mapping) or not value:
        raise Malformed(
            "malformed_details", "`limits` has to be an object with members; leave it out where there are none"
        )
    stated: list[tuple[Path, Domain]] = []
    for name, operators in value.items():
        path = path_of(name)
        if not isinstance(operators, Mapping) or not operators:
            raise Malformed("malformed_details", f"the limits of `{shown(name)}` have to be an object of operators")
        for operator, values in operators.items():
            try:
                stated.append((path, domain_of(operator, values if isinstance(values, tuple) else (values,))))
            except Malformed as error:
                raise Malformed("malformed_details", f"the limits of `{shown(name)}`: {error.message}") from None
    return collect(stated)


def _operators(domain: Domain) -> Mapping[str, Json]:
    if isinstance(domain, Choice):
        values: list[Json] = [value.value for value in sorted(domain.values)]
        return {"=": _one_or_all(values)}
    shown: dict[str, Json] = {}
    if isinstance(domain, Numbers):
        if domain.but:
            shown["!="] = _one_or_all(list[Json](sorted(domain.but)))
        for operator, bound in (("<", domain.high), (">", domain.low)):
            _state_bound(shown, operator, bound)
        return shown
    if domain.but:
        shown["!="] = _one_or_all(list[Json](sorted(domain.but)))
    if domain.pattern is not None:
        shown["~"] = str(domain.pattern)
    return shown


def _state_bound(shown: dict[str, Json], operator: str, bound: Bound | None) -> None:
    if bound is not None:
        value: Decimal = bound.value
        shown[f"{operator}=" if bound.included else operator] = value


def _one_or_all(values: list[Json]) -> Json:
    return values[0] if len(values) == 1 else tuple(values)


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_details", f"the authorization detail is malformed: {why}")
