"""Revoking what was issued: an access token by its id, an agent's own, a link that nobody here has ever stored."""

import asyncio

import pytest
from tests.administration.test_issued import alive, furnished, issued, snapshot_of
from tests.administration.world import World, opened

from gatepass.access import CredentialId, Instant
from gatepass.administration import RunForm, TokenForm
from gatepass.administration.assembly import KEPT_SHORT
from gatepass.administration.changes.desk import Part
from gatepass.credentials import IssuedRecord
from gatepass.errors import Denied, NotFound, Unavailable
from gatepass.registry import OperatorRole, RunLimits
from gatepass.revocation import Scope
from gatepass.revocation.status_lists import BLOCK, CAPACITY, ListRecord, split

pytestmark = pytest.mark.anyio


async def test_an_access_token_is_revoked_by_its_id_with_what_descends_and_for_good(world: World) -> None:
    ada = await furnished(world)
    record, other = await issued(world), await issued(world, 2)
    child = await issued(world, 3, parent=record.id, ancestors=(record.id, *record.ancestors))
    (revoked,) = await world.administration.revoking.token(ada, record.id, "it was seen\nin a log")
    assert isinstance(revoked, IssuedRecord)
    assert (revoked.id, revoked.revoked, revoked.revoked_because) == (
        record.id,
        world.now[0],
        "it was seen in a log",
    )
    assert [alive(world, each) for each in (record, child, other)] == [False, False, True]
    entry = world.store.entries[-1]
    assert (entry.event, entry.credential, entry.agent, entry.owner) == (
        "credential.revoked",
        record.id,
        record.agent,
        record.owner,
    )
    assert await world.administration.revoking.token(ada, record.id) == ()
    again = await opened(world.store)
    assert [alive(again, each) for each in (record, child, other)] == [False, False, True]


async def test_it_is_dead_before_the_disk_has_answered_and_stays_so_if_it_never_does(world: World) -> None:
    ada = await furnished(world)
    record = await issued(world)
    world.store.hold = asyncio.Event()
    revoking = asyncio.create_task(world.administration.revoking.token(ada, record.id))
    await world.store.held.wait()
    assert not alive(world, record)
    world.store.full = True
    world.store.hold.set()
    with pytest.raises(Unavailable, match="is refused all the same"):
        await revoking
    assert not alive(world, record)


async def test_its_owner_may_and_others_may_not(world: World) -> None:
    await furnished(world)
    record = await issued(world)
    bob = await world.joined("bob", None)
    with pytest.raises(Denied):
        await world.administration.revoking.token(bob, record.id)
    ada = await world.signed_in()
    carol = await world.joined("carol", OperatorRole.AUDITOR)
    with pytest.raises(Denied):
        await world.administration.revoking.token(carol, record.id)
    assert alive(world, record)
    await world.administration.revoking.token(ada, record.id)


async def test_an_agent_revokes_its_own_and_learns_nothing_of_others(world: World) -> None:
    ada = await furnished(world)
    other = await world.administration.agents.create(ada, "other-bot", "support")
    mine = await issued(world)
    laptop = world.administration.desk.register.token("laptop")
    for id_ in (mine.id, laptop.id, CredentialId("crd_unknown")):
        await world.administration.revoking.own(other.id, id_, "it asked")
    assert alive(world, mine)
    assert world.administration.desk.register.alive(laptop, world.now[0])
    await world.administration.revoking.own(mine.agent, mine.id, "it asked")
    assert not alive(world, mine)
    assert world.store.entries[-1].actor == mine.agent
    await world.administration.revoking.own(mine.agent, laptop.id, "it asked")
    assert world.administration.desk.register.tokens[laptop.id].revoked is not None


