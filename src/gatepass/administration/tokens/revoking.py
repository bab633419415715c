"""Revoking: a token, an agent's, a person's, everything; and the token that somebody found.

Whatever is named is refused from the moment of the call, before anything is written. What came to be while the
call waited for its turn falls with it: a token that a rotation put in its place, one that was being issued to
the agent. Revoking what is revoked already changes nothing and says so by an empty answer.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from gatepass.access import AgentId, CredentialId, Instant
from gatepass.administration.changes import Desk, Fallen, missing
from gatepass.administration.operators import Act, Operator
from gatepass.administration.people import People
from gatepass.administration.tokens.leaks import is_capability, shown_by
from gatepass.credentials import IssuedRecord, TokenKind, TokenRecord, UnverifiedToken, WithdrawnLink, line
from gatepass.errors import Malformed
from gatepass.registry import Agent, Person
from gatepass.revocation import Scope

__all__ = ["Revoking"]

Revoked = TokenRecord | IssuedRecord | WithdrawnLink

LONGEST_CAPABILITY: Final = 3_600_000
_LINK: Final = re.compile(r"lnk_[A-Za-z0-9_-]{22}", re.ASCII)
FINDER: Final = "finder"
"""The actor of a revocation by whoever showed the whole token."""
LEAKED: Final = "it was reported leaked"
LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Revoking:
    """What takes tokens away. Each returns the tokens that it revoked."""

    desk: Desk
    people: People

    async def token(self, operator: Operator, ref: str, because: str = "") -> tuple[Revoked, ...]:
        """Revoke one token, and those that it took over from; or an access token, or a link of a capability, by its id.

        A link need not have been seen: whoever holds the capability has made it offline.
        """

        def owns(person: Person) -> bool:
            register, id_ = self.desk.register, CredentialId(ref)
            known = register.tokens.get(id_) or register.issued.get(id_) or register.named(ref)
            return known is not None and known.owner == person.id

        actor = await self.desk.permit(operator, Act.REVOKE_TOKEN, owns)
        if _LINK.fullmatch(ref):
            return await self._revoke_link(CredentialId(ref), because or "its operator revoked it", actor.id, operator)
        if (issued := self.desk.register.issued.get(CredentialId(ref))) is not None:
            return await self._revoke_issued(issued.id, because or "its operator revoked it", actor.id, operator)
        found = self._line_of(self.desk.register.token(ref))
        return await self._revoke(found, because or "its operator revoked it", actor.id, operator)

    async def agent(self, operator: Operator, ref: str, because: str = "") -> tuple[TokenRecord, ...]:
        """Revoke every token of an agent. The agent stays, and may get new ones."""

        def owns(person: Person) -> bool:
            agents = self.desk.register.agents.values()
            return any(ref in {agent.id, agent.name} and agent.owner == person.id for agent in agents)

        actor = await self.desk.permit(operator, Act.REVOKE_AGENT, owns)
        id_ = self.desk.register.agent(ref).id

        def found() -> Iterable[TokenRecord]:
            return (token for token in self.desk.register.tokens.values() if token.agent == id_)

        why = because or "all tokens of its agent were revoked"
        return await self._revoke(found, why, actor.id, operator, behind=lambda: (self.desk.register.agents[id_],))

    async def person(self, operator: Operator, ref: str, because: str = "") -> tuple[TokenRecord, ...]:
        """Revoke everything that a person owns, sessions included. The person stays, and can sign in."""
        actor = await self.desk.permit(operator, Act.REVOKE_PERSON, lambda person: ref in {person.id, person.name})
        id_ = self.desk.register.person(ref).id
        why = because or "everything of its owner was revoked"

        def behind() -> Iterable[Person | Agent]:
            register = self.desk.register
            return (register.people[id_], *(agent for agent in register.agents.values() if agent.owner == id_))

        return await self._revoke(lambda: self.people.owned(id_), why, actor.id, operator, behind=behind)

    async def everything(self, operator: Operator, because: str = "") -> tuple[TokenRecord, ...]:
        """Revoke every token and session there is, but for the session that asks: somebody has to go on."""
        actor = await self.desk.permit(operator, Act.REVOKE_EVERYTHING)

        def found() -> Iterable[TokenRecord]:
            for token in self.desk.register.tokens.values():
                if token.kind is not TokenKind.SESSION or token.id != operator.credential:
                    yield token

        why = because or "everything was revoked"
        register = self.desk.register
        return await self._revoke(found, why, actor.id, operator, behind=lambda: tuple(register.agents.values()))

    async def leaked(self, text: str) -> None:
        """Revoke the token that `text` is the whole of. Says nothing of whether there was one.

        Needs nobody's leave: whoever can show the whole token could use it. Of a capability the last link is
        withdrawn. Raises `Malformed` (`malformed_token`) for what cannot be a token at all.
        """
        if is_capability(text):
            await self._leaked_capability(text)
            return
        presented = UnverifiedToken.parse(text)
        record = self.desk.register.tokens.get(presented.credential_id)
        if record is not None and presented.proves(record):
            await self._revoke(self._line_of(record), LEAKED, FINDER)

    async def own(self, agent: AgentId, id_: CredentialId, because: str) -> None:
        """Revoke a token of the agent whose credential was verified just now. Of another's nothing is said."""
        register = self.desk.register
        token, issued = register.tokens.get(id_), register.issued.get(id_)
        if token is not None and token.agent == agent:
            await self._revoke(self._line_of(token), because, agent)
        elif issued is not None and agent in {issued.agent, issued.client}:
            await self._revoke_issued(id_, because, agent)

    async def link(self, actor: AgentId, agent: AgentId, id_: CredentialId, expires: Instant, because: str) -> None:
        """Withdraw a link of a capability of `agent`'s, which was verified just now: it, and what hangs below it."""
        async with self.desk.in_force(lambda: [(Scope.CREDENTIAL, id_)], actor, ends=expires) as turn:
            if id_ in self.desk.register.links:
                return
            link = WithdrawnLink(id=id_, agent=agent, created=turn.at, expires=expires, because=because)
            entry = turn.entry("link.withdrawn", id_, {"because": because})
            await turn.commit(entry.amended(credential=id_, agent=agent), puts=(link,))

    async def _revoke_issued(
        self, id_: CredentialId, because: str, actor: str, operator: Operator | None = None
    ) -> tuple[IssuedRecord, ...]:
        async with self.desk.in_force(lambda: [(Scope.CREDENTIAL, id_)], actor, operator) as turn:
            issued = self.desk.register.issued.get(id_)
            if issued is None:  # its life ended meanwhile
                raise missing("token", id_)
            if issued.revoked is not None:
                return ()
            told = "".join(character if character.isprintable() else " " for character in because[:LONGEST_REASON])
            revoked = replace(issued, revoked=turn.at, revoked_because=told)
            entry = turn.entry("credential.revoked", id_, {"because": told}).amended(
                credential=id_,
                owner=issued.owner,
                agent=issued.agent,
                run=issued.run,
                purpose=issued.purpose,
            )
            await turn.commit(entry, puts=(revoked,))
            return (revoked,)

    async def _leaked_capability(self, text: str) -> None:
        register = self.desk.register
        keys = {id_: key.public for id_, key in register.signing.items() if key.withdrawn is None}
        try:
            shown = shown_by(text, keys, self.desk.clock())
        except Malformed:
            raise Malformed("malformed_token", "this is not a whole token") from None
        if shown is None:
            return
        id_, agent, expires, first = shown
        if not first:
            await self.link(AgentId(FINDER), agent, id_, expires, LEAKED)
        elif id_ in register.issued:
            await self._revoke_issued(id_, LEAKED, FINDER)

    async def _revoke_link(
        self, id_: CredentialId, because: str, actor: str, operator: Operator
    ) -> tuple[WithdrawnLink, ...]:
        """Withdraw a link that an operator names. Whose it is nobody has said; it would end within the hour."""
        async with self.desk.in_force(lambda: [(Scope.CREDENTIAL, id_)], actor, operator) as turn:
            if id_ in self.desk.register.links:
                return ()
            expires = Instant(turn.at + LONGEST_CAPABILITY)
            told = "".join(character if character.isprintable() else " " for character in because[:LONGEST_REASON])
            link = WithdrawnLink(id=id_, agent=AgentId(""), created=turn.at, expires=expires, because=told)
            entry = turn.entry("link.withdrawn", id_, {"because": told})
            await turn.commit(entry.amended(credential=id_), puts=(link,))
            return (link,)

    def _line_of(self, token: TokenRecord) -> Callable[[], Iterable[TokenRecord]]:
        """The token and what it took over from; and what takes over from it while this one waits for its turn."""
        register, before = self.desk.register, token.replaced_by

        def found() -> Iterable[TokenRecord]:
            now = register.tokens.get(token.id, token)
            if now.replaced_by is not None and now.replaced_by != before:
                now = register.tokens.get(now.replaced_by, now)
            return line(now, register.tokens.get)

        return found

    async def _revoke(
        self,
        found: Callable[[], Iterable[TokenRecord]],
        because: str,
        actor: str,
        operator: Operator | None = None,
        behind: Callable[[], Iterable[Person | Agent]] = tuple,
    ) -> tuple[TokenRecord, ...]:
        """`behind` are those whose access tokens fall as well: by one fence each, however many there are."""

        def fallen() -> Iterable[Fallen]:
            whose = {each.id for each in behind()}
            held = self.desk.register.issued.values()
            short = (
                each.id for each in held if not whose.isdisjoint((each.agent, each.client, each.owner, each.person))
            )
            return [
                *((Scope.CREDENTIAL, token.id) for token in found() if token.revoked is None),
                *((Scope.CREDENTIAL, id_) for id_ in short),
            ]

        async with self.desk.in_force(fallen, actor, operator) as turn:
            revoked = turn.revoke(found(), because)
            await turn.commit(revoked=revoked, puts=[replace(each, fence=turn.at) for each in behind()])
            return tuple(revoked)
