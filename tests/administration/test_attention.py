"""What needs attention is found where it is, and only there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.administration.world import HOUR, MINUTE, World

from gatepass.access import CredentialId, Outcome
from gatepass.administration.operators import Operator
from gatepass.administration.overview.attention import Concern
from gatepass.audit import DECIDED, Entry
from gatepass.errors import Denied, Error, Unauthenticated, Unavailable
from gatepass.registry import OperatorRole

pytestmark = pytest.mark.anyio


async def found(world: World, operator: Operator, kind: str) -> list[Concern]:
    listed = await world.administration.overview.attention(operator)
    return [concern for concern in listed if concern.kind == kind]


async def refused(world: World, credential: CredentialId, count: int) -> None:
    entry = Entry(at=world.now[0], event=DECIDED, outcome=Outcome.DENY, code="scope_missing", credential=credential)
    await world.store.commit(entries=(entry,) * count)


async def test_refusals_are_unusual_by_what_is_usual_of_the_same_token(world: World) -> None:
    ada = await world.furnished()
    first = (await world.token(ada, "first")).record
    second = (await world.token(ada, "second")).record
    world.later(2 * HOUR)
    await refused(world, second.id, 24 * 10)  # ten an hour, on the day before
    world.later(HOUR + MINUTE)
    await refused(world, first.id, 19)
    await refused(world, second.id, 30)
    ada = await world.signed_in()
    assert await found(world, ada, "refusals_unusual") == []
    await refused(world, first.id, 1)
    (concern,) = await found(world, ada, "refusals_unusual")
    assert (concern.subject.type, concern.subject.id) == ("token", first.id)
    assert concern.says == "20 calls of `first` were refused in the last hour; 0 an hour are usual"
    await refused(world, second.id, 1)
    both = await found(world, ada, "refusals_unusual")
    assert [each.subject.id for each in both] == [second.id, first.id]
    world.later(HOUR + MINUTE)
    assert await found(world, ada, "refusals_unusual") == []


async def test_a_journal_that_cannot_be_written_comes_first(world: World) -> None:
    ada = await world.signed_in()
    overview = world.administration.overview
    assert await found(world, ada, "journal_trouble") == []
    troubled = replace(overview, facts=replace(overview.facts, trouble=lambda: "the disk is full"))
    first, *_ = await troubled.attention(ada)
    assert (first.kind, first.severity) == ("journal_trouble", "critical")
    assert first.says == "the journal cannot be written: the disk is full"


@pytest.mark.parametrize("what", ["token", "agent", "person", "upstream"])
async def test_a_withdrawal_that_is_not_recorded_is_named_until_it_is(world: World, what: str) -> None:
    await world.joined("bob", None)
    ada = await world.furnished()
    issued = await world.token(ada)
    administration = world.administration
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "token": lambda: administration.revoking.token(ada, issued.record.id),
        "agent": lambda: administration.agents.disable(ada, "support-bot"),
        "person": lambda: administration.people.disable(ada, "bob"),
        "upstream": lambda: administration.upstreams.disable(ada, "orders"),
    }
    withdraw = ways[what]
    world.store.full = True
    with pytest.raises(Unavailable, match="is refused all the same"):
        await withdraw()
    named = await found(world, ada, "withdrawal_unrecorded")
    name = {"token": "laptop", "agent": "support-bot", "person": "bob", "upstream": "orders"}[what]
    assert [each.subject.name for each in named if each.subject.type == what] == [name]
    assert {each.severity for each in named} == {"critical"}
    world.store.full = False
    await withdraw()
    assert await found(world, ada, "withdrawal_unrecorded") == []


async def test_of_two_admins_who_demote_each_other_at_once_exactly_one_succeeds(world: World) -> None:
    """The second asks while the first's change is on its way to the disk."""
    bob = await world.joined("bob", OperatorRole.ADMIN)
    ada = await world.signed_in()
    people = world.administration.people
    world.store.hold = asyncio.Event()
    first = asyncio.create_task(people.change(ada, "bob", OperatorRole.AUDITOR))
    await world.store.held.wait()
    second = asyncio.create_task(people.change(bob, "ada", OperatorRole.AUDITOR))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done()
    world.store.hold.set()
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    assert not isinstance(one, Error)
    assert isinstance(other, Denied | Unauthenticated)
    roles = {person.name: person.operator for person in world.administration.desk.register.people.values()}
    assert roles == {"ada": OperatorRole.ADMIN, "bob": OperatorRole.AUDITOR}


async def test_an_admin_who_disables_the_one_that_demotes_her_leaves_one(world: World) -> None:
    """The demotion is on its way to the disk, and counts as done."""
    bob = await world.joined("bob", OperatorRole.ADMIN)
    ada = await world.signed_in()
    people = world.administration.people
    world.store.hold = asyncio.Event()
    first = asyncio.create_task(people.change(bob, "ada", None))
    await world.store.held.wait()
    second = asyncio.create_task(people.disable(ada, "bob"))
    for _ in range(5):
        await asyncio.sleep(0)
    world.store.hold.set()
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    assert [isinstance(result, Error) for result in (one, other)] == [False, True]
    admins = [
        person.name
        for person in world.administration.desk.register.people.values()
        if person.operator is OperatorRole.ADMIN and person.disabled is None
    ]
    assert admins == ["bob"]
