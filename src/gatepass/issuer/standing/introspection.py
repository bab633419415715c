"""Introspection (RFC 7662): what a token amounts to, for whom it concerns.

The law: an agent that has authenticated may ask about tokens that were issued to it or by which it acts, and about
those that are for a system in whose name it asks. Of everything else it hears `{"active": false}` and nothing more, in
the same words whatever the reason. An answer is true at the instant at which it is made, and nothing may keep it.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from gatepass.access import AgentId, Instant, Json
from gatepass.credentials.access_tokens.notation import scope_of, write_authority
from gatepass.issuer.places import Places
from gatepass.issuer.standing.lookup import Standing

__all__ = ["INACTIVE", "introspect"]

INACTIVE: Final[Mapping[str, Json]] = {"active": False}
_SECOND: Final = 1000


def introspect(
    standing: Standing | None, asks: AgentId, places: Places, serves: Collection[str] = frozenset()
) -> Mapping[str, Json]:
    """The answer to `asks`, which answers for the upstreams that are named in `serves`."""
    if standing is None or not (asks in standing.holders or _for_one_of(standing, places, serves)):
        return INACTIVE
    held, said = standing.credential, standing.said
    scope = scope_of(held.authority)
    told: dict[str, Json] = {
        "active": True,
        "iss": places.issuer,
        "jti": held.id,
        "client_id": held.subject if said is None else said.client,
        "sub": held.subject if said is None else said.subject,
        "owner": held.owner,
        "iat": _seconds(held.issued),
        "exp": _seconds(held.expires),
        "authorization_details": write_authority(held.authority) if held.authority.grants else (),
        "token_type": "DPoP" if standing.bound is not None and not standing.bound.startswith("x5t#") else "Bearer",
    }
    if scope:
        told["scope"] = scope
    if standing.audiences:
        told["aud"] = standing.audiences[0] if len(standing.audiences) == 1 else standing.audiences
    if standing.bound is not None:
        kind, _, thumbprint = standing.bound.rpartition(":")
        told["cnf"] = {kind or "jkt": thumbprint}
    if held.run is not None:
        told["run_id"] = held.run
    if held.purpose is not None:
        told["purpose"] = held.purpose
    return told


def _for_one_of(standing: Standing, places: Places, serves: Collection[str]) -> bool:
    """Whether the token is for a system in whose name somebody asks."""
    return any((place := places.find(each)) is not None and place.upstream in serves for each in standing.audiences)


def _seconds(at: Instant) -> Json:
    """Whole seconds, as OAuth has them: an end is never told later than it is."""
    return Decimal(at // _SECOND)
