"""The agents' own public keys: what an agent signs with to say who it is, in place of a stored secret.

Only the public half ever comes here. Whoever may give an agent a token may give it a key; the agent's owner and every
operator may take one away. A key belongs to one agent, or its signature would not say whose it is.
"""

from dataclasses import dataclass
from typing import Final

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.administration.changes import Desk
from gatepass.administration.operators import Act, Operator
from gatepass.credentials import new_id
from gatepass.errors import Conflict, Malformed
from gatepass.keys.jose import PublicKey
from gatepass.registry import AgentKey, AgentKeyId, Person

__all__ = ["MOST_KEYS", "AgentKeys"]

MOST_KEYS: Final = 16
"""Of one agent: one that it uses, one that it goes over to, and a few machines."""


@dataclass(frozen=True, slots=True)
class AgentKeys:
    """What can be done with agents' keys."""

    desk: Desk

    async def list(self, operator: Operator, ref: str) -> list[AgentKey]:
        """The keys of one agent."""
        agent = self.desk.register.agent(ref)
        await self.desk.permit(operator, Act.READ_OWN)
        if agent.owner != operator.person:
            await self.desk.permit(operator, Act.READ)
        return [key for key in self.desk.register.agent_keys.values() if key.agent == agent.id]

    async def add(
        self, operator: Operator, ref: str, jwk: Json, label: str = "", expires: Instant | None = None
    ) -> AgentKey:
        """Let the agent authenticate with a key. Raises `Malformed` for no public key, `Conflict` for a taken one."""
        async with self.desk.turn(operator, Act.ADD_KEY) as turn:
            agent = self.desk.register.agent(ref)
            key = PublicKey.parse(jwk, algorithm=_algorithm(jwk))
            held = self.desk.register.agent_keys.values()
            if any(each.thumbprint == key.thumbprint for each in held):
                raise Conflict("conflict", "the key belongs to an agent already", hint="Make a new key for this agent.")
            if sum(each.agent == agent.id for each in held) >= MOST_KEYS:
                raise Conflict(
                    "conflict", f"the agent has {MOST_KEYS} keys already", hint="Remove one that is not used."
                )
            if expires is not None and expires <= turn.at:
                raise Malformed("malformed_request", "`expires_at` is past")
            made = AgentKey(
                id=AgentKeyId(new_id("key", turn.at, self.desk.entropy)),
                agent=agent.id,
                label=label,
                jwk=exact.write({**key.jwk, "alg": key.algorithm, **({"kid": key.id} if key.id else {})}).decode(),
                thumbprint=key.thumbprint,
                created=turn.at,
                expires=expires,
            )
            details = {"name": agent.name, "thumbprint": key.thumbprint, "algorithm": key.algorithm, "label": label}
            entry = turn.entry("agent.key_added", made.id, details).amended(agent=agent.id, role=agent.role)
            await turn.commit(entry, puts=(made,))
            return made

    async def remove(self, operator: Operator, ref: str) -> None:
        """Take a key away, by its id or thumbprint. What was signed with it counts no more from now on."""

        def owns(person: Person) -> bool:
            key = self.desk.register.agent_key(ref)
            return self.desk.register.agents[key.agent].owner == person.id

        key = self.desk.register.agent_key(ref)
        async with self.desk.turn(operator, Act.REMOVE_KEY, owns) as turn:
            key = self.desk.register.agent_key(ref)
            agent = self.desk.register.agents[key.agent]
            details = {"name": agent.name, "thumbprint": key.thumbprint, "label": key.label}
            entry = turn.entry("agent.key_removed", key.id, details).amended(agent=agent.id, role=agent.role)
            await turn.commit(entry, removals=(key,))


def _algorithm(jwk: Json) -> str | None:
    """RSA keys that do not say what they are for are for PS256."""
    return "PS256" if isinstance(jwk, dict) and jwk.get("kty") == "RSA" and "alg" not in jwk else None
