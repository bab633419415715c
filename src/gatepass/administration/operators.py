"""What an operator may do: one table, one check, asked again inside every change.

An act has the least operator role that it needs and a class. The classes are those of actions, read for
this surface as: `read` looks, `delete` takes away (revoke, narrow, disable), `write` replaces like with
like (rotate), `admin` widens, or destroys what only its owner could bring again. Class `admin` needs a
person who authenticated within 15 minutes, in a session: no stored token carries it, whoever's it is. A
machine's token does nothing here at all.

The check reads the person, the role and the credential as they are now, never as they were when the
request came in: whoever was disabled while waiting for their turn is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gatepass.access import ActionClass, CredentialId, Instant, PersonId
from gatepass.credentials import TokenKind, TokenRecord
from gatepass.errors import Denied, Unauthenticated
from gatepass.registry import OperatorRole, Person
from gatepass.units import duration_text

__all__ = ["FRESH", "RANK", "RULES", "STORABLE", "Act", "Operator", "Rule", "allowed", "check"]

FRESH: Final = 15 * 60_000
"""Milliseconds after signing in during which a session carries class `admin`."""

STORABLE: Final = frozenset(ActionClass) - {ActionClass.ADMIN}
"""The classes that a stored token can carry at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who is asking, as verified: the person, the credential that they presented from where, and on what condition."""

    person: PersonId
    credential: CredentialId
    source: str | None = None
    condition: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Raises if the world is not as the one who asks assumed. Asked inside the turn of the change that they make."""

    def require(self) -> None:
        """Raise what the condition raises, if there is one."""
        if self.condition is not None:
            self.condition()


