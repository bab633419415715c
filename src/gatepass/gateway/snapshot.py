"""What a gateway decides with, in memory: agents, roles, upstreams, tokens, withdrawals, the issuer's public keys.

Issuing adds to it and invalidates nothing; a change of role, agent or upstream replaces that one record
and recompiles what depends on it. It never goes to a store: whoever changes the store tells it, and a
withdrawal reaches it before the person who asked for it gets an answer.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId, SecretId
from gatepass.authority import Authority, Catalogue, Permission, Scope
from gatepass.credentials import IssuedRecord, TokenLimits, TokenRecord
from gatepass.errors import Malformed
from gatepass.gateway.operations import Operations, read_operations
from gatepass.gateway.verifying.holdings import Holding, limits_of, of_issued, of_token
from gatepass.keys import IssuerKey
from gatepass.keys.jose import KeySet
from gatepass.policy import Bearers, RolePolicy
from gatepass.registry import Agent, Person, Role, Run, Upstream
from gatepass.revocation import Live, Withdrawn
from gatepass.revocation import Scope as Fallen
from gatepass.vault import SealedSecret

__all__ = ["Record", "Served", "Snapshot"]

Record = Agent | Person | Role | Upstream | Run | TokenRecord | IssuedRecord | SealedSecret | IssuerKey

MOST_WAITING: Final = 256
"""Callers that may wait at once for a token id that nobody has heard of yet."""
MOST_CHAINS: Final = 10_000
"""Capabilities that are remembered at once: each is a link that somebody made offline."""


@dataclass(frozen=True, slots=True)
class Served:
    """A compiled upstream."""

    upstream: Upstream
    operations: Operations

    @property
    def catalogue(self) -> Catalogue:
        """The types and actions that its operations file declares."""
        return self.operations.catalogue


@dataclass(slots=True)
class Snapshot:
    """The live state of one gateway process. Synchronous: no reader ever sees half a change."""

    live: Live
    people: dict[PersonId, Person] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    roles: dict[str, RolePolicy] = field(default_factory=dict)
    upstreams: dict[str, Served] = field(default_factory=dict)
    """By name."""
    tokens: dict[CredentialId, TokenRecord] = field(default_factory=dict)
    holdings: dict[CredentialId, Holding] = field(default_factory=dict)
    """What each credential amounts to."""
    issued: dict[CredentialId, IssuedRecord] = field(default_factory=dict)
    """The access tokens that are alive."""
    chains: dict[CredentialId, Holding] = field(default_factory=dict)
    """The capabilities that were presented and have not ended, by the id of their last link; a bounded number."""
    defaults: TokenLimits | None = None
    """The limits of what descends from no token, where its agent says nothing else."""
    secrets: dict[SecretId, SealedSecret] = field(default_factory=dict)
    runs: dict[RunId, Run] = field(default_factory=dict)
    signing: dict[str, IssuerKey] = field(default_factory=dict)
    """The issuer's keys that verify now, by id."""
    issuer_keys: KeySet = field(default_factory=lambda: KeySet(()))
    """Their public halves: whoever verifies a token of ours does it with these."""
    catalogue: Catalogue = field(default_factory=Catalogue)
    """The catalogues of all upstreams together."""
    faults: dict[str, str] = field(default_factory=dict)
    """What could not be compiled, and why: it grants nothing until it is mended."""
    role_records: dict[str, Role] = field(default_factory=dict)
    _drawn: dict[CredentialId, tuple[IssuedRecord, TokenRecord | Agent, Holding]] = field(default_factory=dict)
    """What access tokens amounted to when they were last asked about, and what that was made of."""
    _waiting: dict[CredentialId, list[asyncio.Future[None]]] = field(default_factory=dict)

    def put(self, record: Record) -> None:
        """Add or replace one record, and whatever is compiled from it."""
        match record:
            case Agent():
                self.agents[record.id] = record
            case Person():
                self.people[record.id] = record
            case Role():
                self.role_records[record.name] = record
                self._compile_role(record)
            case Upstream():
                self._put_upstream(record)
            case Run():
                self.runs[record.id] = record
            case TokenRecord():
                self._put_token(record)
            case IssuedRecord():
                self.issued[record.id] = record
                self.live.add(record.credential, record.key)
                self._heard(record.id)
            case IssuerKey():
                self.signing[record.id] = record
                self._publish()
            case SealedSecret():
                self.secrets[record.id] = record

    def remove(self, record: Record) -> None:
        """Forget one record. A token is never forgotten here: it is withdrawn."""
        match record:
            case Role():
                self.role_records.pop(record.name, None)
                self.roles.pop(record.name, None)
            case Upstream():
                self.upstreams.pop(record.name, None)
                self._recompile()
            case SealedSecret():
                self.secrets.pop(record.id, None)
            case Agent():
                self.agents.pop(record.id, None)
            case Person():
                self.people.pop(record.id, None)
            case Run():
                self.runs.pop(record.id, None)
            case IssuerKey():
                self.signing.pop(record.id, None)
                self._publish()
            case TokenRecord() | IssuedRecord():
                raise ValueError("a token is withdrawn, never forgotten")

    def withdraw(self, withdrawn: Withdrawn) -> None:
        """Let everything fall that a withdrawal concerns. When this returns, no decision permits it."""
        if withdrawn.scope is Fallen.KEY:
            self.signing.pop(withdrawn.id, None)
            self._publish()
        self.live.withdraw(withdrawn)

    def expire(self, now: Instant) -> int:
        """Drop tokens and runs whose life is over: their refusal needs no record. Returns how many tokens went."""
        for run in [run for run in self.runs.values() if run.closes <= now]:
            del self.runs[run.id]
        over = [id_ for id_, record in self.tokens.items() if record.expires <= now]
        for id_ in over:
            del self.tokens[id_]
            del self.holdings[id_]
            self.live.drop(id_)
        ended = [id_ for id_, issued in self.issued.items() if issued.expires <= now]
        for id_ in ended:
            del self.issued[id_]
            self._drawn.pop(id_, None)
            self.live.drop(id_)
        for id_ in [id_ for id_, chain in self.chains.items() if chain.credential.expires <= now]:
            del self.chains[id_]
            self.live.drop(id_)
        if any(not key.verifies(now) for key in self.signing.values()):
            self.signing = {id_: key for id_, key in self.signing.items() if key.verifies(now)}
            self._publish()
        return len(over) + len(ended)

    def holding(self, credential: CredentialId) -> Holding | None:
        """What a credential amounts to now. The same object, as long as nothing that it is made of was replaced."""
        known = self.holdings.get(credential)
        if known is not None:
            return known
        record = self.issued.get(credential)
        return self.chains.get(credential) if record is None else self._holding_of(record)

    def _holding_of(self, record: IssuedRecord) -> Holding | None:
        """Of an access token: it has the limits of its root as they are now, or its agent's."""
        source = self.tokens.get(record.root) if record.root is not None else self.agents.get(record.agent)
        if source is None or (isinstance(source, Agent) and self.defaults is None):
            return None
        known = self._drawn.get(record.id)
        if known is not None and known[0] is record and known[1] is source:
            return known[2]
        if isinstance(source, Agent):
            assert self.defaults is not None  # noqa: S101  looked at above
            limits = limits_of(source, self.defaults)
        else:
            limits = source.limits
        made = of_issued(record, limits)
        self._drawn[record.id] = (record, source, made)
        return made

    def hear(self, chain: Holding, key: str) -> Holding:
        """Put the last link of a chain that was just verified on the live list, unless something above it has fallen.

        At most `MOST_CHAINS` are kept; whoever presents one again is heard again.
        """
        known = self.chains.get(chain.credential.id)
        if known is not None and (known.credential, known.limits) == (chain.credential, chain.limits):
            return known
        while len(self.chains) >= MOST_CHAINS:
            oldest = next(iter(self.chains))
            del self.chains[oldest]
            self.live.drop(oldest)
        self.chains[chain.credential.id] = chain
        self.live.add(chain.credential, key)
        return chain

    async def heard_of_issued(self, credential: CredentialId, heartbeat: float) -> IssuedRecord | None:
        """The record of an access token or of a capability's root, waiting as `heard_of` does."""
        record = self.issued.get(credential)
        if record is None:
            await self.heard_of(credential, heartbeat)
            record = self.issued.get(credential)
        return record

    async def heard_of(self, credential: CredentialId, heartbeat: float) -> TokenRecord | None:
        """The record, waiting up to one heartbeat (seconds) for an id that has not arrived yet.

        At most `MOST_WAITING` callers wait; the rest get their answer at once, so that strangers with
        made-up ids cannot hold connections open in numbers.
        """
        record = self.tokens.get(credential)
        if record is not None or sum(map(len, self._waiting.values())) >= MOST_WAITING:
            return record
        heard = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(credential, []).append(heard)
        try:
            async with asyncio.timeout(heartbeat):
                await heard
        except TimeoutError:
            pass
        finally:
            waiting = self._waiting.get(credential, [])
            if heard in waiting:
                waiting.remove(heard)
            if not waiting:
                self._waiting.pop(credential, None)
        return self.tokens.get(credential)

    def _put_token(self, record: TokenRecord) -> None:
        self.tokens[record.id] = record
        holding = self.holdings[record.id] = of_token(record)
        self.live.add(holding.credential)
        self._heard(record.id)

    def _heard(self, credential: CredentialId) -> None:
        for heard in self._waiting.pop(credential, []):
            if not heard.done():
                heard.set_result(None)

    def _publish(self) -> None:
        self.issuer_keys = KeySet(key.public for key in self.signing.values() if key.withdrawn is None)

    def _put_upstream(self, record: Upstream) -> None:
        for name in [name for name, served in self.upstreams.items() if served.upstream.id == record.id]:
            del self.upstreams[name]
        try:
            self.upstreams[record.name] = Served(record, read_operations(record.operations, record.name))
            self.faults.pop(f"upstream {record.name}", None)
        except Malformed as fault:
            self.faults[f"upstream {record.name}"] = fault.message
        self._recompile()

    def _recompile(self) -> None:
        self.catalogue = Catalogue.merge(*(served.catalogue for served in self.upstreams.values()))
        for role in self.role_records.values():
            self._compile_role(role)

    def _compile_role(self, role: Role) -> None:
        granted, _ = self._expand(role.name, role.scopes)
        asking, lost = self._expand(role.name, role.asks_person)
        # A question that can no longer be understood must not become a silent yes.
        self.roles[role.name] = RolePolicy(
            name=role.name,
            authority=Authority.of(*(permission for permission in granted if permission.type not in lost)),
            asks_person=Authority.of(*asking),
            bearers=_bearers(role),
        )

    def _expand(self, role: str, scopes: tuple[str, ...]) -> tuple[list[Permission], set[str]]:
        """The permissions, and the types of the scopes that the catalogue does not know: those grant nothing."""
        permissions: list[Permission] = []
        lost: set[str] = set()
        for text in scopes:
            try:
                permissions.extend(self.catalogue.expand(Scope.parse(text)))
                self.faults.pop(f"role {role}: {text}", None)
            except Malformed as fault:
                self.faults[f"role {role}: {text}"] = fault.message
                lost.add(text.partition(":")[0])
        return permissions, lost


def _bearers(role: Role) -> Bearers | None:
    """The role's exception, if it has both its end and its reason."""
    if role.bearer_until is None or not role.bearer_because:
        return None
    return Bearers(role.bearer_until, role.bearer_because)
