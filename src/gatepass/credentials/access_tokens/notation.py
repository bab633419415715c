"""One authority as `authorization_details` and as `scope`.

The law: `authorization_details` says all of it: one object a grant, in order, each a permission as `to_details` writes
it, with a member `caveats` where the grant has any. `scope` says again, for readers who know nothing else, what holds
without any condition: the permissions of the grants that have no caveats, and no others. A reader who looks at `scope`
alone therefore sees less than the token carries and never more. What is said twice agrees, or the token is refused.
"""

from collections.abc import Mapping
from typing import Final

from gatepass.access import Json
from gatepass.authority import Authority, Grant, from_details, read_caveat, to_details, write_caveat
from gatepass.errors import Malformed

__all__ = ["MOST_GRANTS", "read_authority", "scope_of", "write_authority"]

MOST_GRANTS: Final = 64
_MOST_CAVEATS: Final = 64


def write_authority(authority: Authority) -> tuple[Json, ...]:
    """`authorization_details` of an authority. Raises `Malformed` (`malformed_details`)."""
    if authority.unread or not 1 <= len(authority.grants) <= MOST_GRANTS:
        raise Malformed("malformed_details", f"a token carries 1 to {MOST_GRANTS} grants, all of which can be read")
    return tuple(map(_write, authority.grants))


def scope_of(authority: Authority) -> str:
    """What stands in `scope`; empty where nothing holds without a condition."""
    return " ".join(dict.fromkeys(grant.text for grant in authority.grants if not grant.caveats))


def read_authority(details: Json) -> Authority:
    """Read `authorization_details` that we wrote. Raises `Malformed` (`malformed_details`).

    A caveat that cannot be read vetoes, as everywhere. A permission that cannot be read is refused with all the rest.
    """
    if not isinstance(details, tuple) or not 1 <= len(details) <= MOST_GRANTS:
        raise Malformed("malformed_details", f"`authorization_details` is not a list of 1 to {MOST_GRANTS} objects")
    return Authority(tuple(map(_read, details)))


def _write(grant: Grant) -> Json:
    written = dict(to_details(grant.permission))
    if grant.caveats:
        written["caveats"] = tuple(map(write_caveat, grant.caveats))
    return written


def _read(detail: Json) -> Grant:
    if not isinstance(detail, Mapping):
        raise Malformed("malformed_details", "an authorization detail is not an object")
    caveats = detail.get("caveats", ())
    if not isinstance(caveats, tuple) or len(caveats) > _MOST_CAVEATS or ("caveats" in detail and not caveats):
        raise Malformed("malformed_details", f"`caveats` is not a list of 1 to {_MOST_CAVEATS}")
    permissions = from_details({name: value for name, value in detail.items() if name != "caveats"})
    if len(permissions) > 1:
        raise Malformed("malformed_details", "an authorization detail of a token names one action")
    return Grant(permissions[0], tuple(map(read_caveat, caveats)))