async def test_a_link_stays_withdrawn_though_nobody_has_a_record_of_it(world: World) -> None:
    await furnished(world)
    bot = world.administration.desk.register.agent("support-bot")
    id_, expires = CredentialId("crd_link"), Instant(world.now[0] + 60_000)
    await world.administration.revoking.link(bot.id, bot.id, id_, expires, "it asked")
    await world.administration.revoking.link(bot.id, bot.id, id_, expires, "it asked again")
    for seen in (world, await opened(world.store)):
        assert (Scope.CREDENTIAL, id_) in seen.withdrawn()
        veto = snapshot_of(seen).live.check(id_, "orders")
        assert veto is not None
        assert veto.code == "credential_invalid"  # and not merely unheard of
    assert [entry.event for entry in world.store.entries].count("link.withdrawn") == 1


async def test_places_in_status_lists_survive_a_restart(world: World) -> None:
    await furnished(world)
    given_out: set[int] = set()
    current = world
    for _ in range(3):
        for _ in range(BLOCK // 2 + 3):
            async with current.administration.desk.system_turn() as turn:
                status, puts = turn.place()
                await turn.commit(puts=puts)
            assert status not in given_out
            given_out.add(status)
        current = await opened(world.store)
    assert {split(status)[0] for status in given_out} == {1}


async def test_a_persons_token_is_not_an_agents_to_revoke(world: World) -> None:
    ada = await furnished(world)
    pat = (await world.administration.tokens.create(ada, TokenForm(name="pat"))).record
    bot = world.administration.desk.register.agent("support-bot")
    await world.administration.revoking.own(bot.id, pat.id, "it asked")
    assert world.administration.desk.register.alive(pat, world.now[0])


async def test_a_list_that_is_used_up_is_let_go_of_when_its_last_token_has_ended(world: World) -> None:
    await furnished(world)
    desk = world.administration.desk
    status = 0
    for _ in range(CAPACITY + 1):
        status, record = desk.places.take(world.now[0])
        if record is not None:
            await desk.commit(Part(puts=(record,)))
    assert split(status)[0] == 2
    await world.administration.tend()
    assert len(world.store.kept(ListRecord)) == 2
    world.later(KEPT_SHORT + 1)
    await world.administration.tend()
    assert [record.number for record in world.store.kept(ListRecord).values()] == [2]


async def test_what_lives_for_minutes_is_not_remembered_for_ever(world: World) -> None:
    await furnished(world)
    record = await issued(world)
    await world.administration.revoking.link(
        record.agent, record.agent, CredentialId("crd_link"), record.expires, "it asked"
    )
    world.later(record.expires - world.now[0] + KEPT_SHORT)
    await world.administration.tend()
    assert record.id in world.administration.desk.register.issued
    world.later(1)
    await world.administration.tend()
    register = world.administration.desk.register
    assert (register.issued, register.links) == ({}, {})
    assert (Scope.CREDENTIAL, "crd_link") not in register.withdrawn


async def test_what_an_access_token_reaches_is_shown_under_its_id(world: World) -> None:
    ada = await furnished(world)
    run = await world.administration.runs.open(ada, "support-bot", RunForm(limits=RunLimits(writes=3)))
    record = await issued(world, run=run.id)
    overview = world.administration.overview
    found = await overview.blast_radius(ada, record.id)
    assert (found.token.id, found.dead, found.until) == (record.id, None, record.expires)
    assert [each.scope for each in found.reach] == ["orders:list"]
    assert [level.reservation.meter for level in found.levels][-1] == f"{run.id}/run-writes"
    assert (await overview.token(ada, record.id)).limits == world.administration.desk.register.token("laptop").limits
    bob = await world.joined("bob", None)
    with pytest.raises(NotFound):
        await overview.token(bob, record.id)
    ada = await world.signed_in()
    await world.administration.signing.withdraw(ada, record.key, "it was copied")
    assert (await overview.blast_radius(ada, record.id)).dead == "the key that signed it was withdrawn"
    rootless = await issued(world, 2, root=None, parent=None, ancestors=())
    assert (await overview.blast_radius(ada, rootless.id)).dead is None
    await world.administration.revoking.token(ada, rootless.id)
    assert (await overview.blast_radius(ada, rootless.id)).dead == "the token was revoked"