class Act(StrEnum):
    """Everything that can be done to a deployment."""

    READ = "read"
    READ_OWN = "read.own"
    READ_JOURNAL = "journal.read"
    CREATE_PERSON = "person.create"
    INVITE_PERSON = "person.invite"
    PROMOTE_PERSON = "person.promote"
    DEMOTE_PERSON = "person.demote"
    DISABLE_PERSON = "person.disable"
    CREATE_AGENT = "agent.create"
    CHANGE_AGENT = "agent.change"
    DISABLE_AGENT = "agent.disable"
    ENABLE_AGENT = "agent.enable"
    NARROW_ROLE = "role.narrow"
    WIDEN_ROLE = "role.widen"
    DELETE_ROLE = "role.delete"
    CREATE_UPSTREAM = "upstream.create"
    CHANGE_UPSTREAM = "upstream.change"
    DISABLE_UPSTREAM = "upstream.disable"
    ENABLE_UPSTREAM = "upstream.enable"
    DELETE_UPSTREAM = "upstream.delete"
    STORE_SECRET = "secret.store"  # noqa: S105  the name of an act
    DELETE_SECRET = "secret.delete"  # noqa: S105  the name of an act
    REWRAP_SECRETS = "secret.rewrap"
    ROTATE_SIGNING_KEY = "signing_key.rotate"
    WITHDRAW_SIGNING_KEY = "signing_key.withdraw"
    CREATE_TOKEN = "token.create"  # noqa: S105  the name of an act
    CREATE_PERSON_TOKEN = "token.create_own"  # noqa: S105  the name of an act
    WIDEN_TOKEN = "token.widen"  # noqa: S105  the name of an act
    NARROW_TOKEN = "token.narrow"  # noqa: S105  the name of an act
    ROTATE_TOKEN = "token.rotate"  # noqa: S105  the name of an act
    REVOKE_TOKEN = "token.revoke"  # noqa: S105  the name of an act
    REVOKE_AGENT = "agent.revoke"
    REVOKE_PERSON = "person.revoke"
    REVOKE_EVERYTHING = "everything.revoke"
    OPEN_RUN = "run.open"
    END_RUN = "run.end"
    SET_TRUST = "trust.set"
    DELETE_TRUST = "trust.delete"
    ADD_KEY = "agent.key_add"
    REMOVE_KEY = "agent.key_remove"
    APPLY_CONFIGURATION = "configuration.apply"
    SET_PASSWORD = "password.set"  # noqa: S105  the name of an act
    END_SESSION = "session.end"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an act needs. `role` None: every person. `owner`: whoever owns the thing may too, whatever their role."""

    role: OperatorRole | None
    kind: ActionClass
    owner: bool = False


_READ, _WRITE, _TAKE, _WIDEN = ActionClass.READ, ActionClass.WRITE, ActionClass.DELETE, ActionClass.ADMIN
_AUDITOR, _OPERATOR, _ADMIN = OperatorRole.AUDITOR, OperatorRole.OPERATOR, OperatorRole.ADMIN

RULES: Final[Mapping[Act, Rule]] = {
    Act.READ: Rule(_AUDITOR, _READ),
    Act.READ_OWN: Rule(None, _READ),
    Act.READ_JOURNAL: Rule(_AUDITOR, _READ),
    Act.CREATE_PERSON: Rule(_ADMIN, _WIDEN),
    Act.INVITE_PERSON: Rule(_ADMIN, _WIDEN),
    Act.PROMOTE_PERSON: Rule(_ADMIN, _WIDEN),
    Act.DEMOTE_PERSON: Rule(_ADMIN, _TAKE),
    Act.DISABLE_PERSON: Rule(_ADMIN, _TAKE),
    Act.CREATE_AGENT: Rule(_OPERATOR, _WIDEN),
    Act.CHANGE_AGENT: Rule(_OPERATOR, _WIDEN),
    Act.DISABLE_AGENT: Rule(_OPERATOR, _TAKE, owner=True),
    Act.ENABLE_AGENT: Rule(_OPERATOR, _WIDEN),
    Act.NARROW_ROLE: Rule(_ADMIN, _TAKE),
    Act.WIDEN_ROLE: Rule(_ADMIN, _WIDEN),
    Act.DELETE_ROLE: Rule(_ADMIN, _TAKE),
    Act.CREATE_UPSTREAM: Rule(_ADMIN, _WIDEN),
    Act.CHANGE_UPSTREAM: Rule(_ADMIN, _WIDEN),
    Act.DISABLE_UPSTREAM: Rule(_OPERATOR, _TAKE),
    Act.ENABLE_UPSTREAM: Rule(_ADMIN, _WIDEN),
    Act.DELETE_UPSTREAM: Rule(_ADMIN, _WIDEN),
    Act.STORE_SECRET: Rule(_ADMIN, _WIDEN),
    Act.DELETE_SECRET: Rule(_ADMIN, _WIDEN),
    Act.REWRAP_SECRETS: Rule(_ADMIN, _WIDEN),
    Act.ROTATE_SIGNING_KEY: Rule(_ADMIN, _WRITE),
    Act.WITHDRAW_SIGNING_KEY: Rule(_OPERATOR, _TAKE),
    Act.CREATE_TOKEN: Rule(_OPERATOR, _WIDEN),
    Act.CREATE_PERSON_TOKEN: Rule(_AUDITOR, _WIDEN),
    Act.WIDEN_TOKEN: Rule(_OPERATOR, _WIDEN),
    Act.NARROW_TOKEN: Rule(_OPERATOR, _TAKE, owner=True),
    Act.ROTATE_TOKEN: Rule(_OPERATOR, _WRITE, owner=True),
    Act.REVOKE_TOKEN: Rule(_OPERATOR, _TAKE, owner=True),
    Act.REVOKE_AGENT: Rule(_OPERATOR, _TAKE, owner=True),
    Act.REVOKE_PERSON: Rule(_OPERATOR, _TAKE, owner=True),
    Act.REVOKE_EVERYTHING: Rule(_OPERATOR, _TAKE),
    Act.OPEN_RUN: Rule(_OPERATOR, _WRITE, owner=True),  # it gives nothing by itself
    Act.END_RUN: Rule(_OPERATOR, _TAKE, owner=True),
    Act.SET_TRUST: Rule(_ADMIN, _WIDEN),
    Act.DELETE_TRUST: Rule(_OPERATOR, _TAKE),
    Act.ADD_KEY: Rule(_OPERATOR, _WIDEN),
    Act.REMOVE_KEY: Rule(_OPERATOR, _TAKE, owner=True),
    Act.APPLY_CONFIGURATION: Rule(_OPERATOR, _TAKE),  # and each of its changes by its own row
    Act.SET_PASSWORD: Rule(None, _WIDEN),
    Act.END_SESSION: Rule(None, _TAKE),
}
"""The whole of it. A test holds that every act has its row and that each row is tried from below and above."""

RANK: Final[Mapping[OperatorRole | None, int]] = {None: 0, _AUDITOR: 1, _OPERATOR: 2, _ADMIN: 3}
"""Each role holds what those of a lower rank hold."""


def check(
    act: Act, person: Person, credential: TokenRecord, now: Instant, *, owner: bool = False, fresh: int = FRESH
) -> None:
    """Let `person`, asking with `credential`, do `act`, or raise why not.

    `owner` says that the thing is theirs; `fresh` (milliseconds) can only be shorter than the 15 minutes.
    Whether the credential is genuine and alive was decided before (`Desk.standing`); what is left to say is
    what it carries.
    """
    rule = RULES[act]
    if credential.kind is TokenKind.MACHINE:
        raise Unauthenticated("person_required", "a machine token is refused where a person is required")
    if credential.owner != person.id:
        raise Unauthenticated("credential_invalid", "the credential is not valid")
    if RANK[person.operator] < RANK[rule.role] and not (rule.owner and owner):
        role = "no role" if person.operator is None else f"the role `{person.operator}`"
        raise Denied("operator_forbidden", f"`{act}` needs the role `{rule.role}`, and `{person.name}` has {role}")
    if rule.kind is _WIDEN:
        _require_fresh(act, credential, now, min(fresh, FRESH))
    elif rule.kind not in credential.limits.classes:
        raise Denied("operator_forbidden", f"`{act}` is of class `{rule.kind}`, which this token does not carry")


def allowed(person: Person, credential: TokenRecord) -> tuple[Act, ...]:
    """Every act that `person` may do with `credential` to whatever it is about, by role and class.

    Those of class `admin` are among them for a session, fresh or not: who signs in again may do them. What only
    an owner may do is not: it depends on the thing.
    """

    def carries(kind: ActionClass) -> bool:
        return credential.kind is TokenKind.SESSION if kind is _WIDEN else kind in credential.limits.classes

    return tuple(act for act, rule in RULES.items() if RANK[person.operator] >= RANK[rule.role] and carries(rule.kind))


def _require_fresh(act: Act, credential: TokenRecord, now: Instant, fresh: int) -> None:
    if credential.kind is not TokenKind.SESSION or credential.authenticated is None:
        raise Unauthenticated(
            "reauthentication_required", f"`{act}` needs a person who has just signed in; no stored token carries it"
        )
    if not 0 <= now - credential.authenticated <= fresh:
        raise Unauthenticated(
            "reauthentication_required", f"`{act}` needs a person who signed in within {duration_text(fresh)}"
        )
