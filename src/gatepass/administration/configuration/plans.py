"""What a plan is: the changes that would make what there is what is wanted, each with the acts that it takes.

A plan's fingerprint is a hash over all of it. Whoever applies says which plan they saw; if the same files come to
another one by then, nothing is done.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gatepass.access import ActionClass
from gatepass.administration.configuration.files.present import Value
from gatepass.administration.configuration.files.reading import Fault
from gatepass.administration.operators import RULES, Act
from gatepass.administration.store import Record
from gatepass.credentials import TokenRecord
from gatepass.registry import Agent, Role, Upstream

__all__ = ["Change", "Kind", "Member", "Missing", "Plan", "Step"]


class Kind(StrEnum):
    """What is changed."""

    UPSTREAM = "upstream"
    ROLE = "role"
    AGENT = "agent"
    TOKEN = "token"  # noqa: S105  a kind of record


class Step(StrEnum):
    """What is done to it."""

    CREATE = "create"
    CHANGE = "change"
    ADOPT = "adopt"
    """It was managed by hand. Members may change as well."""
    REMOVE = "remove"
    RELEASE = "release"
    """It is managed by hand from now on."""


class Missing(StrEnum):
    """What becomes of what is managed by files and in none of them."""

    LEAVE = "leave"
    REMOVE = "remove"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a file: what it was and what it will be. None where it is not said."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record's change. `wanted` is the record as it will be; a new one still has no id of its own."""

    kind: Kind
    name: str
    step: Step
    members: tuple[Member, ...] = ()
    acts: tuple[Act, ...] = ()
    before: Agent | Role | Upstream | TokenRecord | None = field(default=None, repr=False)
    wanted: Record | None = field(default=None, repr=False)
    revoked: tuple[TokenRecord, ...] = field(default=(), repr=False)
    """The tokens that fall with it."""
    says: str = ""
    """What somebody should know who says yes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of it. With faults there are no changes."""

    changes: tuple[Change, ...] = ()
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def acts(self) -> tuple[Act, ...]:
        """What whoever applies it has to be allowed to do, all of it."""
        return tuple(sorted({act for change in self.changes for act in change.acts}))

    @property
    def widens(self) -> bool:
        """Whether it needs a person who has just signed in."""
        return any(RULES[act].kind is ActionClass.ADMIN for act in self.acts)

    @property
    def fingerprint(self) -> str:
        """The same for the same plan, and for no other."""
        told: Sequence[object] = [
            [
                *(change.kind, change.name, change.step, change.says),
                getattr(change.before, "id", ""),
                [[member.name, member.before, member.after] for member in change.members],
                sorted(token.id for token in change.revoked),
            ]
            for change in self.changes
        ]
        return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()
