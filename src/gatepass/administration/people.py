"""People: who operates the deployment, and who answers for agents and tokens.

The first one is made by the deployment itself, as an admin, and only while there is nobody. Disabling a person
revokes everything that they own, in the same transaction, and cannot be undone. The last admin cannot be
disabled: nobody could widen anything afterwards.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.access import PersonId
from gatepass.administration.changes import Desk, Fallen, checked_name
from gatepass.administration.operators import RANK, Act, Operator
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
    _leaving: set[PersonId] = field(default_factory=set)
    """Admins whose demotion is being recorded: nobody counts on them any more."""

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

    async def change(self, operator: Operator, ref: str, role: OperatorRole | None) -> Person:
        """Give a person another operator role, or none. It holds from their next request on; the last admin stays one.

        Taking power away is of class `delete`, giving it of class `admin`.
        """

        def act() -> Act:
            person = self.desk.register.people.get(PersonId(ref)) or self._named(ref)
            widens = person is None or RANK[role] > RANK[person.operator]
            return Act.PROMOTE_PERSON if widens else Act.DEMOTE_PERSON

        async with self.desk.turn(operator, act) as turn:
            person = self.desk.register.person(ref)
            if person.disabled is not None:
                raise Conflict("conflict", f"`{person.name}` is disabled", hint="Add another person.")
            if person.operator is OperatorRole.ADMIN and role is not OperatorRole.ADMIN:
                self._leaving.add(self._may_leave(person).id)
            try:
                changed = replace(person, operator=role)
                if changed != person:
                    told = {
                        "name": person.name,
                        "operator": role or "none",
                        "operator_before": person.operator or "none",
                    }
                    await turn.commit(turn.entry("person.changed", person.id, told), puts=(changed,))
                return changed
            finally:
                self._leaving.discard(person.id)

    async def disable(self, operator: Operator, ref: str) -> Person:
        """Disable a person and revoke all that is theirs. A second time changes nothing."""
        actor = await self.desk.permit(operator, Act.DISABLE_PERSON)
        id_ = self._may_leave(self.desk.register.person(ref)).id

        def fallen() -> Iterator[Fallen]:
            yield (Scope.PERSON, id_)
            yield from ((Scope.CREDENTIAL, token.id) for token in self.owned(id_))

        async with self.desk.in_force(fallen, actor.id, operator) as turn:
            person = self.desk.register.people[id_]
            if person.disabled is not None:
                return person
            disabled = replace(person, disabled=turn.at, fence=turn.at, password_hash=None)
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

    def _named(self, name: str) -> Person | None:
        return next((person for person in self.desk.register.people.values() if person.name == name), None)

    def _may_leave(self, leaving: Person) -> Person:
        """Raises `Conflict` where nobody would be an admin any more."""
        register = self.desk.register
        admins = {
            person.id
            for person in register.people.values()
            if person.operator is OperatorRole.ADMIN
            and person.disabled is None
            and (Scope.PERSON, person.id) not in register.withdrawn
            and person.id not in self._leaving
        }
        if admins == {leaving.id}:
            raise Conflict("conflict", f"`{leaving.name}` is the last admin", hint="Make somebody else an admin first.")
        return leaving
