"""Runs: who opens and ends them, what lives in them and how long, and that nothing survives their end."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.administration.world import HOUR, MINUTE, SECOND, World, opened

from gatepass.access import Instant
from gatepass.administration import Put, RunForm
from gatepass.administration.runs import MOST_OPEN
from gatepass.errors import Conflict, Denied, Malformed, NotFound, Unavailable
from gatepass.registry import LONGEST_RUN, Budget, OperatorRole, Run, RunLimits
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio

FORM = RunForm(label="ticket 7", purpose="refunds", lifetime=HOUR)


async def test_a_run_is_opened_with_an_end_and_is_in_the_journal(world: World) -> None:
    ada = await world.furnished()
    limits = RunLimits(calls=10, writes=2, budgets=(Budget(Decimal(50), "USD"),))
    run = await world.administration.runs.open(ada, "support-bot", replace(FORM, limits=limits))
    assert (run.opened, run.closes, run.opened_by) == (world.now[0], world.now[0] + HOUR, ada.person)
    assert world.store.kept(Run) == {run.id: run}
    assert world.put(Run) == [run]
    entry = world.store.entries[-1]
    assert (entry.event, entry.run, entry.agent, entry.subject, entry.purpose) == (
        "run.opened",
        run.id,
        run.agent,
        run.id,
        "refunds",
    )
    assert entry.details["budgets"] == "50 USD by amount"
    assert (await world.administration.runs.open(ada, "support-bot", RunForm())).closes == world.now[0] + 24 * HOUR


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (RunForm(lifetime=0), Malformed),
        (RunForm(lifetime=LONGEST_RUN + 1), Denied),
        (RunForm(label="x" * 101), Malformed),
        (RunForm(purpose="two\nlines"), Malformed),
        (RunForm(limits=RunLimits(calls=0)), Malformed),
        (RunForm(limits=RunLimits(writes=10**10)), Malformed),
        (RunForm(limits=RunLimits(budgets=(Budget(Decimal(0), "USD"),))), Malformed),
        (RunForm(limits=RunLimits(budgets=(Budget(Decimal(1), "not a currency"),))), Malformed),
        (RunForm(limits=RunLimits(budgets=(Budget(Decimal(1), "USD"), Budget(Decimal(2), "USD")))), Malformed),
    ],
)
async def test_what_cannot_be_a_run_opens_none(world: World, form: RunForm, error: type[Exception]) -> None:
    ada = await world.furnished()
    with pytest.raises(error):
        await world.administration.runs.open(ada, "support-bot", form)
    assert world.store.kept(Run) == {}


async def test_what_is_issued_in_a_run_ends_with_it(world: World) -> None:
    ada = await world.furnished()
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    world.later(10 * MINUTE)
    token = (await world.token(ada, run=run.id)).record
    assert (token.run, token.expires, token.purpose) == (run.id, run.closes, "refunds")
    with pytest.raises(Denied, match="a life of 8h was asked for, and the run ends in 50m"):
        await world.token(ada, "longer", run=run.id, lifetime=8 * HOUR)
    with pytest.raises(Denied, match="the run ends in"):
        await world.administration.tokens.rotate(ada, "laptop", lifetime=2 * HOUR)
    rotated = (await world.administration.tokens.rotate(ada, "laptop")).record
    assert (rotated.run, rotated.expires) == (run.id, run.closes)


async def test_a_run_of_a_tokens_own_is_a_record_and_ends_with_the_token(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada, run="new", lifetime=HOUR, purpose="one thing")).record
    run = world.administration.desk.register.run(token.run or "")
    assert (run.closes, run.agent, run.purpose) == (token.expires, token.agent, "one thing")
    assert [entry.event for entry in world.store.entries[-2:]] == ["run.opened", "token.issued"]
    assert world.store.entries[-1].run == run.id


async def test_nobody_joins_the_run_of_another_agent_nor_one_that_has_ended(world: World) -> None:
    ada = await world.furnished()
    await world.administration.agents.create(ada, "other-bot", "support")
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    for unknown in (run.id, "run_unknown"):
        with pytest.raises(Denied, match="`run` is no run of the agent `other-bot`"):
            await world.token(ada, "theirs", agent="other-bot", run=unknown)
    await world.administration.runs.end(ada, run.id)
    with pytest.raises(Conflict, match="has ended"):
        await world.token(ada, run=run.id)
    late = await world.administration.runs.open(ada, "support-bot", RunForm(lifetime=SECOND))
    world.later(SECOND)
    with pytest.raises(Conflict, match="has ended"):  # though nobody has noted it yet
        await world.token(ada, run=late.id)


async def test_ending_a_run_takes_everything_in_it_away_and_survives_a_restart(world: World) -> None:
    ada = await world.furnished()
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    inside = (await world.token(ada, "inside", run=run.id)).record
    outside = (await world.token(ada, "outside")).record
    ended = await world.administration.runs.end(ada, run.id, "the ticket\nis closed")
    assert (ended.ended, ended.ended_because) == (world.now[0], "the ticket is closed")
    assert {(Scope.RUN, run.id), (Scope.CREDENTIAL, inside.id)} <= world.withdrawn()
    register = world.administration.desk.register
    assert register.why_dead(register.tokens[inside.id], world.now[0]) == "the token was revoked"
    assert register.alive(outside, world.now[0])
    assert world.store.events()[-2:] == ["run.ended", "token.revoked"]
    again = await world.administration.runs.end(ada, run.id)
    assert again == ended

    restarted = await opened(world.store, first="bob")
    said = [each for each in restarted.announced if (Scope.RUN, run.id) in restarted.withdrawn()]
    assert said
    put = next(
        place for place, each in enumerate(restarted.announced) if isinstance(each, Put) and each.record == ended
    )
    fall = next(place for place, each in enumerate(restarted.announced) if getattr(each, "scope", None) is Scope.RUN)
    assert put < fall
    assert not restarted.administration.desk.register.alive(
        restarted.administration.desk.register.tokens[inside.id], restarted.now[0]
    )


async def test_a_run_is_refused_from_the_moment_of_the_call_even_on_a_full_disk(world: World) -> None:
    ada = await world.furnished()
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    inside = (await world.token(ada, run=run.id)).record
    world.store.hold = asyncio.Event()
    ending = asyncio.create_task(world.administration.runs.end(ada, run.id))
    await world.store.held.wait()
    assert (Scope.RUN, run.id) in world.withdrawn()
    world.store.full = True
    world.store.hold.set()
    with pytest.raises(Unavailable, match="is refused all the same"):
        await ending
    assert not world.administration.desk.register.alive(inside, world.now[0])
    world.store.full, world.store.hold = False, None
    with pytest.raises(Conflict, match="has ended"):
        await world.token(ada, "late", run=run.id)


async def test_a_token_that_comes_while_its_run_is_being_ended_falls_with_it(world: World) -> None:
    ada = await world.furnished()
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    world.store.hold = asyncio.Event()
    issuing = asyncio.create_task(world.token(ada, run=run.id))
    await world.store.held.wait()
    ending = asyncio.create_task(world.administration.runs.end(ada, run.id))
    await asyncio.sleep(0)
    world.store.hold.set()
    issued, _ = await asyncio.gather(issuing, ending)
    assert world.store.kept(type(issued.record))[issued.record.id].revoked is not None
    assert (Scope.CREDENTIAL, issued.record.id) in world.withdrawn()


async def test_a_run_that_is_over_its_time_is_ended_by_the_deployment(world: World) -> None:
    ada = await world.furnished()
    run = await world.administration.runs.open(ada, "support-bot", FORM)
    assert await world.administration.runs.end_overdue() == 0
    world.later(HOUR)
    assert await world.administration.runs.end_overdue() == 1
    ended = world.administration.desk.register.run(run.id)
    assert (ended.ended, ended.ended_because) == (Instant(run.closes), "its time was over")
    assert (Scope.RUN, run.id) in world.withdrawn()
    assert world.store.entries[-1].actor == "system"
    assert await world.administration.runs.end_overdue() == 0


async def test_an_agent_opens_and_ends_its_own_runs_and_no_others(world: World) -> None:
    ada = await world.furnished()
    other = await world.administration.agents.create(ada, "other-bot", "support")
    bot = world.administration.desk.register.agent("support-bot")
    run = await world.administration.runs.open_own(bot.id, None, FORM)
    assert (run.agent, run.opened_by, world.store.entries[-1].actor) == (bot.id, bot.id, bot.id)
    with pytest.raises(NotFound):
        await world.administration.runs.end_own(other.id, run.id)
    assert (await world.administration.runs.end_own(bot.id, run.id)).ended is not None
    await world.administration.agents.disable(ada, "support-bot")
    with pytest.raises(Conflict, match="is disabled"):
        await world.administration.runs.open_own(bot.id, None, FORM)


async def test_open_runs_are_bounded_by_agent(world: World) -> None:
    ada = await world.furnished()
    bot = world.administration.desk.register.agent("support-bot")
    first = await world.administration.runs.open_own(bot.id, None, FORM)
    for _ in range(MOST_OPEN - 1):
        await world.administration.runs.open_own(bot.id, None, FORM)
    with pytest.raises(Conflict, match="has 256 open runs, which is the most"):
        await world.administration.runs.open_own(bot.id, None, FORM)
    await world.administration.runs.end(ada, first.id)
    await world.administration.runs.open_own(bot.id, None, FORM)


async def test_the_owner_opens_and_ends_what_is_theirs_and_others_do_not_see_it(world: World) -> None:
    ada = await world.furnished()
    bob = await world.joined("bob", None)
    await world.administration.agents.create(ada, "bobs-bot", "support", "bob")
    run = await world.administration.runs.open(bob, "bobs-bot", FORM)
    assert await world.administration.overview.runs(bob) == [run]
    hers = await world.administration.runs.open(ada, "support-bot", FORM)
    with pytest.raises(NotFound):
        await world.administration.overview.run(bob, hers.id)
    with pytest.raises(Denied):
        await world.administration.runs.end(bob, hers.id)
    with pytest.raises(Denied):
        await world.administration.runs.open(bob, "support-bot", FORM)
    await world.administration.runs.end(bob, run.id)
    carol = await world.joined("carol", OperatorRole.AUDITOR)
    assert {each.id for each in await world.administration.overview.runs(carol)} == {run.id, hers.id}
    with pytest.raises(Denied):
        await world.administration.runs.end(carol, hers.id)
