"""People, agents, roles, upstreams and their secrets: what each change does, and what it refuses."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.administration.world import HOUR, LIMITS, ORDERS, START, Store, World, opened, orders_form

from gatepass.access import CredentialId, Instant, PersonId
from gatepass.administration import Put, Records, Removed, UpstreamForm
from gatepass.administration.changes import Register
from gatepass.authority import Authority
from gatepass.credentials import TokenKind, TokenRecord
from gatepass.errors import Conflict, Denied, Error, Malformed, NotFound
from gatepass.keys import SealedSecret
from gatepass.registry import Agent, Injection, InjectionKind, OperatorRole, Person, Role, Upstream, UpstreamKind
from gatepass.revocation import Reinstated, Scope

pytestmark = pytest.mark.anyio
KEY = b"sk_live_0123456789"


# -- people


async def test_the_first_person_is_made_once(world: World) -> None:
    assert world.person("ada").operator is OperatorRole.ADMIN
    assert await world.administration.people.found("eve") is None
    assert [entry.actor for entry in world.store.entries] == ["system"]
    again = await opened(world.store)
    assert [person.name for person in again.administration.desk.register.people.values()] == ["ada"]


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("ada", "ada"),
        ("Ada_Lovelace", "ada-lovelace"),
        ("DOMAIN\\ada", "domain-ada"),
        ("www-data", "www-data"),
        ("_", "admin"),
        ("", "admin"),
        ("a" * 31 + "_b", "a" * 31),
        ("\u0430\u0434\u0430", "admin"),
    ],
)
async def test_the_first_person_is_called_what_the_system_calls_them(user: str, name: str) -> None:
    store = Store()
    world = await opened(store, first=user)
    assert [person.name for person in world.administration.desk.register.people.values()] == [name]


async def test_disabling_a_person_revokes_all_that_is_theirs_and_nobody_elses(world: World) -> None:
    ada = await world.furnished()
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    ada = await world.signed_in()
    await world.administration.agents.create(ada, "bobs-bot", "support", owner="bob")
    theirs = {
        (await world.token(bob, "one", agent="bobs-bot")).record.id,
        (await world.with_pat("bob")).credential,
        bob.credential,
    }
    others = (await world.token(await world.signed_in(), "others")).record.id
    await world.administration.people.disable(await world.signed_in(), "bob")
    assert {(Scope.CREDENTIAL, id_) for id_ in theirs} | {(Scope.PERSON, bob.person)} <= world.withdrawn()
    assert (Scope.CREDENTIAL, others) not in world.withdrawn()
    revoked = {entry.credential for entry in world.store.entries if entry.event == "token.revoked"}
    assert theirs <= revoked
    assert "person.disabled" in world.store.events()
    # a token that bob issued belongs to the agent's owner, so one for ada's agent lives on
    assert world.administration.desk.register.alive(world.administration.desk.register.tokens[others], world.now[0])
    # and bob is out, by any door
    with pytest.raises(Error):
        await world.signed_in("bob")


async def test_the_last_admin_stays(world: World) -> None:
    await world.joined("bob", OperatorRole.OPERATOR)
    ada = await world.signed_in()
    with pytest.raises(Conflict, match="`ada` is the last admin"):
        await world.administration.people.disable(ada, "ada")
    assert (Scope.PERSON, ada.person) not in world.withdrawn()


async def test_two_admins_who_disable_each_other_leave_one(world: World) -> None:
    bob = await world.joined("bob", OperatorRole.ADMIN)
    ada = await world.signed_in()
    people = world.administration.people
    results = await asyncio.gather(people.disable(ada, "bob"), people.disable(bob, "ada"), return_exceptions=True)
    assert len([result for result in results if isinstance(result, Error)]) == 1
    admins = [person for person in world.administration.desk.register.people.values() if person.disabled is None]
    assert len(admins) == 1


async def test_an_admin_who_disables_the_other_and_herself_at_once_stays(world: World) -> None:
    await world.joined("bob", OperatorRole.ADMIN)
    ada = await world.signed_in()
    people = world.administration.people
    results = await asyncio.gather(people.disable(ada, "bob"), people.disable(ada, "ada"), return_exceptions=True)
    assert isinstance(results[1], Conflict)
    assert world.person("ada").disabled is None


def test_whoever_was_disabled_before_a_restart_holds_nothing() -> None:
    """The register knows it by itself, before anything is announced."""
    gone = Person(id=PersonId("per_1"), name="ada", operator=None, created=START, disabled=START)
    token = TokenRecord(
        id=CredentialId("crd_1"),
        kind=TokenKind.PERSON,
        name="mine",
        hash=bytes(32),
        owner=gone.id,
        agent=None,
        authority=Authority(),
        limits=LIMITS,
        issued=START,
        expires=Instant(START + HOUR),
        issuer=gone.id,
        meters=CredentialId("crd_1"),
    )
    assert Register.of(Records(people=(gone,), tokens=(token,))).why_dead(token, START) == "its owner is disabled"
    assert Register.of(Records(tokens=(token,))).why_dead(token, START) == "its owner is disabled"
    back = replace(gone, disabled=None)
    assert Register.of(Records(people=(back,), tokens=(token,))).alive(token, START)


async def test_names_of_people_are_unique_and_plain(world: World) -> None:
    ada = await world.signed_in()
    with pytest.raises(Conflict, match="there is a person `ada` already"):
        await world.administration.people.create(ada, "ada", None)
    for name in ("Ada", "per_123", "a b", "ada\u0301", "\u0430da", "../etc", "a" * 64, ""):
        with pytest.raises(Malformed, match="`name` is not a name"):
            await world.administration.people.create(ada, name, None)


# -- agents


async def test_disabling_an_agent_ends_its_tokens_for_good_and_touches_no_other(world: World) -> None:
    ada = await world.furnished()
    await world.administration.agents.create(ada, "other-bot", "support")
    mine, other = await world.token(ada), await world.token(ada, "other", agent="other-bot")
    secrets = dict(world.administration.desk.register.secrets)
    await world.administration.agents.disable(ada, "support-bot")
    fallen = {(Scope.AGENT, mine.record.agent or ""), (Scope.CREDENTIAL, mine.record.id)}
    assert world.withdrawn() == fallen
    world.later()
    await world.administration.agents.enable(ada, "support-bot")
    assert Reinstated(Scope.AGENT, mine.record.agent or "") in world.announced
    register = world.administration.desk.register
    assert register.why_dead(register.tokens[mine.record.id], world.now[0]) == "the token was revoked"
    assert register.alive(register.tokens[other.record.id], world.now[0])
    assert register.secrets == secrets
    assert (await world.token(ada)).record.id != mine.record.id
    # and after a restart it is just as dead
    again = await opened(world.store)
    assert (Scope.CREDENTIAL, mine.record.id) in again.withdrawn()
    assert (Scope.AGENT, mine.record.agent or "") not in again.withdrawn()


async def test_disabling_an_agent_that_cannot_be_recorded_holds_all_the_same(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada)).record
    world.store.full = True
    with pytest.raises(Error) as caught:
        await world.administration.agents.disable(ada, "support-bot")
    assert caught.value.code == "storage_unavailable"
    assert caught.value.message == (
        "the disk is full; what was withdrawn is refused all the same, until this process ends"
    )
    assert caught.value.hint == "It is refused now, but not recorded: make room, then withdraw it once more."
    assert (Scope.CREDENTIAL, token.id) in world.withdrawn()
    world.store.full = False
    with pytest.raises(Conflict, match="disabling `support-bot` could not be recorded"):
        await world.administration.agents.enable(ada, "support-bot")
    assert (await world.administration.agents.disable(ada, "support-bot")).disabled
    assert "agent.disabled" in world.store.events()


async def test_an_agent_moves_between_roles_that_are_there(world: World) -> None:
    ada = await world.furnished()
    await world.administration.roles.put(ada, "reader", scopes=["orders:read:*"])
    moved = await world.administration.agents.change(ada, "support-bot", role="reader")
    assert moved.role == "reader"
    assert world.put(Agent)[-1] == moved
    entry = world.store.entries[-1]
    assert (entry.event, entry.role, entry.details["role_before"]) == ("agent.changed", "reader", "support")
    with pytest.raises(NotFound, match="there is no role `nothing`"):
        await world.administration.agents.change(ada, "support-bot", role="nothing")
    with pytest.raises(NotFound, match="there is no role `nothing`"):
        await world.administration.agents.create(ada, "new", "nothing")


async def test_a_name_is_never_taken_for_an_id(world: World) -> None:
    ada = await world.furnished()
    register = world.administration.desk.register
    id_ = register.agent("support-bot").id
    assert register.agent(id_).name == "support-bot"
    with pytest.raises(Malformed):
        await world.administration.agents.create(ada, id_, "support")
    for ref in ("", "_", "agt_", id_.upper(), id_[:-1], "support_bot", "*", "support-bot\n"):
        with pytest.raises(NotFound):
            register.agent(ref)


# -- roles


async def test_narrowing_a_role_takes_no_fresh_person_and_widening_does(world: World) -> None:
    ada = await world.furnished()
    put = world.administration.roles.put
    await put(ada, "wide", scopes=["orders:*", "orders:refund:a/*"], max_lifetime=2 * HOUR)
    pat = await world.with_pat()
    world.later(HOUR)
    narrower: list[dict[str, Any]] = [
        {"scopes": ["orders:*"], "max_lifetime": 2 * HOUR},
        {"scopes": ["orders:*"], "asks_person": ["orders:delete"], "max_lifetime": HOUR},
        {"scopes": ["orders:list", "orders:delete:a"], "asks_person": ["orders:delete"], "max_lifetime": HOUR},
    ]
    for change in narrower:
        await put(pat, "wide", **change)
    wider: list[dict[str, Any]] = [
        {"scopes": ["orders:list", "orders:delete:a"], "max_lifetime": HOUR},  # asks nobody any more
        {"scopes": ["orders:list"], "asks_person": ["orders:delete"], "max_lifetime": 2 * HOUR},
        {"scopes": ["orders:list"], "asks_person": ["orders:delete"]},
        {"scopes": ["orders:read"], "asks_person": ["orders:delete"], "max_lifetime": HOUR},
        {"scopes": ["orders:list", "orders:delete:*"], "asks_person": ["orders:delete"], "max_lifetime": HOUR},
    ]
    for change in wider:
        for operator in (pat, ada):
            with pytest.raises(Error) as caught:
                await put(operator, "wide", **change)
            assert caught.value.code == "reauthentication_required", change
    with pytest.raises(Error) as caught:
        await put(pat, "new", scopes=["orders:list"])
    assert caught.value.code == "reauthentication_required"


async def test_words_that_follow_the_catalogue_widen_though_today_they_say_the_same(world: World) -> None:
    """`orders:refund` and the class `write` come to the same until the upstream learns another way to write."""
    ada = await world.furnished()
    await world.administration.roles.put(ada, "named", scopes=["orders:refund", "orders:delete"])
    pat = await world.with_pat()
    for text in ("orders:write", "orders:*"):
        with pytest.raises(Error) as caught:
            await world.administration.roles.put(pat, "named", scopes=[text])
        assert caught.value.code == "reauthentication_required", text
    # `delete` is the name of the only action of its class, and means that action alone
    await world.administration.roles.put(pat, "named", scopes=["orders:delete"])


async def test_a_role_says_what_the_catalogue_knows(world: World) -> None:
    ada = await world.furnished()
    put = world.administration.roles.put
    odd: list[dict[str, Any]] = [{"scopes": ["orders:lst"]}, {"scopes": ["orders:list"], "asks_person": ["orders:lst"]}]
    for change in odd:
        with pytest.raises(Malformed, match="the nearest: `orders:list`"):
            await put(ada, "odd", **change)
    with pytest.raises(Malformed, match="`scopes` is empty"):
        await put(ada, "odd", scopes=[])
    assert world.put(Role) == [world.administration.desk.register.role("support")]


async def test_a_role_with_agents_stays(world: World) -> None:
    ada = await world.furnished()
    with pytest.raises(Conflict, match="the role `support` has 1 agents, among them `support-bot`"):
        await world.administration.roles.delete(ada, "support")
    await world.administration.roles.put(ada, "idle", scopes=["orders:list"])
    await world.administration.roles.delete(ada, "idle")
    assert world.announced[-1] == Removed(Role(name="idle", scopes=("orders:list",), created=world.now[0]))


async def test_only_an_admin_changes_roles(world: World) -> None:
    await world.furnished()
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    for scopes in (["orders:*"], ["orders:list"]):
        with pytest.raises(Denied):
            await world.administration.roles.put(bob, "support", scopes=scopes)
    with pytest.raises(Denied):
        await world.administration.roles.delete(bob, "support")


# -- upstreams


@pytest.mark.parametrize(
    "change",
    [
        {"target": "https://user:password@orders.example/"},
        {"target": "ftp://orders.example/"},
        {"target": "https://orders.example\\@evil.example/"},
        {"target": "https://orders.example:0/"},
        {"target": "https://0x7f.1/"},
        {"target": "https://orders.example/?a=b"},
        {"target": "https://orders.example/#f"},
        {"target": "https://\u043erders.example/"},
        {"operations": "types: ["},
        {"operations": "types: {}\ntypes: {}"},
        {"operations": "types:\n  orders: {actions: {list: {class: reed}}}"},
        {"operations": "x" * (256 * 1024 + 1)},
        {"injection": Injection(InjectionKind.ENVIRONMENT, "KEY")},
        {"injection": Injection(InjectionKind.HEADER, "Host")},
        {"injection": Injection(InjectionKind.HEADER, "Content-Length")},
        {"injection": Injection(InjectionKind.HEADER, "X-Key\r\nX-Other")},
        {"injection": Injection(InjectionKind.HEADER, "")},
        {"injection": Injection(InjectionKind.HEADER, "Authorization", "Bearer\n")},
        {"injection": Injection(InjectionKind.QUERY, "a&b")},
        {"injection": Injection(InjectionKind.HEADER, "Authorization", "x" * 65)},
        {"kind": UpstreamKind.MCP_STDIO, "target": "git-server --all", "injection": None},
        {"kind": UpstreamKind.MCP_STDIO, "target": "[]", "injection": None},
        {"kind": UpstreamKind.MCP_STDIO, "target": '["a", 1]', "injection": None},
        {"kind": UpstreamKind.MCP_STDIO, "target": '["a\\u0000b"]', "injection": None},
        {"kind": UpstreamKind.MCP_STDIO, "target": '[""]', "injection": None},
        {"kind": UpstreamKind.MCP_STDIO, "target": '["git"]'},
        {
            "kind": UpstreamKind.MCP_STDIO,
            "target": '["git"]',
            "injection": Injection(InjectionKind.ENVIRONMENT, "LD_PRELOAD"),
        },
        {
            "kind": UpstreamKind.MCP_STDIO,
            "target": '["git"]',
            "injection": Injection(InjectionKind.ENVIRONMENT, "PATH"),
        },
    ],
)
async def test_what_could_go_wrong_later_is_refused_now(world: World, change: dict[str, Any]) -> None:
    ada = await world.signed_in()
    with pytest.raises(Malformed):
        await world.administration.upstreams.create(ada, "orders", replace(orders_form(), **change))
    await world.administration.upstreams.create(ada, "orders", orders_form())
    with pytest.raises(Malformed):
        await world.administration.upstreams.change(ada, "orders", replace(orders_form(), **change))
    assert len(world.put(Upstream)) == 1


async def test_two_upstreams_do_not_declare_one_type(world: World) -> None:
    ada = await world.furnished()
    with pytest.raises(Malformed, match=r"`types\.orders`: the type is declared twice"):
        await world.administration.upstreams.create(ada, "more-orders", orders_form())
    with pytest.raises(Conflict, match="there is an upstream `orders` already"):
        await world.administration.upstreams.create(ada, "orders", orders_form(operations="types: {}"))
    # nor does one find itself in the way
    changed = await world.administration.upstreams.change(ada, "orders", orders_form(operations=ORDERS + "\n# more"))
    assert world.put(Upstream)[-1] == changed


async def test_a_command_line_has_one_spelling(world: World) -> None:
    ada = await world.signed_in()
    form = UpstreamForm(
        kind=UpstreamKind.MCP_STDIO, target='[ "mcp-server-git",\n "--repository", "/srv/\\u00e9" ]', operations=ORDERS
    )
    made = await world.administration.upstreams.create(ada, "git", form)
    assert made.target == '["mcp-server-git","--repository","/srv/\u00e9"]'
    assert world.store.entries[-1].details["origin"].startswith("stdio:")
    assert "/srv" not in str(world.store.entries[-1])


async def test_disabling_an_upstream_and_its_way_back(world: World) -> None:
    ada = await world.furnished()
    upstreams = world.administration.upstreams
    await upstreams.disable(ada, "orders")
    assert (Scope.UPSTREAM, "orders") in world.withdrawn()
    again = await opened(world.store)
    assert (Scope.UPSTREAM, "orders") in again.withdrawn()
    await upstreams.enable(ada, "orders")
    assert world.announced[-1] == Reinstated(Scope.UPSTREAM, "orders")
    await upstreams.delete(ada, "orders")
    assert "orders" not in {upstream.name for upstream in world.store.kept(Upstream).values()}
    await upstreams.create(ada, "orders", orders_form())
    assert world.announced[-1] == Reinstated(Scope.UPSTREAM, "orders")


# -- secrets


async def test_a_secret_goes_in_and_never_out(world: World) -> None:
    ada = await world.furnished()
    sealed = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    assert (sealed.upstream, sealed.origin) == (
        world.administration.desk.register.upstream("orders").id,
        "https://orders.example:443",
    )
    assert world.administration.desk.register.upstream("orders").secret == sealed.id
    everything = repr((world.store._records, world.store.entries, world.announced, world.administration))
    assert KEY.decode() not in everything
    assert KEY not in sealed.ciphertext
    assert "secret.stored" in world.store.events()
    assert [said.record for said in world.announced[-2:] if isinstance(said, Put)] == [
        sealed,
        world.administration.desk.register.upstream("orders"),
    ]


async def test_a_secret_is_for_one_address(world: World) -> None:
    ada = await world.furnished()
    await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    change = world.administration.upstreams.change
    for target in ("https://evil.example/v1", "http://orders.example/v1", "https://orders.example:8443/v1"):
        with pytest.raises(
            Conflict, match=r"holds a secret for `https://orders\.example:443`, which goes nowhere else"
        ):
            await change(ada, "orders", orders_form(target))
    with pytest.raises(Conflict, match="has to say where it goes"):
        await change(ada, "orders", replace(orders_form(), injection=None))
    await change(ada, "orders", orders_form("https://orders.example/v2"))
    with pytest.raises(Conflict, match="`orders` has its secret, `orders-key`"):
        await world.administration.secrets.store(ada, "second", "orders", KEY)


async def test_an_upstream_that_wants_a_secret_names_one_before_it_has_one(world: World) -> None:
    ada = await world.furnished()
    register = world.administration.desk.register
    named = register.upstream("orders").secret
    assert named is not None
    assert named not in register.secrets
    same = await world.administration.upstreams.change(ada, "orders", orders_form("https://other.example/"))
    assert same.secret == named
    plain = await world.administration.upstreams.change(ada, "orders", replace(orders_form(), injection=None))
    assert plain.secret is None
    again = await world.administration.upstreams.change(ada, "orders", orders_form())
    assert again.secret not in {None, named}
    sealed = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    assert register.upstream("orders").secret == sealed.id


async def test_without_its_secret_an_upstream_still_names_it(world: World) -> None:
    """So that calls are refused, and never go out as a stranger's."""
    ada = await world.furnished()
    sealed = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    await world.administration.secrets.delete(ada, "orders-key")
    assert world.administration.desk.register.upstream("orders").secret == sealed.id
    assert world.announced[-1] == Removed(sealed)
    await world.administration.upstreams.change(ada, "orders", orders_form("https://new.example/"))
    moved = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    assert moved.origin == "https://new.example:443"
    await world.administration.upstreams.delete(ada, "orders")
    assert world.store.kept(SealedSecret) == {}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"short",
        KEY + b"\n",
        b" " + KEY,
        KEY + b" ",
        b"a\r\nX-Evil: 1",
        b"a\0bcdefghij",
        "schl\u00fcssel".encode() * 2,
        b"x" * 16385,
    ],
)
async def test_a_value_that_could_not_be_sent_is_refused_and_not_repeated(world: World, value: bytes) -> None:
    ada = await world.furnished()
    with pytest.raises(Malformed) as caught:
        await world.administration.secrets.store(ada, "orders-key", "orders", value)
    assert not value or value.decode() not in caught.value.message + caught.value.hint
    assert "secret.stored" not in world.store.events()


