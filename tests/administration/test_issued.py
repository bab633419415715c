"""Access tokens as records: on the live list once they are kept, off it at once, and after a restart still."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from tests.administration.world import HOUR, World, opened

from gatepass.access import CredentialId, Instant
from gatepass.administration import Operator, Put, Removed
from gatepass.administration.changes.desk import Part
from gatepass.credentials import IssuedRecord
from gatepass.errors import Denied, Error, NotFound
from gatepass.gateway.snapshot import Snapshot
from gatepass.keys import IssuerKey
from gatepass.keys.issuing import OVERLAP, KeyState, signing_now
from gatepass.registry import Agent, AgentKey, OperatorRole, TrustRule
from gatepass.revocation import Live, Reinstated, Withdrawn

pytestmark = pytest.mark.anyio

Act = Callable[[World, Operator], Coroutine[Any, Any, object]]


def snapshot_of(world: World) -> Snapshot:
    """What a gateway would hold that was told everything that was announced."""
    snapshot = Snapshot(live=Live())
    for said in world.announced:
        match said:
            case Put() if not isinstance(said.record, TrustRule | AgentKey):
                snapshot.put(said.record)
            case Removed() if not isinstance(said.record, TrustRule | AgentKey):
                snapshot.remove(said.record)
            case Withdrawn():
                snapshot.withdraw(said)
            case Reinstated():
                snapshot.live.reinstate(said)
    return snapshot


def alive(world: World, record: IssuedRecord) -> bool:
    return snapshot_of(world).live.check(record.id, "orders") is None


def signs(world: World) -> IssuerKey:
    found = signing_now(world.administration.desk.register.signing.values(), world.now[0])
    assert found is not None
    return found


async def issued(world: World, number: int = 1, **said: Any) -> IssuedRecord:
    """An access token of the bot's, under its API token, as the issuer records it."""
    await world.administration.signing.tend()
    register = world.administration.desk.register
    token, agent = register.token("laptop"), register.agent("support-bot")
    told: dict[str, Any] = {
        "id": CredentialId(f"crd_short{number}"),
        "agent": agent.id,
        "client": agent.id,
        "owner": agent.owner,
        "person": agent.owner,
        "authority": token.authority,
        "audience": "http://127.0.0.1:8420/u/orders",
        "key": signs(world).id,
        "root": token.id,
        "meters": token.meters,
        "issued": world.now[0],
        "expires": Instant(world.now[0] + 600_000),
        "status": number,
        "parent": token.id,
        "ancestors": (token.id,),
    }
    record = IssuedRecord(**{**told, **said})
    await world.administration.desk.commit(Part(puts=(record,)))
    return record


async def furnished(world: World) -> Operator:
    ada = await world.furnished()
    await world.token(ada)
    return ada


async def test_it_is_on_the_live_list_once_it_is_kept_and_after_a_restart(world: World) -> None:
    await furnished(world)
    record = await issued(world)
    assert alive(world, record)
    again = await opened(world.store)
    assert alive(again, record)
    assert snapshot_of(again).issued == {record.id: record}


async def revoke_token(world: World, ada: Operator) -> object:
    return await world.administration.revoking.token(ada, "laptop")


async def revoke_agent(world: World, ada: Operator) -> object:
    return await world.administration.revoking.agent(ada, "support-bot")


async def revoke_person(world: World, ada: Operator) -> object:
    return await world.administration.revoking.person(ada, "ada")


async def revoke_everything(world: World, ada: Operator) -> object:
    return await world.administration.revoking.everything(ada)


async def disable_agent(world: World, ada: Operator) -> object:
    return await world.administration.agents.disable(ada, "support-bot")


async def disable_and_enable_agent(world: World, ada: Operator) -> object:
    await world.administration.agents.disable(ada, "support-bot")
    return await world.administration.agents.enable(ada, "support-bot")


async def withdraw_key(world: World, ada: Operator) -> object:
    return await world.administration.signing.withdraw(ada, signs(world).id, "it was copied")


WITHDRAWING: list[Act] = [
    revoke_token,
    revoke_agent,
    revoke_person,
    revoke_everything,
    disable_agent,
    disable_and_enable_agent,
    withdraw_key,
]


@pytest.mark.parametrize("rootless", [False, True], ids=["of a token", "of an identity"])
@pytest.mark.parametrize("act", WITHDRAWING, ids=lambda act: str(act.__name__))
async def test_what_takes_everything_above_it_away_takes_it_too_and_a_restart_gives_nothing_back(
    world: World, act: Act, *, rootless: bool
) -> None:
    if rootless and act is revoke_token:
        return
    ada = await furnished(world)
    alone: dict[str, Any] = {"root": None, "parent": None, "ancestors": ()} if rootless else {}
    record = await issued(world, 1, **alone)
    below = await issued(world, 2, parent=record.id, ancestors=(record.id, *record.ancestors))
    await act(world, ada)
    assert not alive(world, record)
    assert not alive(world, below)
    again = await opened(world.store)
    assert not alive(again, record)
    assert not alive(again, below)


