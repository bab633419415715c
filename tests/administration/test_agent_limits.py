"""What an agent's tokens start with, set by hand; and the limits of a line of tokens during an overlap."""

from typing import Any

import pytest
from tests.administration.world import MINUTE, World

from gatepass.access import ActionClass
from gatepass.credentials import Rate
from gatepass.errors import Denied, Malformed, Unauthenticated

pytestmark = pytest.mark.anyio
SIXTEEN = 16 * MINUTE


async def test_an_agent_is_made_with_limits_that_its_tokens_start_with(world: World) -> None:
    ada = await world.furnished()
    calls = Rate(7, MINUTE)
    await world.administration.agents.create(ada, "slow", "support", limits={"calls": calls, "requests_per_day": 50})
    token = (await world.token(ada, "one", agent="slow")).record
    assert (token.limits.calls, token.limits.requests_per_day) == (calls, 50)
    details = next(entry.details for entry in world.store.entries if entry.details.get("name") == "slow")
    assert (details["limits.calls"], details["limits.requests_per_day"]) == ("7/1m", "50")


async def test_tokens_that_have_the_agents_limits_as_given_follow_and_tuned_ones_stay(world: World) -> None:
    ada = await world.furnished()
    given = (await world.token(ada, "given")).record
    tuned = (await world.token(ada, "tuned")).record
    await world.administration.tokens.amend(ada, tuned.id, {"calls": Rate(9, MINUTE)})
    changed = await world.administration.agents.change(ada, "support-bot", limits={"calls": Rate(5, MINUTE)})
    assert changed.limits.calls == Rate(5, MINUTE)
    tokens = world.administration.desk.register.tokens
    assert (tokens[given.id].limits.calls.count, tokens[tuned.id].limits.calls.count) == (5, 9)
    followed = next(entry for entry in reversed(world.store.entries) if entry.event == "token.changed")
    assert (followed.credential, followed.details["by"]) == (given.id, "its agent")
    back = await world.administration.agents.change(ada, "support-bot", limits={"calls": None})
    assert back.limits.calls is None
    assert tokens[given.id].limits.calls == given.limits.calls


async def test_tightening_an_agent_needs_no_fresh_person_and_loosening_does(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada, "one")
    world.later(SIXTEEN)
    await world.administration.agents.change(ada, "support-bot", limits={"calls": Rate(5, MINUTE)})
    for wider in ({"calls": Rate(6, MINUTE)}, {"calls": None}):
        with pytest.raises(Unauthenticated) as refused:
            await world.administration.agents.change(ada, "support-bot", limits=wider)  # type: ignore[arg-type]
        assert refused.value.code == "reauthentication_required"
    with pytest.raises(Unauthenticated):  # another role beside it is more than limits
        await world.administration.agents.change(ada, "support-bot", role="support", limits={"calls": Rate(4, MINUTE)})


@pytest.mark.parametrize(
    "limits",
    [{"calls": Rate(0, MINUTE)}, {"requests_per_day": 0}, {"classes": frozenset({ActionClass.ADMIN})}],
    ids=str,
)
async def test_no_agent_states_what_no_token_can_start_with(world: World, limits: Any) -> None:
    ada = await world.furnished()
    with pytest.raises(Malformed):
        await world.administration.agents.change(ada, "support-bot", limits=limits)


async def test_more_than_the_deployment_can_give_is_refused_whole(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada, "one")).record
    with pytest.raises(Denied) as refused:
        await world.administration.agents.change(ada, "support-bot", limits={"calls": Rate(6_001, MINUTE)})
    assert refused.value.code == "ceiling_exceeded"
    register = world.administration.desk.register
    assert register.agent("support-bot").limits.calls is None
    assert register.tokens[token.id].limits == token.limits


@pytest.mark.parametrize("changed", ["old", "new"])
async def test_limits_changed_during_an_overlap_hold_for_the_whole_line(world: World, changed: str) -> None:
    ada = await world.furnished()
    old = (await world.token(ada, "one")).record
    new = (await world.administration.tokens.rotate(ada, old.id, overlap=10 * MINUTE)).record
    other = (await world.token(ada, "other")).record
    ref = {"old": old, "new": new}[changed].id
    await world.administration.tokens.amend(ada, ref, {"calls": Rate(3, MINUTE)})
    tokens = world.administration.desk.register.tokens
    assert [tokens[each.id].limits.calls.count for each in (old, new)] == [3, 3]
    assert tokens[other.id].limits == other.limits
    told = [entry.credential for entry in world.store.entries if entry.event == "token.changed"]
    assert sorted(map(str, told)) == sorted([old.id, new.id])


async def test_loosening_one_of_a_line_is_widening_whichever_is_named(world: World) -> None:
    """Left by an older version: the new one is tighter than the old. To make both alike again is to widen."""
    ada = await world.furnished()
    old = (await world.token(ada, "one")).record
    new = (await world.administration.tokens.rotate(ada, old.id, overlap=30 * MINUTE)).record
    world.later(SIXTEEN)
    await world.administration.tokens.amend(ada, new.id, {"calls": Rate(3, MINUTE)})
    with pytest.raises(Unauthenticated):
        await world.administration.tokens.amend(ada, old.id, {"calls": Rate(4, MINUTE)})


async def test_a_token_of_another_line_with_the_same_name_is_left_alone(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada, "one")).record
    new = (await world.administration.tokens.rotate(ada, old.id)).record
    await world.administration.tokens.amend(ada, new.id, {"calls": Rate(3, MINUTE)})
    assert world.administration.desk.register.tokens[old.id].limits == old.limits, "what is over is left as it was"
