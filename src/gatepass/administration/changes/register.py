"""Everything that is managed, in memory, as it was last committed; and what has been withdrawn since.

It is what administration decides on: looked up by id or by name, changed only by `Desk` after a commit. An id
has a prefix and an underscore, a name has none, so that nobody can be called what another's id is.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId, SecretId, UpstreamId
from gatepass.administration.store import Record, Records
from gatepass.credentials import IssuedRecord, TokenRecord, WithdrawnLink, refusal
from gatepass.errors import Malformed, NotFound
from gatepass.keys import IssuerKey, SealedSecret
from gatepass.registry import Agent, AgentKey, AgentKeyId, Person, Role, Run, TrustRule, TrustRuleId, Upstream
from gatepass.revocation import ListRecord, Scope

__all__ = ["LONGEST_NAME", "NAME_PATTERN", "NAME_RULE", "Register", "checked_name", "missing"]

LONGEST_NAME: Final = 63
NAME_PATTERN: Final = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_NAME: Final = re.compile(NAME_PATTERN, re.ASCII)
NAME_RULE: Final = f"lower-case letters, digits, and single `-` or `.` between them, at most {LONGEST_NAME}"

Key = TypeVar("Key", bound=str)
Thing = TypeVar("Thing", Person, Agent, Upstream, SealedSecret, TrustRule)


def checked_name(name: str) -> str:
    """`name`, if it can be one. It appears in paths, journals and terminals, so it is plain."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise Malformed("malformed_request", "`name` is not a name", hint=f"Use {NAME_RULE} characters.")
    return name