async def test_a_secret_needs_a_place_to_go(world: World) -> None:
    ada = await world.signed_in()
    await world.administration.upstreams.create(ada, "orders", replace(orders_form(), injection=None))
    with pytest.raises(Conflict, match="`orders` does not say where its secret goes"):
        await world.administration.secrets.store(ada, "orders-key", "orders", KEY)


async def test_replacing_a_value_makes_a_new_version(world: World) -> None:
    ada = await world.furnished()
    before = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    after = await world.administration.secrets.replace(ada, "orders-key", b"sk_live_another_one")
    assert (after.id, after.version) == (before.id, 2)
    assert world.store.kept(SealedSecret) == {after.id: after}


async def test_rewrapping_takes_what_is_stale_and_says_how_many(world: World) -> None:
    ada = await world.furnished()
    before = await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    assert await world.administration.secrets.rewrap(ada) == 0
    assert await world.administration.secrets.rewrap(ada, new_key=True) == 1
    after = world.administration.desk.register.secret("orders-key")
    assert after.key_id != before.key_id
    assert after.ciphertext == before.ciphertext
    assert world.put(SealedSecret)[-1] == after


async def test_only_an_admin_touches_secrets_and_only_when_fresh(world: World) -> None:
    ada = await world.furnished()
    secrets = world.administration.secrets
    await secrets.store(ada, "orders-key", "orders", KEY)
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    for attempt in (
        secrets.store(bob, "mine", "orders", KEY),
        secrets.replace(bob, "orders-key", KEY),
        secrets.delete(bob, "orders-key"),
        secrets.rewrap(bob),
    ):
        with pytest.raises(Denied):
            await attempt
    world.later(HOUR)
    ada = await world.with_pat()
    attempts = (
        secrets.store(ada, "x", "orders", KEY),
        secrets.replace(ada, "orders-key", KEY),
        secrets.delete(ada, "orders-key"),
        world.administration.upstreams.delete(ada, "orders"),
    )
    for attempt in attempts:
        with pytest.raises(Error) as caught:
            await attempt
        assert caught.value.code == "reauthentication_required"


