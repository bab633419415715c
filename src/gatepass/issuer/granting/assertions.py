"""Assertions at the token endpoint: from a request to the client that it is of.

The law: what an assertion bounds, the client carries, and the token service holds to it. Scopes of an identity
assertion are read in the catalogue of the moment; one that is not in it grants nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gatepass.access import Instant
from gatepass.authority import Authority, Permission, Scope, meet
from gatepass.errors import Malformed
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.requests import TokenRequest
from gatepass.issuer.workloads.grants import Allowed, Workloads
from gatepass.issuer.world import World

__all__ = ["ByAssertion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAssertion:
    """How the token service finds clients by assertions."""

    workloads: Workloads
    world: World
    clock: Callable[[], Instant]

    async def by_client_assertion(self, request: TokenRequest) -> Client | None:
        """See `issuer.Authenticate`."""
        if request.client_assertion is None:
            return None
        kind, text, named = request.client_assertion_type, request.client_assertion, request.client_id
        return self._client(await self.workloads.authenticated(kind, text, named))

    async def by_grant(self, request: TokenRequest, client: Client | None) -> Client:
        """The JWT bearer grant. See `issuer.Grant`."""
        if request.assertion is None:
            raise Malformed("malformed_request", "`assertion` is missing")
        named = None if client is None else client.agent
        found = self._client(await self.workloads.granted(request.assertion, request.client_id, named))
        return found if client is None else _together(client, found)

    def _client(self, allowed: Allowed) -> Client:
        known = None if allowed.scopes is None else tuple(self._known(allowed.scopes))
        return Client(
            agent=allowed.agent,
            how=allowed.how,
            evidence=allowed.evidence,
            trust=allowed.rule,
            uses=() if allowed.use is None else (allowed.use,),
            held=None if known is None else Authority.of(*dict.fromkeys(each for _, many in known for each in many)),
            ends=() if allowed.longest is None else (Instant(self.clock() + allowed.longest),),
            resources=allowed.resources,
            asks=() if known is None else tuple(text for text, _ in known),
            bound_to=allowed.key,
        )

    def _known(self, scopes: Iterable[str]) -> Iterable[tuple[str, tuple[Permission, ...]]]:
        for text in scopes:
            try:
                yield text, self.world.catalogue.expand(Scope.parse(text))
            except Malformed:
                continue


def _together(client: Client, found: Client) -> Client:
    """A client that authenticated by itself, and what the assertion beside it says: both bound it."""
    held = found.held if client.held is None else client.held if found.held is None else meet(client.held, found.held)
    return replace(
        found,
        how=f"{client.how} {found.how}",
        root=client.root,
        evidence={**client.evidence, **found.evidence},
        proof_key=client.proof_key,
        uses=(*client.uses, *found.uses),
        held=held,
        ends=(*client.ends, *found.ends),
    )
