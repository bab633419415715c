"""Administration as one value: its parts, put together around one desk, and what it says when it opens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from gatepass.access import Instant
from gatepass.administration.agents import Agents
from gatepass.administration.changes import Announce, Catalogues, Desk, Put, ReadCatalogue, Register
from gatepass.administration.configuration import Configuration
from gatepass.administration.configuration.following import Terms as ConfigurationTerms
from gatepass.administration.operators import FRESH
from gatepass.administration.overview import Explain, Facts, Overview
from gatepass.administration.people import People
from gatepass.administration.roles import Roles
from gatepass.administration.runs import Runs
from gatepass.administration.signin import Codes, Passwords, Sessions, Stranger
from gatepass.administration.signing import KeyMaker, SigningKeys
from gatepass.administration.store import Store
from gatepass.administration.tokens import AccessTokens, Issuing, Revoking
from gatepass.administration.trust import Proves, Trust
from gatepass.administration.upstreams import NewKey, Seals, Secrets, Upstreams
from gatepass.audit import Archive
from gatepass.credentials import Rate, TokenLimits
from gatepass.limits import Ledger
from gatepass.revocation import Scope

__all__ = ["Administration", "Terms"]

KEPT_SHORT: Final = 20 * 60_000
"""Milliseconds for which what lives for minutes is remembered after its end, and lists after their last token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is offered and allowed when nobody says otherwise. Spans in milliseconds."""

    limits: TokenLimits
    """A token's own, where none are asked for."""
    account: Rate
    """The deployment's ceiling: the calls of all tokens together."""
    token_lifetime: int
    session_lifetime: int
    audiences: frozenset[str] = frozenset()
    """Those of tokens that are meant for our issuer: its identifier, and its token endpoint."""
    fresh: int = FRESH
    code_lifetime: int = 10 * 60_000
    signing_period: int = 30 * 86_400_000
    """How long one of the issuer's keys signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """Everything that people manage."""

    desk: Desk
    people: People
    agents: Agents
    roles: Roles
    upstreams: Upstreams
    secrets: Secrets
    runs: Runs
    signing: SigningKeys
    access: AccessTokens
    tokens: Issuing
    revoking: Revoking
    sessions: Sessions
    overview: Overview
    configuration: Configuration
    trust: Trust

    @classmethod
    async def open(
        cls,
        *,
        store: Store,
        announce: Announce,
        clock: Callable[[], Instant],
        entropy: Callable[[int], bytes],
        read_catalogue: ReadCatalogue,
        seals: Seals,
        new_key: NewKey,
        signing_keys: KeyMaker,
        passwords: Passwords,
        ledger: Ledger,
        archive: Archive,
        explain: Explain,
        proves: Proves,
        stranger: Stranger,
        terms: Terms,
        facts: Facts,
    ) -> Self:
        """Load what is kept, announce all of it, and be ready. Raises `Unavailable` when the store cannot be read."""
        register = Register.of(await store.load())
        catalogues = _learned(read_catalogue, register)
        desk = Desk(
            store=store, register=register, catalogues=catalogues,
            announce=announce, clock=clock, entropy=entropy, fresh=terms.fresh,
        )  # fmt: skip
        _announce_all(desk)
        people = People(desk)
        sessions = Sessions(
            desk=desk,
            codes=Codes(entropy, terms.code_lifetime),
            passwords=passwords,
            ledger=ledger,
            stranger=stranger,
            defaults=terms.limits,
            lifetime=terms.session_lifetime,
        )
        return cls(
            desk=desk,
            people=people,
            agents=Agents(desk, ConfigurationTerms(terms.limits, terms.account)),
            roles=Roles(desk),
            upstreams=Upstreams(desk),
            secrets=Secrets(desk, seals, new_key),
            runs=Runs(desk),
            signing=SigningKeys(desk, signing_keys, terms.signing_period),
            access=AccessTokens(desk),
            tokens=Issuing(desk=desk, defaults=terms.limits, account=terms.account, lifetime=terms.token_lifetime),
            revoking=Revoking(desk, people),
            sessions=sessions,
            overview=Overview(desk, ledger, archive, explain, terms.limits, facts, sessions.seen.get),
            configuration=Configuration(desk, ConfigurationTerms(terms.limits, terms.account)),
            trust=Trust.of(desk, proves, terms.audiences),
        )

    async def tend(self) -> None:
        """What has to be done now and then: end runs whose time is over, let go of what nobody asks for any more."""
        await self.runs.end_overdue()
        before = Instant(self.desk.clock() - KEPT_SHORT)
        self.desk.register.forget_short(before)
        if over := self.desk.places.forget(before):
            async with self.desk.system_turn() as turn:
                await turn.commit(removals=over)


def _learned(read_catalogue: ReadCatalogue, register: Register) -> Catalogues:
    catalogues = Catalogues(read_catalogue)
    catalogues.learn(register.upstreams.values())
    return catalogues


def _announce_all(desk: Desk) -> None:
    """Tell the snapshot what there is; last of all what is withdrawn, so that nothing comes back to life.

    Upstreams go before roles, whose scopes are read in their words. Tokens and runs whose life is over are left out.
    """
    register, now = desk.register, desk.clock()
    tokens = [token for token in register.tokens.values() if token.expires > now]
    runs = {id_: run for id_, run in register.runs.items() if run.closes > now}
    for table in (register.people, register.upstreams, register.secrets, register.roles, register.agents, runs):
        for record in table.values():
            desk.announce(Put(record))
    for rule in register.trust_rules.values():
        desk.announce(Put(rule))
    for theirs in register.agent_keys.values():
        desk.announce(Put(theirs))
    for token in tokens:
        desk.announce(Put(token))
    for key in register.signing.values():
        desk.announce(Put(key))
    issued = [each for each in register.issued.values() if each.expires > now]
    for each in issued:
        desk.announce(Put(each))
    desk.withdraw((Scope.PERSON, person.id) for person in register.people.values() if person.disabled is not None)
    desk.withdraw((Scope.AGENT, agent.id) for agent in register.agents.values() if agent.disabled is not None)
    desk.withdraw(
        (Scope.UPSTREAM, upstream.name) for upstream in register.upstreams.values() if upstream.disabled is not None
    )
    desk.withdraw((Scope.RUN, run.id) for run in register.runs.values() if run.ended is not None)
    desk.withdraw((Scope.CREDENTIAL, token.id) for token in tokens if token.revoked is not None)
    desk.withdraw((Scope.CREDENTIAL, token.id) for token in issued if token.revoked is not None)
    for link in (link for link in register.links.values() if link.expires > now):
        desk.withdraw([(Scope.CREDENTIAL, link.id)], link.expires)
    desk.withdraw((Scope.KEY, key.id) for key in register.signing.values() if key.withdrawn is not None)
    desk.withdraw_fenced()
