"""People: who operates the deployment, and who answers for agents and tokens.

The first one is made by the deployment itself, as an admin, and only while there is nobody. Disabling a person
revokes everything that they own, in the same transaction, and cannot be undone. The last admin cannot be
disabled: nobody could widen anything afterwards.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from gatepass.access import PersonId
from gatepass.administration.changes import Desk, Fallen, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.credentials import TokenRecord, new_id
from gatepass.errors import Conflict
from gatepass.registry import OperatorRole, Person
from gatepass.revocation import Scope

__all__ = ["People"]


_NO_NAME: Final = re.compile(r"[^a-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class People:
    """What can be done with people."""

    desk: Desk

    async def found(self, name: str) -> Person | None:
        """Make the first person, an admin. None, and nothing is done, when there is anybody already.

        `name` is what the system calls its user: letters that a name may not have become dashes.
        """
        async with self.desk.system_turn() as turn:
            if self.desk.register.people:
                return None
            person = Person(
                id=PersonId(new_id("per", turn.at, self.desk.entropy)),
                name=checked_name(_NO_NAME.sub("-", name.lower()).strip("-")[:32].strip("-") or "admin"),
                operator=OperatorRole.ADMIN,
                created=turn.at,
            )
            details = {"name": person.name, "operator": OperatorRole.ADMIN.value}
            await turn.commit(turn.entry("person.created", person.id, details), puts=(person,))
            return person

    async def create(self, operator: Operator, name: str, role: OperatorRole | None) -> Person:
        """Add a person. Raises `Conflict` for a name that is taken."""
        async with self.desk.turn(operator, Act.CREATE_PERSON) as turn:
            register = self.desk.register
            if any(person.name == checked_name(name) for person in register.people.values()):
                raise Conflict("conflict", f"there is a person `{name}` already")
            person = Person(
                id=PersonId(new_id("per", turn.at, self.desk.entropy)), name=name, operator=role, created=turn.at
            )
            details = {"name": name, "operator": role.value if role else "none"}
            await turn.commit(turn.entry("person.created", person.id, details), puts=(person,))
            return person

    async def disable(self, operator: Operator, ref: str) -> Person:
        """Disable a person and revoke all that is theirs. A second time changes nothing."""
        actor = await self.desk.permit(operator, Act.DISABLE_PERSON)
        id_ = self._may_leave(ref).id

        def fallen() -> Iterator[Fallen]:
            yield (Scope.PERSON, id_)
            yield from ((Scope.CREDENTIAL, token.id) for token in self.owned(id_))

        async with self.desk.in_force(fallen, actor.id, operator) as turn:
            person = self.desk.register.people[id_]
            if person.disabled is not None:
                return person
            disabled = replace(person, disabled=turn.at, password_hash=None)
            tokens = turn.revoke(self.owned(id_), "its owner was disabled")
            entry = turn.entry("person.disabled", id_, {"name": person.name, "tokens": str(len(tokens))})
            await turn.commit(entry, puts=(disabled,), revoked=tokens)
            return disabled

    def owned(self, person: PersonId) -> list[TokenRecord]:
        """The tokens, not revoked yet, that `person` owns: themselves, or through an agent of theirs."""
        agents = {agent.id for agent in self.desk.register.agents.values() if agent.owner == person}
        return [
            token
            for token in self.desk.register.tokens.values()
            if token.revoked is None and (token.owner == person or token.agent in agents)
        ]

    def _may_leave(self, ref: str) -> Person:
        register = self.desk.register
        leaving = register.person(ref)
        admins = {
            person.id
            for person in register.people.values()
            if person.operator is OperatorRole.ADMIN
            and person.disabled is None
            and (Scope.PERSON, person.id) not in register.withdrawn
        }
        if admins == {leaving.id}:
            raise Conflict("conflict", f"`{leaving.name}` is the last admin", hint="Make somebody else an admin first.")
        return leaving