@pytest.mark.parametrize("act", [revoke_agent, disable_and_enable_agent, revoke_everything])
async def test_what_is_issued_afterwards_lives(world: World, act: Act) -> None:
    ada = await furnished(world)
    await act(world, ada)
    world.later()
    record = await issued(world, root=None, parent=None, ancestors=())
    assert alive(world, record)
    assert alive(await opened(world.store), record)


async def test_one_that_was_on_its_way_to_the_disk_when_its_agent_was_revoked_is_dead_on_arrival(world: World) -> None:
    ada = await furnished(world)
    await issued(world)
    world.store.hold = asyncio.Event()
    arriving = asyncio.ensure_future(issued(world, 2, root=None, parent=None, ancestors=()))
    await world.store.held.wait()
    revoking = asyncio.ensure_future(world.administration.revoking.agent(ada, "support-bot"))
    world.store.hold.set()
    await revoking
    assert not alive(world, await arriving)


async def test_a_withdrawn_key_is_gone_at_once_and_the_published_one_signs(world: World) -> None:
    ada = await furnished(world)
    await world.administration.signing.tend()
    before = signs(world)
    published = {key.id for key in world.administration.desk.register.signing.values()}
    world.store.full = True
    with pytest.raises(Error):
        await world.administration.signing.withdraw(ada, before.id)
    assert snapshot_of(world).issuer_keys.find(before.id) is None
    world.store.full = False
    await world.administration.signing.withdraw(ada, before.id, "it was copied")
    assert signs(world).id in published - {before.id}
    assert snapshot_of(world).issuer_keys.find(signs(world).id) is not None
    entry = world.store.entries[-1]
    assert (entry.event, entry.subject) == ("signing_key.withdrawn", before.id)
    assert entry.details["because"] == "it was copied"
    again = await opened(world.store)
    assert snapshot_of(again).issuer_keys.find(before.id) is None


async def test_keys_rotate_by_schedule_and_by_hand_without_a_moment_without_one(world: World) -> None:
    ada = await furnished(world)
    await world.administration.signing.tend()
    assert not await world.administration.signing.tend()
    first = signs(world)
    rotated = await world.administration.signing.rotate(ada)
    assert signs(world) == rotated != first
    assert snapshot_of(world).issuer_keys.find(first.id) is not None
    world.later(OVERLAP)
    await world.administration.signing.tend()
    register = world.administration.desk.register
    assert first.id not in register.signing
    assert sorted(key.state(world.now[0]) for key in register.signing.values()) == [KeyState.CURRENT, KeyState.NEXT]
    world.later(31 * 24 * HOUR)
    await world.administration.signing.tend()
    assert signs(world) != rotated


async def test_keys_are_wrapped_anew_after_a_rotation_of_what_wraps_them(world: World) -> None:
    await furnished(world)
    await world.administration.signing.tend()
    world.keyring[0] = world.keyring[0].rotate(world.now[0], world.administration.desk.entropy)
    assert await world.administration.signing.tend()
    assert {key.key_id for key in world.administration.desk.register.signing.values()} == {world.keyring[0].current.id}


async def test_who_may_rotate_and_withdraw(world: World) -> None:
    await furnished(world)
    await world.administration.signing.tend()
    auditor = await world.joined("bo", OperatorRole.AUDITOR)
    operator = await world.joined("cy", OperatorRole.OPERATOR)
    for refused in (auditor, operator):
        with pytest.raises(Denied):
            await world.administration.signing.rotate(refused)
    with pytest.raises(Denied):
        await world.administration.signing.withdraw(auditor, signs(world).id)
    assert len(await world.administration.signing.all(auditor)) == 2
    await world.administration.signing.withdraw(operator, signs(world).id)
    with pytest.raises(NotFound):
        await world.administration.signing.withdraw(operator, "k" * 43)


async def test_a_withdrawn_next_key_never_signs(world: World) -> None:
    ada = await furnished(world)
    await world.administration.signing.tend()
    current = signs(world)
    following = next(key for key in world.administration.desk.register.signing.values() if key != current)
    await world.administration.signing.withdraw(ada, following.id)
    assert signs(world).id == current.id
    world.later(31 * 24 * HOUR)
    await world.administration.signing.tend()
    assert signs(world).id not in {following.id, current.id}


async def test_the_agents_fence_is_kept_through_other_changes(world: World) -> None:
    ada = await furnished(world)
    await world.administration.agents.disable(ada, "support-bot")
    await world.administration.agents.enable(ada, "support-bot")
    (agent,) = world.store.kept(Agent).values()
    assert agent.fence is not None
    assert replace(agent, disabled=None) == agent
