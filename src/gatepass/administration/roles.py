"""Roles: live ceilings over what agents may do, whatever their tokens say.

Narrowing a role takes effect on every token of its agents from the next call on. Whether a change narrows is
decided by the algebra and by the words: every permission of the new role has to be within one of the old, and a
class or a `*`, which follows the catalogue as it grows, has to have stood there before. Anything else widens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatepass.access import ActionClass, Instant
from gatepass.administration.changes import Catalogues, Desk, Turn, check_by_hand, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.audit import Entry
from gatepass.authority import Authority, covers
from gatepass.errors import Conflict, Malformed
from gatepass.registry import Role
from gatepass.units import instant_text

__all__ = ["Roles", "entry_of", "exception_fault", "issuing_fault", "narrows"]

LONGEST_EXCEPTION: Final = 90 * 86_400_000
"""Milliseconds. An exception that is still needed then is decided again, by somebody, with a reason."""
LONGEST_REASON: Final = 200
_SHORTEST: Final = 1_000
LONGEST_TOKEN: Final = 900_000
"""Milliseconds that an access token lives at most, whatever the role."""
_EXCEPTION_HINT: Final = "Say until when the role's credentials may act without a proof of possession, and why."


@dataclass(frozen=True, slots=True)
class Roles:
    """What can be done with roles."""

    desk: Desk

    async def put(
        self,
        operator: Operator,
        name: str,
        *,
        scopes: Sequence[str],
        asks_person: Sequence[str] = (),
        max_lifetime: int | None = None,
        default_scopes: Sequence[str] = (),
        longest_token: int | None = None,
        bearer_until: Instant | None = None,
        bearer_because: str | None = None,
    ) -> Role:
        """Make the role what is said here, whether or not it was there. Lives are in milliseconds.

        Raises `Malformed` for scopes that the catalogue does not know, naming the nearest, and for an exception from
        proof of possession that has no reason, no end, or one too far away.
        """
        wanted = Role(
            name=checked_name(name),
            scopes=tuple(scopes),
            asks_person=tuple(asks_person),
            max_lifetime=max_lifetime,
            default_scopes=tuple(default_scopes),
            longest_token=longest_token,
            bearer_until=bearer_until,
            bearer_because=bearer_because,
        )

        def act() -> Act:
            before = self.desk.register.roles.get(name)
            narrower = before is not None and narrows(before, wanted, self.desk.catalogues, self.desk.catalogues)
            return Act.NARROW_ROLE if narrower else Act.WIDEN_ROLE

        async with self.desk.turn(operator, act) as turn:
            before = self.desk.register.roles.get(name)
            self.desk.catalogues.expand(wanted.scopes)
            self.desk.catalogues.expand(wanted.asks_person)
            if not wanted.scopes:
                raise Malformed(
                    "malformed_request", "`scopes` is empty", hint="A role permits something; or delete it."
                )
            if fault := issuing_fault(wanted, self.desk.catalogues):
                raise Malformed("malformed_request", fault)
            if fault := exception_fault(wanted, before, turn.at):
                raise Malformed("malformed_request", fault, hint=_EXCEPTION_HINT)
            if before is not None:
                wanted = replace(wanted, managed=before.managed)
            role = replace(wanted, created=before.created if before else turn.at)
            if role != before:
                if act() is Act.WIDEN_ROLE:
                    check_by_hand(before)
                await turn.commit(entry_of(turn, role, before), puts=(role,))
            return role

    async def delete(self, operator: Operator, name: str) -> None:
        """Delete a role that no agent is in."""
        async with self.desk.turn(operator, Act.DELETE_ROLE) as turn:
            role = self.desk.register.role(name)
            agents = [agent.name for agent in self.desk.register.agents.values() if agent.role == name]
            if agents:
                raise Conflict(
                    "conflict",
                    f"the role `{name}` has {len(agents)} agents, among them `{agents[0]}`",
                    hint="Move its agents to another role first.",
                )
            await turn.commit(turn.entry("role.deleted", name).amended(role=name), removals=(role,))


def narrows(before: Role, wanted: Role, then: Catalogues, now: Catalogues) -> bool:
    """Whether `wanted`, read in the catalogue of `now`, permits nothing that `before` did not in that of `then`."""
    shorter = before.max_lifetime is None or (
        wanted.max_lifetime is not None and wanted.max_lifetime <= before.max_lifetime
    )
    unexcepted = wanted.bearer_until is None or (
        before.bearer_until is not None and wanted.bearer_until <= before.bearer_until
    )
    quicker = (wanted.longest_token or LONGEST_TOKEN) <= (before.longest_token or LONGEST_TOKEN)
    try:
        return (
            shorter
            and unexcepted
            and quicker
            and set(wanted.default_scopes) <= set(before.default_scopes)
            and covers(then.ceiling(before), now.ceiling(wanted))
            and all(_fixed(text, now) for text in set(wanted.scopes) - set(before.scopes))
            and set(wanted.asks_person) >= set(before.asks_person)
        )
    except Malformed:
        return False


def issuing_fault(wanted: Role, catalogues: Catalogues) -> str | None:
    """What is wrong with what a role says of access tokens. Raises `Malformed` for a scope that is none."""
    if wanted.longest_token is not None and not _SHORTEST <= wanted.longest_token <= LONGEST_TOKEN:
        return f"`longest_token` is not within {LONGEST_TOKEN // 60_000} minutes"
    permissions = catalogues.expand(wanted.default_scopes)
    for permission in permissions:
        action = catalogues.together.action(permission.type, permission.action)
        if action is None or action.kind is not ActionClass.READ:
            return f"`default_scopes`: `{permission}` does more than read"
    if not covers(catalogues.ceiling(wanted), Authority.of(*permissions)):
        return "`default_scopes` go beyond `scopes`"
    return None


def exception_fault(wanted: Role, before: Role | None, at: Instant, *, may_have_ended: bool = False) -> str | None:
    """What is wrong with the role's exception from proof of possession, if it has one that it did not have before.

    In a file it may have ended: the file is right, and it excepts nobody.
    """
    until, because = wanted.bearer_until, wanted.bearer_because
    if (until is None) != (because is None):
        return "`bearer_until` and `bearer_because` go together: an exception has an end and a reason"
    if (
        until is None
        or because is None
        or (before and (before.bearer_until, before.bearer_because) == (until, because))
    ):
        return None
    if not because.strip() or not because.isprintable() or len(because) > LONGEST_REASON:
        return f"`bearer_because` is not one line of 1 to {LONGEST_REASON} characters"
    if until > at + LONGEST_EXCEPTION or (until <= at and not may_have_ended):
        return f"`bearer_until` is not within the next {LONGEST_EXCEPTION // 86_400_000} days"
    return None


def _fixed(text: str, catalogues: Catalogues) -> bool:
    """Whether the scope means itself and nothing else, whatever the catalogue becomes."""
    return [str(permission) for permission in catalogues.expand((text,))] == [text]


def entry_of(turn: Turn, role: Role, before: Role | None) -> Entry:
    """What the journal says: the role as it is now, and what it was."""
    details = {
        "scopes": " ".join(role.scopes),
        "asks_person": " ".join(role.asks_person),
        "max_lifetime": "" if role.max_lifetime is None else str(role.max_lifetime),
        "default_scopes": " ".join(role.default_scopes),
        "longest_token": "" if role.longest_token is None else str(role.longest_token),
        "bearer_until": "" if role.bearer_until is None else instant_text(role.bearer_until),
        "bearer_because": role.bearer_because or "",
        "scopes_before": " ".join(before.scopes) if before else "",
        "asks_person_before": " ".join(before.asks_person) if before else "",
    }
    return turn.entry("role.changed" if before else "role.created", role.name, details).amended(role=role.name)