# -- opening


async def test_opening_again_tells_the_snapshot_everything_and_withdrawals_last(world: World) -> None:
    ada = await world.furnished()
    await world.administration.secrets.store(ada, "orders-key", "orders", KEY)
    alive, dead = await world.token(ada, "alive"), await world.token(ada, "dead")
    await world.administration.revoking.token(ada, "dead")
    store: Store = world.store
    again = await opened(store)
    kinds = [type(said.record).__name__ for said in again.announced if isinstance(said, Put)]
    assert kinds.index("Upstream") < kinds.index("SealedSecret") < kinds.index("Role") < kinds.index("Agent")
    assert kinds.index("Agent") < kinds.index("TokenRecord")
    assert again.withdrawn() == {(Scope.CREDENTIAL, dead.record.id)}
    assert again.announced[-1] not in [said for said in again.announced if isinstance(said, Put)]
    register = again.administration.desk.register
    assert register.alive(register.tokens[alive.record.id], world.now[0])
    assert (
        again.administration.desk.catalogues.together.names() == world.administration.desk.catalogues.together.names()
    )


async def test_a_file_that_this_version_cannot_read_is_a_fault_and_no_stop(world: World) -> None:
    ada = await world.furnished()
    upstream = world.administration.desk.register.upstream("orders")
    world.store.plant(replace(upstream, operations="types: ["))
    again = await opened(world.store)
    faults = again.administration.overview.faults()
    assert faults[0].startswith("upstream `orders`: `orders` line 2")
    assert faults[1].startswith("role `support`: `orders:list`: the scope `orders:list` is not in the catalogue")
    assert ada.person in again.administration.desk.register.people
