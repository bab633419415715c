"""Files as configuration: the plan says all that applying does, and applying does all of it or nothing."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.administration.configurations import FOLDER, applied, exported, planned, sources
from tests.administration.world import HOUR, LIMITS, MINUTE, SECOND, World, opened, orders_form

from gatepass.access import ActionClass, CredentialId
from gatepass.administration.configuration import Missing, Plan
from gatepass.authority import Catalogue
from gatepass.credentials import Rate
from gatepass.errors import Conflict, Denied, Error, Malformed, Unauthenticated, Unavailable
from gatepass.registry import AgentLimits, OperatorRole
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio


def steps(plan: Plan) -> list[tuple[str, str, str]]:
    return [(change.step.value, change.kind.value, change.name) for change in plan.changes]


def members(plan: Plan, name: str) -> dict[str, tuple[Any, Any]]:
    (change,) = (change for change in plan.changes if change.name == name)
    return {member.name: (member.before, member.after) for member in change.members}


def without(path: str) -> dict[str, str]:
    return {name: text for name, text in FOLDER.items() if name != path}


async def test_a_folder_becomes_a_deployment_and_a_second_time_changes_nothing(world: World) -> None:
    plan = await applied(world, FOLDER)
    assert steps(plan) == [
        ("create", "upstream", "orders"),
        ("create", "role", "support"),
        ("create", "agent", "support-bot"),
    ]
    register = world.administration.desk.register
    agent, upstream = register.agent("support-bot"), register.upstream("orders")
    assert agent.limits == AgentLimits(calls=Rate(60, MINUTE), classes=frozenset({ActionClass.READ, ActionClass.WRITE}))
    assert (agent.managed, upstream.managed, register.role("support").managed) == (True, True, True)
    assert agent.id.startswith("agt_0") or agent.id != "agt_support-bot"
    assert upstream.secret is not None
    assert register.role("support").max_lifetime == 8 * HOUR
    assert world.store.commits[-1] == 3
    entries = world.store.entries[-4:]
    assert [entry.event for entry in entries] == [
        "upstream.created",
        "role.created",
        "agent.created",
        "configuration.applied",
    ]
    assert {entry.actor for entry in entries} == {world.person("ada").id}
    assert entries[-1].details["create"] == "3"
    assert {entry.details.get("by") for entry in entries[:-1]} == {"files"}
    before = len(world.store.entries)
    again = await applied(world, FOLDER)
    assert again.changes == ()
    assert "configuration.applied" not in [entry.event for entry in world.store.entries[before:]]
    await world.token(await world.signed_in())


async def test_it_survives_a_restart(world: World) -> None:
    await applied(world, FOLDER)
    later = await opened(world.store)
    later.now[0] = world.now[0]
    assert (await planned(later, FOLDER)).changes == ()


async def test_each_member_that_differs_is_named_with_what_it_was(world: World) -> None:
    await applied(world, FOLDER)
    changed = {
        **FOLDER,
        "agents/support-bot.yaml": "role: support\nowner: ada\nlimits: {calls: 60/60s, writes_per_minute: 5}\n",
        "roles/support.yaml": "scopes: ['orders:read:*', 'orders:refund:*?amount<=5']\n",
        "upstreams/orders.yaml": FOLDER["upstreams/orders.yaml"] + "allow_private: true\n",
        "operations/orders.yaml": FOLDER["operations/orders.yaml"] + "# more\n",
    }
    plan = await planned(world, changed)
    assert members(plan, "support-bot") == {
        "limits.classes": (("read", "write"), None),
        "limits.writes_per_minute": (None, 5),
    }
    assert members(plan, "support") == {
        "scopes": (("orders:list", "orders:read:*"), ("orders:read:*", "orders:refund:*?amount<=5")),
        "max_lifetime": ("8h", None),
    }
    assert set(members(plan, "orders")) == {"allow_private", "operations"}
    await applied(world, changed)
    assert (await planned(world, changed)).changes == ()


async def test_the_order_of_scopes_is_no_difference(world: World) -> None:
    await applied(world, FOLDER)
    turned = {**FOLDER, "roles/support.yaml": "scopes: ['orders:read:*', 'orders:list']\nmax_lifetime: 8h\n"}
    assert (await planned(world, turned)).changes == ()
    assert world.administration.desk.register.role("support").scopes == ("orders:list", "orders:read:*")


async def test_what_is_there_already_is_adopted_and_the_plan_says_so(world: World) -> None:
    await world.furnished()
    plan = await applied(world, FOLDER)
    assert [step for step, _, _ in steps(plan)] == ["adopt"] * 3
    assert members(plan, "support-bot") == {
        "limits.calls": (None, "60/1m"),
        "limits.classes": (None, ("read", "write")),
    }
    assert (await planned(world, FOLDER)).changes == ()


async def test_what_is_in_no_file_any_more_is_left_and_pointed_out(world: World) -> None:
    await applied(world, FOLDER)
    plan = await applied(world, without("agents/support-bot.yaml"))
    assert plan.changes == ()
    assert "agent `support-bot` is in no file any more, and left as it is: --prune removes it" in plan.notices


async def test_removing_disables_the_agent_and_its_tokens_and_deletes_the_rest(world: World) -> None:
    await applied(world, FOLDER)
    ada = await world.signed_in()
    await world.administration.secrets.store(ada, "orders-key", "orders", b"sk_live_0123")
    token = await world.token(ada)
    plan = await applied(world, {}, Missing.REMOVE)
    assert [(change.step.value, change.name, change.says) for change in plan.changes] == [
        ("remove", "orders", "its secret `orders-key` goes with it"),
        ("remove", "support", ""),
        ("remove", "support-bot", "it is disabled, and 1 of its tokens are revoked"),
    ]
    register = world.administration.desk.register
    assert (register.roles, register.upstreams, register.secrets) == ({}, {}, {})
    agent = register.agent("support-bot")
    assert agent.disabled is not None
    assert not agent.managed
    assert {(Scope.AGENT, agent.id), (Scope.CREDENTIAL, token.record.id), (Scope.UPSTREAM, "orders")} <= (
        world.withdrawn()
    )
    assert register.tokens[token.record.id].revoked
    assert {"agent.disabled", "token.revoked", "role.deleted", "upstream.deleted", "secret.deleted"} <= set(
        world.store.events()
    )
    assert (await planned(world, {}, Missing.REMOVE)).changes == ()


async def test_what_was_removed_can_come_back_and_calls_go_through_again(world: World) -> None:
    await applied(world, FOLDER)
    await applied(world, {}, Missing.REMOVE)
    plan = await applied(world, FOLDER)
    assert steps(plan)[2] == ("adopt", "agent", "support-bot")
    assert any("support-bot` is disabled, and stays so" in notice for notice in plan.notices)
    assert (Scope.UPSTREAM, "orders") not in world.administration.desk.register.withdrawn
    await world.administration.agents.enable(await world.signed_in(), "support-bot")
    await world.token(await world.signed_in(), "again")


async def test_a_role_is_not_removed_from_under_an_agent(world: World) -> None:
    await applied(world, FOLDER)
    await world.administration.agents.create(await world.signed_in(), "by-hand", "support")
    plan = await planned(world, {}, Missing.REMOVE)
    assert [str(fault) for fault in plan.faults] == [
        "the folder: the role `support` cannot be removed: the agent `by-hand` acts in it"
    ]


async def test_what_is_released_is_managed_by_hand(world: World) -> None:
    await applied(world, FOLDER)
    plan = await applied(world, {}, Missing.RELEASE)
    assert [step for step, _, _ in steps(plan)] == ["release"] * 3
    ada = await world.signed_in()
    await world.administration.roles.put(ada, "support", scopes=["orders:list", "orders:read:*", "orders:delete:*"])
    assert (await planned(world, {}, Missing.REMOVE)).changes == ()


# -- by hand, meanwhile


async def test_what_files_manage_is_not_changed_by_hand_but_can_be_taken_away(world: World) -> None:
    await applied(world, FOLDER)
    ada = await world.signed_in()
    administration = world.administration
    await administration.roles.put(ada, "other", scopes=["orders:list"])
    refused = [
        administration.agents.change(ada, "support-bot", role="other"),
        administration.roles.put(ada, "support", scopes=["orders:list", "orders:read:*", "orders:delete:*"]),
        administration.upstreams.change(ada, "orders", replace(orders_form(), allow_private=True)),
    ]
    for attempt in refused:
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.code == "managed_by_files"
        assert caught.value.message.endswith("` is managed by files")
        assert "gatepass apply" in caught.value.hint

    await administration.roles.put(ada, "support", scopes=["orders:list"], max_lifetime=8 * HOUR)
    assert administration.desk.register.role("support").managed
    token = await world.token(ada)
    await administration.revoking.token(ada, token.record.id)
    await administration.agents.disable(ada, "support-bot")
    await administration.agents.enable(ada, "support-bot")
    await administration.upstreams.disable(ada, "orders")
    plan = await planned(world, FOLDER)
    assert steps(plan) == [("change", "role", "support")]
    assert members(plan, "support") == {"scopes": (("orders:list",), ("orders:list", "orders:read:*"))}
    assert "upstream `orders` is disabled, and stays so: files do not enable it" in plan.notices
    await applied(world, FOLDER)
    assert administration.desk.register.upstream("orders").disabled is not None
    await administration.upstreams.delete(ada, "orders")
    assert ("create", "upstream", "orders") in steps(await planned(world, FOLDER))


# -- limits


async def test_tokens_with_their_agents_limits_follow_and_tuned_ones_stay(world: World) -> None:
    await applied(world, FOLDER)
    ada = await world.signed_in()
    plain, tuned = await world.token(ada, "plain"), await world.token(ada, "tuned")
    dead = await world.token(ada, "dead")
    await world.administration.tokens.amend(ada, "tuned", {"calls": Rate(3, SECOND)})
    await world.administration.revoking.token(ada, "dead")
    tighter = {
        **FOLDER,
        "agents/support-bot.yaml": "role: support\nowner: ada\nlimits: {calls: 10/1m, classes: [read]}\n",
    }
    plan = await applied(world, tighter)
    assert steps(plan) == [("change", "agent", "support-bot"), ("change", "token", "plain")]
    assert members(plan, "plain") == {"limits.calls": ("60/1m", "10/1m"), "limits.classes": ("read write", "read")}
    assert [note for note in plan.notices if "token" in note] == [
        f"token `tuned` keeps the limits that it was given by itself: gatepass token show {tuned.record.id}"
    ]
    tokens = world.administration.desk.register.tokens
    assert tokens[plain.record.id].limits == replace(
        LIMITS, calls=Rate(10, MINUTE), classes=frozenset({ActionClass.READ})
    )
    assert tokens[tuned.record.id].limits.calls == Rate(3, SECOND)
    assert tokens[dead.record.id].limits.calls == Rate(60, MINUTE)
    assert (await planned(world, tighter)).changes == ()


@pytest.mark.parametrize(("count", "fits"), [(19_999, True), (20_000, False)])
async def test_as_many_records_change_at_once_as_the_bound_says(world: World, count: int, fits: bool) -> None:  # noqa: FBT001  a case
    """One agent and all of its tokens, which follow it, in one transaction."""
    slow = "role: support\nowner: ada\nlimits:\n  calls: 1/1h\n"
    await applied(world, {**FOLDER, "agents/support-bot.yaml": slow})
    token = (await world.token(await world.signed_in(), "one")).record
    register = world.administration.desk.register
    several = [
        replace(token, id=CredentialId(f"crd_{at:010}"), meters=CredentialId(f"crd_{at:010}"))
        for at in range(count - 1)
    ]
    register.apply(several, ())
    changed = {**FOLDER, "agents/support-bot.yaml": slow + "  requests_per_day: 5\n"}
    ada = await world.signed_in()
    plan = await world.administration.configuration.plan(ada, sources(changed))
    assert len(plan.changes) == count + 1
    commits = len(world.store.commits)
    applying = world.administration.configuration.apply(ada, sources(changed), plan.fingerprint)
    if fits:
        await applying
        assert world.store.commits[commits:] == [count + 1], "all of them in one transaction"
        assert {each.limits.requests_per_day for each in register.tokens.values() if each.agent == token.agent} == {5}
        return
    with pytest.raises(Malformed) as refused:
        await applying
    assert refused.value.code == "too_large"
    assert register.tokens[token.id].limits.requests_per_day is None


async def test_tokens_do_not_follow_beyond_the_deployments_ceiling(world: World) -> None:
    await applied(world, FOLDER)
    ada = await world.signed_in()
    for number in range(3):
        await world.token(ada, f"token-{number}")
    loose = {**FOLDER, "agents/support-bot.yaml": "role: support\nowner: ada\nlimits: {calls: 3000/1m}\n"}
    plan = await planned(world, loose)
    (fault,) = plan.faults
    assert (fault.file, fault.line) == ("agents/support-bot.yaml", 3)
    assert fault.says.startswith("its tokens would follow, but `3000/1m` is more than is left of the deployment's")


# -- who may


async def test_widening_needs_an_admin_who_has_just_signed_in(world: World) -> None:
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    plan = await planned(world, FOLDER)
    assert plan.widens
    with pytest.raises(Denied) as denied:
        await world.administration.configuration.apply(bob, sources(FOLDER), plan.fingerprint)
    assert denied.value.code == "operator_forbidden"
    assert world.administration.desk.register.agents == {}
    stale = await world.signed_in()
    world.later(HOUR)
    with pytest.raises(Unauthenticated) as again:
        await world.administration.configuration.apply(stale, sources(FOLDER), plan.fingerprint)
    assert again.value.code == "reauthentication_required"
    assert world.administration.desk.register.roles == {}
    assert [entry.event for entry in world.store.entries[-1:]] == ["operator.refused"]


async def test_an_operator_widens_no_role_by_files(world: World) -> None:
    await applied(world, FOLDER)
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    wide = {**FOLDER, "roles/support.yaml": "scopes: ['orders:*:*']\n"}
    plan = await world.administration.configuration.plan(bob, sources(wide))
    assert [act.value for act in plan.acts] == ["role.widen"]
    with pytest.raises(Denied, match=r"role\.widen"):
        await world.administration.configuration.apply(bob, sources(wide), plan.fingerprint)
    agents = {**FOLDER, "agents/new.yaml": "role: support\nowner: bob\n"}
    await applied(world, agents, operator=bob)
    assert world.administration.desk.register.agent("new").owner == bob.person


async def test_what_only_narrows_needs_no_fresh_person(world: World) -> None:
    await applied(world, FOLDER)
    await world.token(await world.signed_in())
    stale = await world.signed_in()
    world.later(HOUR)
    narrow = {
        **FOLDER,
        "roles/support.yaml": "scopes: ['orders:list']\nmax_lifetime: 1h\n",
        "agents/support-bot.yaml": FOLDER["agents/support-bot.yaml"].replace("60/1m", "6/1m"),
    }
    plan = await applied(world, narrow, operator=stale)
    assert not plan.widens
    assert len(plan.changes) == 3


async def test_an_auditor_plans_and_exports_and_applies_nothing(world: World) -> None:
    eve = await world.joined("eve", OperatorRole.AUDITOR)
    configuration = world.administration.configuration
    plan = await configuration.plan(eve, sources(FOLDER))
    assert len(plan.changes) == 3
    assert await configuration.export(eve) == {}
    with pytest.raises(Denied, match=r"configuration\.apply"):
        await configuration.apply(eve, sources(FOLDER), plan.fingerprint)
    dan = await world.joined("dan", None)
    with pytest.raises(Denied):
        await configuration.plan(dan, sources(FOLDER))
    with pytest.raises(Denied):
        await configuration.export(dan)


# -- all or nothing


async def test_two_that_apply_at_once_do_not_both(world: World) -> None:
    ada, configuration = await world.signed_in(), world.administration.configuration
    plan = await configuration.plan(ada, sources(FOLDER))
    results = await asyncio.gather(
        *(configuration.apply(ada, sources(FOLDER), plan.fingerprint) for _ in range(2)), return_exceptions=True
    )
    errors = [result for result in results if isinstance(result, Error)]
    assert [error.code for error in errors] == ["configuration_changed"]
    assert world.store.events().count("configuration.applied") == 1


async def test_a_plan_that_was_overtaken_is_not_applied(world: World) -> None:
    await applied(world, FOLDER)
    wide = {**FOLDER, "roles/support.yaml": "scopes: ['orders:list', 'orders:read:*', 'orders:refund:*']\n"}
    ada, configuration = await world.signed_in(), world.administration.configuration
    plan = await configuration.plan(ada, sources(wide))
    await world.administration.roles.put(ada, "support", scopes=["orders:list"], max_lifetime=HOUR)
    with pytest.raises(Conflict) as caught:
        await configuration.apply(ada, sources(wide), plan.fingerprint)
    assert caught.value.code == "configuration_changed"
    assert world.administration.desk.register.role("support").scopes == ("orders:list",)


async def test_a_full_disk_changes_nothing_at_all(world: World) -> None:
    await applied(world, FOLDER)
    token = await world.token(await world.signed_in())
    ada, configuration = await world.signed_in(), world.administration.configuration
    plan = await configuration.plan(ada, [], Missing.REMOVE)
    world.store.full = True
    with pytest.raises(Unavailable):
        await configuration.apply(ada, [], plan.fingerprint, Missing.REMOVE)
    world.store.full = False
    assert world.withdrawn() == set()
    assert world.administration.desk.register.alive(token.record, world.now[0])
    assert (await planned(world, {}, Missing.REMOVE)).fingerprint == plan.fingerprint


async def test_whoever_hangs_up_has_removed_what_is_recorded_as_removed(world: World) -> None:
    await applied(world, FOLDER)
    token = await world.token(await world.signed_in())
    ada, configuration = await world.signed_in(), world.administration.configuration
    plan = await configuration.plan(ada, [], Missing.REMOVE)
    world.store.hold = asyncio.Event()
    applying = asyncio.ensure_future(configuration.apply(ada, [], plan.fingerprint, Missing.REMOVE))
    await world.store.held.wait()
    applying.cancel()
    await asyncio.sleep(0)
    world.store.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await applying
    assert (Scope.CREDENTIAL, token.record.id) in world.withdrawn()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"agents/x.yaml": "role: nowhere\nowner: ada\n"}, "`agents/x.yaml` line 1: there is no role `nowhere`"),
        ({"agents/x.yaml": "role: support\nowner: eve\n"}, "`agents/x.yaml` line 2: there is no person `eve`"),
        (
            {"roles/x.yaml": "scopes:\n  - orders:list\n  - orders:lst\n"},
            "`roles/x.yaml` line 3: the scope `orders:lst` is not in the catalogue; the nearest: `orders:list`",
        ),
        (
            {"operations/orders.yaml": FOLDER["operations/orders.yaml"].replace("class: delete", "class: destroy")},
            "`operations/orders.yaml` line 8: expected `read`, `write`, `delete` or `admin`, not `destroy`",
        ),
        (
            {
                "upstreams/two.yaml": "kind: rest\ntarget: http://two.example\n",
                "operations/two.yaml": FOLDER["operations/orders.yaml"],
            },
            "`operations/two.yaml`: ",
        ),
        (
            {"upstreams/orders.yaml": "kind: rest\ntarget: ftp://orders.example\n"},
            "`upstreams/orders.yaml` line 2: ",
        ),
        (
            {"upstreams/orders.yaml": "kind: rest\ntarget: http://o.example\ninjection: {kind: header, name: Host}\n"},
            "`upstreams/orders.yaml` line 3: `injection.name`: no secret is put into `Host`",
        ),
        (
            {"agents/x.yaml": "role: support\nowner: ada\nlimits: {calls: 1/2d}\n"},
            "`agents/x.yaml` line 3: `limits.calls`: ",
        ),
    ],
)
async def test_one_faulty_file_stops_all_of_it(world: World, files: Mapping[str, str], says: str) -> None:
    plan = await planned(world, {**FOLDER, **files})
    assert plan.changes == ()
    assert len(plan.faults) == 1, list(map(str, plan.faults))
    assert str(plan.faults[0]).startswith(says)
    with pytest.raises(Malformed) as caught:
        await world.administration.configuration.apply(
            await world.signed_in(), sources({**FOLDER, **files}), plan.fingerprint
        )
    assert (caught.value.code, caught.value.message) == ("malformed_configuration", str(plan.faults[0]))
    assert world.administration.desk.register.agents == {}


async def test_an_upstream_with_a_secret_goes_nowhere_else(world: World) -> None:
    await applied(world, FOLDER)
    await world.administration.secrets.store(await world.signed_in(), "orders-key", "orders", b"sk_live_0123")
    moved = {
        **FOLDER,
        "upstreams/orders.yaml": FOLDER["upstreams/orders.yaml"].replace("orders.example", "evil.example"),
    }
    (fault,) = (await planned(world, moved)).faults
    assert "holds a secret for `https://orders.example:443`" in fault.says


async def test_neither_files_nor_operations_are_read_on_the_event_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogues = world.administration.desk.catalogues
    threads: list[int] = []
    read = catalogues.read

    def noted(text: str, name: str) -> Catalogue:
        threads.append(threading.get_ident())
        return read(text, name)

    monkeypatch.setattr(catalogues, "read", noted)
    await applied(world, FOLDER)
    assert len(threads) == 1
    broken = {**FOLDER, "operations/orders.yaml": "types: 7\n"}
    assert [fault.file for fault in (await planned(world, broken)).faults] == ["operations/orders.yaml"]
    assert len(threads) == 2
    assert threading.get_ident() not in threads


# -- export


async def test_what_is_exported_is_what_there_is(world: World) -> None:
    await world.furnished()
    ada = await world.signed_in()
    await world.administration.agents.create(ada, "gone", "support")
    await world.administration.agents.disable(ada, "gone")
    files = await exported(world)
    assert list(files) == [
        "agents/support-bot.yaml",
        "operations/orders.yaml",
        "roles/support.yaml",
        "upstreams/orders.yaml",
    ]
    assert files["agents/support-bot.yaml"] == (
        "# yaml-language-server: $schema=../.schemas/agent.json\nrole: support\nowner: ada\n"
    )
    assert await exported(world, managed=True) == {}
    plan = await applied(world, files)
    assert [(change.step.value, change.members) for change in plan.changes] == [("adopt", ())] * 3
    assert (await planned(world, files)).changes == ()
    assert await exported(world) == files == await exported(world, managed=True)


async def test_no_secret_is_in_an_export(world: World) -> None:
    await applied(world, FOLDER)
    ada = await world.signed_in()
    await world.administration.secrets.store(ada, "orders-key", "orders", b"sk_live_000")
    token = await world.token(ada)
    text = "".join((await exported(world)).values())
    assert "secret: orders-key\n" in text
    assert "sk_live_000" not in text
    assert token.token.reveal() not in text