@dataclass(slots=True)
class Register:
    """The records by id, and the withdrawals that were announced."""

    people: dict[PersonId, Person] = field(default_factory=dict)
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    upstreams: dict[UpstreamId, Upstream] = field(default_factory=dict)
    secrets: dict[SecretId, SealedSecret] = field(default_factory=dict)
    tokens: dict[CredentialId, TokenRecord] = field(default_factory=dict)
    runs: dict[RunId, Run] = field(default_factory=dict)
    open_runs: dict[RunId, Run] = field(default_factory=dict)
    """Those of them that nobody has ended yet, though their time may be over."""
    issued: dict[CredentialId, IssuedRecord] = field(default_factory=dict)
    """Access tokens."""
    links: dict[CredentialId, WithdrawnLink] = field(default_factory=dict)
    """Links of capabilities that were withdrawn."""
    lists: dict[str, ListRecord] = field(default_factory=dict)
    signing: dict[str, IssuerKey] = field(default_factory=dict)
    """The issuer's keys, by `kid`."""
    trust_rules: dict[TrustRuleId, TrustRule] = field(default_factory=dict)
    agent_keys: dict[AgentKeyId, AgentKey] = field(default_factory=dict)
    withdrawn: set[tuple[Scope, str]] = field(default_factory=set)
    """Announced, whether or not the store has heard of it: what is in here is refused."""
    _latest: dict[str, CredentialId] = field(default_factory=dict)
    """The token that was last put under each name."""

    @classmethod
    def of(cls, records: Records) -> Self:
        """The register of what a store holds."""
        register = cls()
        register.apply((*records.people, *records.agents, *records.roles, *records.upstreams, *records.secrets), ())
        register.apply(records.runs, ())
        in_order: list[TokenRecord] = sorted(records.tokens, key=lambda token: token.issued)
        register.apply(in_order, ())
        register.apply((*records.issued, *records.links, *records.lists, *records.signing), ())
        register.apply((*records.trust_rules, *records.agent_keys), ())
        return register

    def apply(self, puts: Iterable[Record], removals: Iterable[Record]) -> None:
        """Note what a commit has changed."""
        for record in puts:
            self._put(record)
        for record in removals:
            self._remove(record)

    def person(self, ref: str) -> Person:
        """By id or name. Raises `NotFound`, as all of these do."""
        return _found(self.people, ref, "person", lambda person: person.name)

    def agent(self, ref: str) -> Agent:
        """By id or name."""
        return _found(self.agents, ref, "agent", lambda agent: agent.name)

    def upstream(self, ref: str) -> Upstream:
        """By id or name."""
        return _found(self.upstreams, ref, "upstream", lambda upstream: upstream.name)

    def secret(self, ref: str) -> SealedSecret:
        """By id or name."""
        return _found(self.secrets, ref, "secret", lambda secret: secret.name)

    def trust_rule(self, ref: str) -> TrustRule:
        """By id or name."""
        return _found(self.trust_rules, ref, "trust rule", lambda rule: rule.name)

    def agent_key(self, ref: str) -> AgentKey:
        """By id or thumbprint."""
        for key in self.agent_keys.values():
            if ref in {key.id, key.thumbprint}:
                return key
        raise missing("key", ref)

    def role(self, name: str) -> Role:
        """By name, which is all that a role has."""
        if (role := self.roles.get(name)) is None:
            raise missing("role", name)
        return role

    def token(self, ref: str) -> TokenRecord:
        """By id, or by name: of several that had the name, the last. Sessions have no name."""
        id_ = CredentialId(ref) if "_" in ref else self._latest.get(ref)
        token = self.tokens.get(id_) if id_ is not None else None
        if token is None:
            raise missing("token", ref)
        return token

    def run(self, id_: str) -> Run:
        """By id, which is all that a run has."""
        if (run := self.runs.get(RunId(id_))) is None:
            raise missing("run", id_)
        return run

    def named(self, name: str) -> TokenRecord | None:
        """The token that was last put under `name`."""
        id_ = self._latest.get(name)
        return self.tokens.get(id_) if id_ is not None else None

    def alive(self, token: TokenRecord, now: Instant) -> bool:
        """Whether the token is honoured now: in its life, and neither it nor anything above it withdrawn."""
        return self.why_dead(token, now) is None

    def why_dead(self, token: TokenRecord, now: Instant) -> str | None:
        """Why the token is not honoured now, in a line for people; None when it is."""
        if veto := refusal(token, now):
            return veto.detail
        if any((Scope.CREDENTIAL, id_) in self.withdrawn for id_ in (token.id, *token.ancestors)):
            return "the token was revoked"
        if any((above := self.tokens.get(id_)) is not None and above.revoked for id_ in token.ancestors):
            return "the token that it descends from was revoked"
        issued = self.issued.get(token.id)
        if issued is not None and (Scope.KEY, issued.key) in self.withdrawn:
            return "the key that signed it was withdrawn"
        if token.run is not None and self.has_ended(token.run, now):
            return "its run has ended"
        owner = self.people.get(token.owner)
        if owner is None or owner.disabled is not None or (Scope.PERSON, token.owner) in self.withdrawn:
            return "its owner is disabled"
        if token.agent is None:
            return None
        agent = self.agents.get(token.agent)
        if agent is None or agent.disabled is not None or (Scope.AGENT, token.agent) in self.withdrawn:
            return "its agent is disabled"
        return None

    def has_ended(self, id_: RunId, now: Instant) -> bool:
        """Whether nothing is honoured any more in a run. One that is not known has."""
        run = self.runs.get(id_)
        return run is None or not run.is_open(now) or (Scope.RUN, id_) in self.withdrawn

    def forget(self, before: Instant) -> None:
        """Let go of tokens and runs whose life was over before `before`. Their story is in the journal."""
        for run in [run for run in self.runs.values() if run.ended is not None and run.closes < before]:
            self._remove(run)
            self.withdrawn.discard((Scope.RUN, run.id))
        over = [token for token in self.tokens.values() if token.expires < before]
        for token in over:
            self._remove(token)
            self.withdrawn.discard((Scope.CREDENTIAL, token.id))
        self.forget_short(before)

    def forget_short(self, before: Instant) -> None:
        """Let go of access tokens and withdrawn links whose life was over before `before`: there may be many."""
        held: tuple[IssuedRecord | WithdrawnLink, ...] = (*self.issued.values(), *self.links.values())
        for each in [each for each in held if each.expires < before]:
            self._remove(each)
            self.withdrawn.discard((Scope.CREDENTIAL, each.id))

    def live_tokens(self, now: Instant) -> Iterator[TokenRecord]:
        """Every token that is honoured now."""
        return (token for token in self.tokens.values() if self.alive(token, now))

    def fenced(self, issued: IssuedRecord) -> bool:
        """Whether all access tokens of its agent, or of a person behind it, were withdrawn after it was issued."""
        behind = (
            self.agents.get(issued.agent),
            self.agents.get(issued.client),
            self.people.get(issued.owner),
            self.people.get(issued.person),
        )
        return any(each is not None and each.fence is not None and issued.issued <= each.fence for each in behind)

    def _put(self, record: Record) -> None:
        self._table(record)[_key(record)] = record
        match record:
            case Run():
                self.open_runs.pop(record.id, None)
                if record.ended is None:
                    self.open_runs[record.id] = record
            case TokenRecord() if record.name and record.replaced_by is None:
                self._latest[record.name] = record.id

    def _remove(self, record: Record) -> None:
        self._table(record).pop(_key(record), None)
        match record:
            case Run():
                self.open_runs.pop(record.id, None)
            case TokenRecord() if self._latest.get(record.name) == record.id:
                del self._latest[record.name]

    def _table(self, record: Record) -> dict[Any, Any]:
        """Where records of this kind are."""
        tables: dict[type[Record], dict[Any, Any]] = {
            Person: self.people,
            Agent: self.agents,
            Role: self.roles,
            Upstream: self.upstreams,
            Run: self.runs,
            TokenRecord: self.tokens,
            IssuedRecord: self.issued,
            WithdrawnLink: self.links,
            ListRecord: self.lists,
            SealedSecret: self.secrets,
            IssuerKey: self.signing,
            TrustRule: self.trust_rules,
            AgentKey: self.agent_keys,
        }
        return tables[type(record)]


def _key(record: Record) -> str:
    return record.name if isinstance(record, Role) else record.id


def _found(things: Mapping[Key, Thing], ref: str, noun: str, name_of: Callable[[Thing], str]) -> Thing:
    """One of a few: looked up by its key if `ref` is an id, by its name if it is not."""
    for key, thing in things.items():
        if ref == (key if "_" in ref else name_of(thing)):
            return thing
    raise missing(noun, ref)


def missing(noun: str, ref: str) -> NotFound:
    """What is raised for what is not there, and for what is not theirs to see."""
    shown = ref[:LONGEST_NAME] if ref.isascii() and ref.isprintable() and "`" not in ref else "..."
    return NotFound("not_found", f"there is no {noun} `{shown}`")
