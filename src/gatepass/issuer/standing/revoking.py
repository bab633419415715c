"""Revocation (RFC 7009): whom it concerns takes a token away, by showing the whole of it.

The law: an access token or an API token is taken away by the client that it was issued to or the agent that acts by it;
of a capability, whoever it was presented to takes away its last link, and what hangs below it, because all of it was
shown. For everything else nothing happens, and the answer is the same. What was taken away is refused everywhere
before the answer goes out, and after a restart.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from gatepass.access import AgentId, CredentialId, Instant
from gatepass.issuer.clients import Client
from gatepass.issuer.places import Places
from gatepass.issuer.standing.lookup import Known, find

__all__ = ["Takes", "Taking"]

BY_CLIENT = "its client revoked it"


class Takes(Protocol):
    """What takes tokens away, durably. Administration's part is one."""

    def own(self, agent: AgentId, id_: CredentialId, because: str) -> Coroutine[Any, Any, None]:
        """Revoke a token of the agent's, or nothing."""
        ...

    def link(
        self, actor: AgentId, agent: AgentId, id_: CredentialId, expires: Instant, because: str
    ) -> Coroutine[Any, Any, None]:
        """Withdraw a link of a capability of `agent`'s, and what hangs below it."""
        ...


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes away what clients ask to have taken away."""

    world: Known
    places: Places
    takes: Takes
    clock: Callable[[], Instant]

    async def revoke(self, client: Client, text: str) -> None:
        """Take a token away, if it stands and concerns the client. Says nothing of which it was."""
        standing = find(text, self.world, self.places, self.clock())
        if standing is None:
            return
        held = standing.credential
        if standing.chain:
            whose = AgentId(str(held.subject))
            await self.takes.link(client.agent, whose, held.id, held.expires, BY_CLIENT)
        elif client.agent in standing.holders:
            await self.takes.own(client.agent, held.id, BY_CLIENT)
