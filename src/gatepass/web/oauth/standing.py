"""Introspection (RFC 7662) and revocation (RFC 7009), as endpoints.

The law: whoever asks has authenticated first, as at the token endpoint; `token_type_hint` may say what it likes,
because a text of ours says itself what it is. An answer about a token is never an error: what is unknown is inactive,
and taken away already.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeAlias

from gatepass import exact
from gatepass.access import AgentId, Instant
from gatepass.gateway.requests import Reply
from gatepass.issuer import Client, Places
from gatepass.issuer.standing import Known, Taking, find, introspect
from gatepass.web.oauth.answers import NO_STORE, body_reply
from gatepass.web.oauth.router import Endpoint, Posted

__all__ = ["Authenticates", "introspection_endpoint", "revocation_endpoint"]

Authenticates: TypeAlias = Callable[[Posted], Awaitable[Client]]
"""Who posted it. Raises `Unauthenticated` (`client_invalid`)."""
Serves: TypeAlias = Callable[[AgentId], Collection[str]]
"""The upstreams in whose name an agent asks."""

_DONE: Final[Mapping[str, str]] = {}


def introspection_endpoint(
    authenticates: Authenticates,
    world: Known,
    places: Places,
    clock: Callable[[], Instant],
    serves: Serves = lambda _: frozenset(),
) -> Endpoint:
    """`/oauth2/introspect`."""

    async def endpoint(posted: Posted) -> Reply:
        client = await authenticates(posted)
        text = posted.form.required("token")
        # From here to the answer nothing is waited for: what is said is so at one instant.
        standing = find(text, world, places, clock())
        told = introspect(standing, client.agent, places, serves(client.agent))
        return body_reply(200, exact.write(told), NO_STORE)

    return endpoint


def revocation_endpoint(authenticates: Authenticates, taking: Taking) -> Endpoint:
    """`/oauth2/revoke`."""

    async def endpoint(posted: Posted) -> Reply:
        client = await authenticates(posted)
        await taking.revoke(client, posted.form.required("token"))
        return body_reply(200, exact.write(_DONE), NO_STORE)

    return endpoint
