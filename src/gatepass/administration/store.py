"""The store as administration sees it: one transaction is records and the journal entries that tell of them.

Administration is the only writer of these records in a deployment, so a store need not compare versions.
Its law is one sentence: after `commit` has returned, every put, every removal and every entry is on the
disk, in one transaction; when it raises, none of them is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gatepass.audit import Entry
from gatepass.credentials import IssuedRecord, TokenRecord, WithdrawnLink
from gatepass.keys import IssuerKey, SealedSecret
from gatepass.registry import Agent, AgentKey, Person, Role, Run, TrustRule, Upstream
from gatepass.revocation import ListRecord

__all__ = ["IssuerKey", "LiveRecord", "Record", "Records", "SealedSecret", "Store", "Trust"]


LiveRecord: TypeAlias = Person | Agent | Role | Upstream | Run | TokenRecord | IssuedRecord | SealedSecret | IssuerKey
"""What the live snapshot is told of."""
Trust: TypeAlias = TrustRule | AgentKey
"""Whom the issuer believes about agents."""
Record: TypeAlias = LiveRecord | Trust | WithdrawnLink | ListRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is kept, as read at the start."""

    people: tuple[Person, ...] = ()
    agents: tuple[Agent, ...] = ()
    roles: tuple[Role, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    secrets: tuple[SealedSecret, ...] = ()
    runs: tuple[Run, ...] = ()
    tokens: tuple[TokenRecord, ...] = ()
    issued: tuple[IssuedRecord, ...] = ()
    links: tuple[WithdrawnLink, ...] = ()
    signing: tuple[IssuerKey, ...] = ()
    lists: tuple[ListRecord, ...] = ()
    trust_rules: tuple[TrustRule, ...] = ()
    agent_keys: tuple[AgentKey, ...] = ()


class Store(Protocol):
    """Keeps the records. Every implementation passes `tests/contracts/store.py`."""

    async def load(self) -> Records:
        """Everything, in the order of creation. Raises `Unavailable` (`storage_unavailable`)."""
        ...

    async def commit(
        self, puts: Sequence[Record] = (), removals: Sequence[Record] = (), entries: Sequence[Entry] = ()
    ) -> None:
        """Put (add, or replace by id; a role by name), remove, and append to the journal: all or nothing, durable.

        The entries get their places in the chain in the order given, in the same transaction. Raises
        `Unavailable` (`storage_unavailable`, or `journal_unavailable` when it is the journal that failed),
        and then nothing has changed. A removal of what is not there is no error.
        """
        ...
