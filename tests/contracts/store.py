"""What every store of records keeps to: `administration.Store` in full. An implementation inherits and says how
one is opened."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

import pytest

from gatepass.access import (
    ActionClass,
    AgentId,
    CredentialId,
    Instant,
    PersonId,
    RunId,
    SecretId,
    UpstreamId,
)
from gatepass.administration import Records, Store
from gatepass.audit import Archive, Entry, Query
from gatepass.authority import Authority, Expires, Grant, Permission, Unreadable
from gatepass.credentials import IssuedRecord, Rate, TokenKind, TokenLimits, TokenRecord, WithdrawnLink
from gatepass.errors import Conflict
from gatepass.keys import IssuerKey, SealedSecret
from gatepass.registry import (
    Agent,
    AgentKey,
    AgentKeyId,
    AgentLimits,
    Budget,
    Injection,
    InjectionKind,
    OperatorRole,
    Person,
    Role,
    Run,
    RunLimits,
    TrustKind,
    TrustRule,
    TrustRuleId,
    Upstream,
    UpstreamKind,
)
from gatepass.revocation import ListRecord

T = TypeVar("T")

ADA = Person(id=PersonId("per_ada"), name="ada", operator=OperatorRole.ADMIN, created=Instant(1))
BO = Person(
    id=PersonId("per_bo"),
    name="bo",
    operator=None,
    created=Instant(2),
    disabled=Instant(3),
    password_hash="$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
    fence=Instant(3),
)
BOT = Agent(
    id=AgentId("agt_bot"),
    name="support-bot",
    owner=ADA.id,
    role="support",
    created=Instant(4),
    limits=AgentLimits(
        attempts=Rate(30, 60_000),
        calls=Rate(10, 1_000),
        writes_per_minute=3,
        requests_per_day=500,
        classes=frozenset({ActionClass.READ, ActionClass.DELETE}),
    ),
    managed=True,
    fence=Instant(77),
)
IDLE = Agent(id=AgentId("agt_idle"), name="idle", owner=ADA.id, role="gone", created=Instant(5))
SUPPORT = Role(
    name="support",
    scopes=("orders:refund:*?amount<=50&amount>=0", "orders:read"),
    asks_person=("orders:delete",),
    max_lifetime=86_400_000,
    default_scopes=("orders:read",),
    longest_token=300_000,
    created=Instant(5),
    managed=True,
    bearer_until=Instant(604_800_000),
    bearer_because="until the agents prove their keys",
)
PLAIN_ROLE = Role(name="plain", scopes=("orders:read",), created=Instant(6))
ORDERS = Upstream(
    id=UpstreamId("ups_orders"),
    name="orders",
    kind=UpstreamKind.REST,
    target="http://127.0.0.1:9000/v1",
    operations="types:\n  orders: {}\n# ü\n",
    secret=SecretId("sec_orders"),
    injection=Injection(InjectionKind.HEADER, "authorization", "Bearer "),
    allow_private=True,
    created=Instant(6),
    managed=True,
)
GIT = Upstream(
    id=UpstreamId("ups_git"),
    name="git",
    kind=UpstreamKind.MCP_STDIO,
    target='["mcp-server-git"]',
    operations="",
    created=Instant(7),
    disabled=Instant(8),
)
KEY = SealedSecret(
    id=SecretId("sec_orders"),
    name="orders-key",
    upstream=ORDERS.id,
    origin="http://127.0.0.1:9000",
    version=2,
    key_id="key_1",
    wrapped=bytes(range(40)),
    nonce=bytes(12),
    ciphertext=bytes(range(256)),
    created=Instant(9),
)
TOKEN = TokenRecord(
    id=CredentialId("crd_bot"),
    kind=TokenKind.MACHINE,
    name="support bot's token",
    hash=bytes(range(32)),
    owner=ADA.id,
    agent=BOT.id,
    authority=Authority(
        (
            Grant(Permission.parse("orders:refund:order-12345?amount<=49.5&amount>=0&currency=USD")),
            Grant(Permission.parse("reports:read"), (Expires(Instant(99)),)),
        )
    ),
    limits=TokenLimits(
        attempts=Rate(120, 60_000),
        calls=Rate(60, 60_000),
        writes_per_minute=5,
        requests_per_day=1000,
        classes=frozenset({ActionClass.READ, ActionClass.WRITE}),
    ),
    issued=Instant(10),
    expires=Instant(1_000_000),
    issuer=ADA.id,
    purpose="refunds",
    parent=CredentialId("crd_parent"),
    meters=CredentialId("crd_first"),
    run=RunId("run_1"),
    authenticated=Instant(11),
    revoked=Instant(12),
    revoked_because="leaked",
    replaces=CredentialId("crd_first"),
    replaced_by=CredentialId("crd_next"),
    retires=Instant(13),
    latest=Instant(14),
    ancestors=(CredentialId("crd_parent"), CredentialId("crd_root")),
)
PLAIN = TokenRecord(
    id=CredentialId("crd_plain"),
    kind=TokenKind.PERSON,
    name="ada's own",
    hash=bytes(32),
    owner=ADA.id,
    agent=None,
    authority=Authority(()),
    limits=TokenLimits(attempts=Rate(1, 1), calls=Rate(1, 1)),
    issued=Instant(11),
    expires=Instant(12),
    issuer=ADA.id,
    meters=CredentialId("crd_plain"),
)
RUN = Run(
    id=RunId("run_1"),
    agent=BOT.id,
    opened=Instant(9),
    opened_by=BOT.id,
    closes=Instant(1_000_000),
    label="ticket 7",
    purpose="refunds",
    limits=RunLimits(
        calls=100, writes=3, budgets=(Budget(Decimal("49.50"), "USD"), Budget(Decimal(7), "EUR", "sum", None))
    ),
    ended=Instant(20),
    ended_because="done",
)
IDLE_RUN = Run(id=RunId("run_2"), agent=IDLE.id, opened=Instant(10), opened_by=ADA.id, closes=Instant(99))
ISSUED = IssuedRecord(
    id=CredentialId("crd_short"),
    agent=BOT.id,
    client=IDLE.id,
    owner=ADA.id,
    person=BO.id,
    authority=TOKEN.authority,
    audience="http://127.0.0.1:8420/u/orders",
    key="k" * 43,
    root=TOKEN.id,
    meters=TOKEN.meters,
    issued=Instant(15),
    expires=Instant(60_000),
    status=(1 << 20) - 1,
    run=RunId("run_1"),
    binding="b" * 43,
    purpose="refunds",
    parent=TOKEN.id,
    ancestors=(TOKEN.id, CredentialId("crd_root")),
    trust="tru_deploys",
    revoked=Instant(16),
    revoked_because="its run was ended",
)
PLAIN_ISSUED = IssuedRecord(
    id=CredentialId("crd_shorter"),
    agent=IDLE.id,
    client=IDLE.id,
    owner=ADA.id,
    person=ADA.id,
    authority=Authority(()),
    audience="http://127.0.0.1:8420/mcp/git",
    key="k" * 43,
    root=None,
    meters=CredentialId(IDLE.id),
    issued=Instant(16),
    expires=Instant(17),
    status=0,
)
SIGNING = IssuerKey(
    id="k" * 43, x="x" * 43, y="y" * 43, key_id="kek_1", wrapped=bytes(60), created=Instant(1), begins=Instant(2)
)
WITHDRAWN = replace(
    SIGNING, id="w" * 43, created=Instant(2), ends=Instant(9), withdrawn=Instant(8), because="it was copied"
)
LINK = WithdrawnLink(
    id=CredentialId("crd_link"), agent=BOT.id, created=Instant(21), expires=Instant(500), because="leaked"
)
LIST = ListRecord(number=7, secret=bytes(range(32)), created=Instant(22), promised=256)
NEXT_LIST = ListRecord(number=12, secret=bytes(32), created=Instant(22))
TRUST = TrustRule(
    id=TrustRuleId("tru_deploys"),
    name="deploys",
    kind=TrustKind.GITHUB_ACTIONS,
    issuer="https://token.actions.githubusercontent.com",
    keys_url="https://keys.example/jwks",
    allow_private=True,
    audience="deploys",
    conditions=("repository_id=7", "ref=refs/heads/main|refs/heads/next"),
    agent_claim="environment",
    agents={"prod": BOT.id, "test": AgentId("agt_idle")},
    longest_life=60_000,
    single_use=False,
    reproof=True,
    expires=Instant(99),
    created=Instant(10),
    managed=True,
)
PLAIN_TRUST = TrustRule(
    id=TrustRuleId("tru_plain"),
    name="plain",
    kind=TrustKind.SPIFFE,
    issuer="spiffe://prod.example",
    keys='{"keys":[]}',
    agent=BOT.id,
    created=Instant(11),
)
AGENT_KEY = AgentKey(
    id=AgentKeyId("key_1"),
    agent=BOT.id,
    label="laptop",
    jwk="{}",
    thumbprint="t",
    created=Instant(12),
    expires=Instant(90),
)
ALL = (
    LINK,
    NEXT_LIST,
    LIST,
    ISSUED,
    PLAIN_ISSUED,
    SIGNING,
    WITHDRAWN,
    RUN,
    IDLE_RUN,
    AGENT_KEY,
    TRUST,
    PLAIN_TRUST,
    TOKEN,
    PLAIN,
    KEY,
    ORDERS,
    GIT,
    SUPPORT,
    PLAIN_ROLE,
    BOT,
    IDLE,
    BO,
    ADA,
)
"""Not in the order in which they depend on each other: a store has to find that by itself."""


@dataclass(frozen=True)
class OpenedStore:
    store: Store
    archive: Archive


def told(event: str, subject: str) -> Entry:
    return Entry(at=Instant(1), event=event, actor=ADA.id, subject=subject)


class StoreContract:
    """Every story runs in an event loop of its own, on a store of its own."""

    def open(self) -> AbstractAsyncContextManager[OpenedStore]:
        raise NotImplementedError

    def run(self, story: Callable[[OpenedStore], Awaitable[T]]) -> T:
        async def told() -> T:
            async with self.open() as opened:
                return await story(opened)

        return asyncio.run(told())

    def test_what_is_put_is_loaded_exactly_in_the_order_of_creation(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit(ALL)
            assert await opened.store.load() == Records(
                people=(ADA, BO),
                agents=(BOT, IDLE),
                roles=(SUPPORT, PLAIN_ROLE),
                upstreams=(ORDERS, GIT),
                secrets=(KEY,),
                runs=(RUN, IDLE_RUN),
                tokens=(TOKEN, PLAIN),
                issued=(ISSUED, PLAIN_ISSUED),
                signing=(SIGNING, WITHDRAWN),
                links=(LINK,),
                lists=(LIST, NEXT_LIST),
                trust_rules=(TRUST, PLAIN_TRUST),
                agent_keys=(AGENT_KEY,),
            )

        self.run(story)

    def test_an_empty_store_loads_nothing(self) -> None:
        async def story(opened: OpenedStore) -> None:
            assert await opened.store.load() == Records()

        self.run(story)

    def test_a_put_replaces_what_has_the_same_id(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit(ALL)
            changed = (
                replace(
                    BOT, role="other", disabled=Instant(50), limits=AgentLimits(calls=Rate(1, 1_000)), managed=False
                ),
                replace(SUPPORT, scopes=(), managed=False),
                replace(TOKEN, revoked=Instant(60), limits=replace(TOKEN.limits, writes_per_minute=None)),
                replace(KEY, version=3, ciphertext=b"\x00new"),
                replace(ORDERS, injection=None, secret=None, allow_private=False, managed=False),
                replace(ISSUED, revoked=None, revoked_because=None),
                replace(SIGNING, ends=Instant(5), wrapped=bytes(range(60))),
            )
            await opened.store.commit(changed)
            kept = await opened.store.load()
            assert (
                kept.agents[0],
                kept.roles[0],
                kept.tokens[0],
                *kept.secrets,
                kept.upstreams[0],
                kept.issued[0],
                kept.signing[0],
            ) == changed

        self.run(story)

    def test_a_removal_removes_and_one_of_what_is_not_there_is_no_error(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit(ALL)
            await opened.store.commit(removals=(SUPPORT, GIT, KEY, ISSUED, WITHDRAWN))
            await opened.store.commit(removals=(SUPPORT, GIT, KEY))
            kept = await opened.store.load()
            assert (kept.issued, kept.signing) == ((PLAIN_ISSUED,), (SIGNING,))
            assert (kept.roles, kept.upstreams, kept.secrets) == ((PLAIN_ROLE,), (ORDERS,), ())

        self.run(story)

    def test_a_name_can_go_to_another_in_one_commit(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit((GIT,))
            other = replace(GIT, id=UpstreamId("ups_other"))
            await opened.store.commit((other,), removals=(GIT,))
            assert (await opened.store.load()).upstreams == (other,)

        self.run(story)

    def test_records_and_entries_go_together(self) -> None:
        async def story(opened: OpenedStore) -> None:
            entries = (told("person.created", ADA.id), told("agent.created", BOT.id))
            await opened.store.commit((ADA, BOT), entries=entries)
            page = await opened.archive.search(Query())
            assert [found.labels.subject for found in page.entries] == [BOT.id, ADA.id, None]
            assert (await opened.archive.verify()).intact

        self.run(story)

    def test_entries_alone_are_a_commit_too(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit(entries=(told("session.opened", "crd_s"),))
            assert len((await opened.archive.search(Query(event="session.opened"))).entries) == 1

        self.run(story)

    @pytest.mark.parametrize(
        ("clashing", "message"),
        [
            (replace(BO, name="ada"), "the name `ada` is taken"),
            (replace(BOT, id=AgentId("agt_x")), "the name `support-bot` is taken"),
            (replace(ORDERS, id=UpstreamId("ups_x")), "the name `orders` is taken"),
            (replace(KEY, id=SecretId("sec_x")), "the name `orders-key` is taken"),
            (
                replace(BOT, owner=PersonId("per_nobody")),
                "`support-bot` belongs to something that is not there, or something belongs to it",
            ),
            (
                replace(TOKEN, owner=PersonId("per_nobody")),
                "`support bot's token` belongs to something that is not there, or something belongs to it",
            ),
            (
                replace(ISSUED, agent=AgentId("agt_nobody")),
                "`crd_short` belongs to something that is not there, or something belongs to it",
            ),
            (
                replace(TOKEN, agent=AgentId("agt_nobody")),
                "`support bot's token` belongs to something that is not there, or something belongs to it",
            ),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_of_the_commit_stays(
        self, clashing: Person | Agent | Upstream | SealedSecret | TokenRecord | IssuedRecord, message: str
    ) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit(ALL)
            before = await opened.store.load()
            head = await opened.archive.head()
            with pytest.raises(Conflict) as caught:
                await opened.store.commit(
                    (replace(SUPPORT, scopes=("all:*",)), clashing), (GIT,), (told("role.changed", "support"),)
                )
            assert (caught.value.code, str(caught.value)) == ("conflict", message)
            assert await opened.store.load() == before
            assert await opened.archive.head() == head
            await opened.store.commit((replace(SUPPORT, scopes=()),), entries=(told("role.changed", "support"),))
            report = await opened.archive.verify([head])
            assert (report.intact, report.entries) == (True, 2)

        self.run(story)

    def test_a_caveat_that_nobody_can_read_stays_one(self) -> None:
        async def story(opened: OpenedStore) -> None:
            unreadable = Unreadable({"kind": Decimal(9999), "x": "y"})
            authority = Authority((Grant(Permission.parse("reports:read"), (unreadable,)),))
            await opened.store.commit((ADA, replace(PLAIN, authority=authority)))
            (kept,) = (await opened.store.load()).tokens
            assert isinstance(kept.authority.grants[0].caveats[0], Unreadable)

        self.run(story)

    def test_commits_at_once_are_all_kept(self) -> None:
        async def story(opened: OpenedStore) -> None:
            await opened.store.commit((ADA,))
            agents = [replace(BOT, id=AgentId(f"agt_{number:03}"), name=f"bot-{number}") for number in range(50)]
            await asyncio.gather(
                *(opened.store.commit((agent,), entries=(told("agent.created", agent.id),)) for agent in agents)
            )
            assert set((await opened.store.load()).agents) == set(agents)
            assert (await opened.archive.verify()).entries == 51

        self.run(story)
