"""Revoking: refused from the moment of the call, whatever the disk does and whoever else is at work."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from tests.administration.world import HOUR, MINUTE, World

from gatepass.access import CredentialId, Instant
from gatepass.administration import Operator
from gatepass.administration.changes.desk import Part
from gatepass.credentials import TokenKind, TokenRecord, issue_text
from gatepass.errors import Denied, Error, Malformed, NotFound
from gatepass.registry import OperatorRole
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio


def alive(world: World, id_: str) -> bool:
    register = world.administration.desk.register
    return register.alive(register.token(id_), world.now[0])


async def test_a_token_is_withdrawn_before_anything_is_written(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada)).record
    world.store.hold = asyncio.Event()
    revoking = asyncio.ensure_future(world.administration.revoking.token(ada, "laptop", "it was on a stolen disk"))
    await world.store.held.wait()
    assert (Scope.CREDENTIAL, token.id) in world.withdrawn()
    assert not alive(world, token.id)
    assert world.store.kept(TokenRecord)[token.id].revoked is None
    world.store.hold.set()
    assert [record.id for record in await revoking] == [token.id]
    entry = world.store.entries[-1]
    assert (entry.event, entry.credential, entry.actor) == ("token.revoked", token.id, ada.person)
    assert entry.details["because"] == "it was on a stolen disk"
    assert world.store.kept(TokenRecord)[token.id].revoked_because == "it was on a stolen disk"


async def test_a_second_revocation_changes_nothing(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada)
    await world.administration.revoking.token(ada, "laptop")
    before = (list(world.store.entries), list(world.announced))
    world.later()
    assert await world.administration.revoking.token(ada, "laptop") == ()
    assert (world.store.entries, world.announced) == before


async def test_a_full_disk_does_not_keep_a_token_alive(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada)).record
    world.store.full = True
    with pytest.raises(Error) as caught:
        await world.administration.revoking.token(ada, "laptop")
    assert (caught.value.code, caught.value.message) == (
        "storage_unavailable",
        "the disk is full; what was withdrawn is refused all the same, until this process ends",
    )
    assert not alive(world, token.id)
    assert (Scope.CREDENTIAL, token.id) in world.withdrawn()
    world.store.full = False
    assert [record.id for record in await world.administration.revoking.token(ada, "laptop")] == [token.id]


async def test_revoking_needs_no_fresh_person_and_a_stored_token_does(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada)
    pat = await world.with_pat()
    world.later(HOUR)
    assert await world.administration.revoking.token(pat, "laptop")


async def test_auditors_look_and_revoke_only_what_is_theirs(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada)).record
    eve = await world.joined("eve", OperatorRole.AUDITOR)
    revoking = world.administration.revoking
    attempts = (
        revoking.token(eve, token.id),
        revoking.agent(eve, "support-bot"),
        revoking.person(eve, "ada"),
        revoking.everything(eve),
    )
    for attempt in attempts:
        with pytest.raises(Denied):
            await attempt
    assert alive(world, token.id)
    assert world.withdrawn() == set()
    assert [record.id for record in await revoking.person(eve, "eve")] == [eve.credential]


async def test_an_agents_a_persons_and_everything(world: World) -> None:
    ada = await world.furnished()
    await world.administration.agents.create(ada, "other-bot", "support")
    one, two = (await world.token(ada, "one")).record, (await world.token(ada, "two")).record
    other = (await world.token(ada, "other", agent="other-bot")).record
    revoking = world.administration.revoking
    assert {record.id for record in await revoking.agent(ada, "support-bot")} == {one.id, two.id}
    assert alive(world, other.id)
    # the agent is still there, and may have new ones
    three = (await world.token(ada, "three")).record
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    pat = await world.with_pat("bob")
    fell = {record.id for record in await revoking.everything(bob)}
    assert {three.id, other.id, ada.credential, pat.credential} <= fell
    assert bob.credential not in fell
    assert [token.id for token in world.administration.desk.register.live_tokens(world.now[0])] == [bob.credential]
    ada = await world.signed_in()
    assert {record.id for record in await revoking.person(ada, "bob")} >= {bob.credential}
    assert alive(world, ada.credential)


async def test_a_stored_token_that_revokes_everything_revokes_itself(world: World) -> None:
    pat = await world.with_pat()
    assert pat.credential in {record.id for record in await world.administration.revoking.everything(pat)}
    with pytest.raises(Error):
        await world.administration.overview.status(pat)


async def test_what_is_not_there_is_not_found(world: World) -> None:
    ada = await world.furnished()
    revoking = world.administration.revoking
    for attempt in (revoking.token(ada, "x"), revoking.agent(ada, "x"), revoking.person(ada, "x")):
        with pytest.raises(NotFound):
            await attempt


async def many(world: World, count: int) -> list[str]:
    """So many tokens of `support-bot`, put there at once."""
    model = (await world.token(await world.furnished())).record
    tokens = [
        replace(
            model, id=CredentialId(f"crd_{number:010d}"), name=f"t{number}", meters=CredentialId(f"crd_{number:010d}")
        )
        for number in range(count)
    ]
    await world.administration.desk.commit(Part(puts=tokens))
    return [model.id, *(token.id for token in tokens)]


async def test_thousands_are_withdrawn_at_once_and_recorded_in_parts(world: World) -> None:
    ids = await many(world, 1000)
    world.store.commits.clear()
    world.store.hold = asyncio.Event()
    operator = Operator(person=world.person("ada").id, credential=session_of(world))
    revoking = asyncio.ensure_future(world.administration.revoking.agent(operator, "support-bot"))
    await world.store.held.wait()
    assert {(Scope.CREDENTIAL, id_) for id_ in ids} <= world.withdrawn()
    world.store.hold.set()
    assert [token.id for token in await revoking] == ids
    assert max(world.store.commits) <= 100
    assert [entry.credential for entry in world.store.entries if entry.event == "token.revoked"] == ids


async def test_a_disk_that_fills_up_half_way_loses_nothing_that_was_withdrawn(world: World) -> None:
    ids = await many(world, 450)
    operator = Operator(person=world.person("ada").id, credential=session_of(world))
    world.store.room = 2
    with pytest.raises(Error) as caught:
        await world.administration.agents.disable(operator, "support-bot")
    assert caught.value.code == "storage_unavailable"
    assert not any(alive(world, id_) for id_ in ids)
    recorded = [token for token in world.store.kept(TokenRecord).values() if token.revoked]
    assert len(recorded) == 200
    # what says that all are done was not said
    assert "agent.disabled" not in world.store.events()
    world.store.room, world.store.full = None, False
    assert (await world.administration.agents.disable(operator, "support-bot")).disabled
    assert world.store.events()[-1] == "agent.disabled"
    assert world.store.events().count("token.revoked") == 451
    assert all(world.store.kept(TokenRecord)[id_].revoked for id_ in ids)


def session_of(world: World) -> CredentialId:
    sessions = [token for token in world.store.kept(TokenRecord).values() if token.kind is TokenKind.SESSION]
    return CredentialId(sessions[-1].id)


# -- rotated tokens


async def test_revoking_the_new_one_ends_the_overlap(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada)).record
    new = (await world.administration.tokens.rotate(ada, "laptop", overlap=HOUR)).record
    assert {record.id for record in await world.administration.revoking.token(ada, "laptop")} == {old.id, new.id}


async def test_revoking_the_old_one_leaves_the_new(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada)).record
    new = (await world.administration.tokens.rotate(ada, "laptop", overlap=HOUR)).record
    assert [record.id for record in await world.administration.revoking.token(ada, old.id)] == [old.id]
    assert alive(world, new.id)


async def test_a_revocation_that_meets_a_rotation_takes_what_comes_of_it(world: World) -> None:
    """When it was called there was one token: whatever stands for it once "revoked" is answered is dead."""
    ada = await world.furnished()
    old = (await world.token(ada)).record
    world.store.hold = asyncio.Event()
    rotating = asyncio.ensure_future(world.administration.tokens.rotate(ada, old.id, overlap=HOUR))
    await world.store.held.wait()
    revoking = asyncio.ensure_future(world.administration.revoking.token(ada, old.id))
    await asyncio.sleep(0)
    assert (Scope.CREDENTIAL, old.id) in world.withdrawn()
    world.store.hold.set()
    new = (await rotating).record
    assert {record.id for record in await revoking} == {old.id, new.id}
    assert not alive(world, new.id)
    assert (Scope.CREDENTIAL, new.id) in world.withdrawn()


async def test_a_revocation_that_meets_an_issuance_takes_it_along(world: World) -> None:
    await world.furnished()
    revocations: list[Callable[[Operator], Coroutine[Any, Any, object]]] = [
        lambda operator: world.administration.revoking.agent(operator, "support-bot"),
        lambda operator: world.administration.revoking.person(operator, "ada"),
        world.administration.revoking.everything,
        lambda operator: world.administration.agents.disable(operator, "support-bot"),
    ]
    for revoke in revocations:
        ada = await world.signed_in()
        world.store.hold = asyncio.Event()
        world.store.held.clear()
        issuing = asyncio.ensure_future(world.token(ada))
        await world.store.held.wait()
        revoking = asyncio.ensure_future(revoke(ada))
        await asyncio.sleep(0)
        world.store.hold.set()
        token = (await issuing).record
        await revoking
        assert not alive(world, token.id)
        assert (Scope.CREDENTIAL, token.id) in world.withdrawn()
        assert world.store.kept(TokenRecord)[token.id].revoked


async def test_a_change_that_was_under_way_brings_nothing_back(world: World) -> None:
    """The record that it puts was built before the withdrawal; the snapshot hears of the withdrawal after it."""
    ada = await world.furnished()
    token = (await world.token(ada)).record
    world.store.hold = asyncio.Event()
    amending = asyncio.ensure_future(world.administration.tokens.amend(ada, "laptop", {"writes_per_minute": 1}))
    await world.store.held.wait()
    revoking = asyncio.ensure_future(world.administration.revoking.token(ada, "laptop"))
    await asyncio.sleep(0)
    world.store.hold.set()
    await amending
    assert not alive(world, token.id)
    said = [type(each).__name__ for each in world.announced][-2:]
    await revoking
    assert said == ["Put", "Withdrawn"]
    assert world.store.kept(TokenRecord)[token.id].revoked


# -- leaked


async def test_whoever_shows_the_whole_token_revokes_it(world: World) -> None:
    ada = await world.furnished()
    issued = await world.token(ada)
    text = issued.token.reveal()
    await world.administration.revoking.leaked(text)
    assert not alive(world, issued.record.id)
    entry = world.store.entries[-1]
    assert (entry.event, entry.actor, entry.details["because"]) == ("token.revoked", "finder", "it was reported leaked")


async def test_a_finder_learns_nothing(world: World) -> None:
    ada = await world.furnished()
    issued = await world.token(ada)
    text = issued.token.reveal()
    before = list(world.store.entries)
    other = await world.token(ada, "other")
    spliced = other.token.reveal()[:17] + text[17:]
    for shown in (text[:-1], text[:17], issued.record.id, "", text + "x", "gp_sk_" + "0" * 46, spliced, text.lower()):
        with pytest.raises(Malformed) as caught:
            await world.administration.revoking.leaked(shown)
        assert (caught.value.code, caught.value.message) == ("malformed_token", "this is not a whole token")
    # a whole token of that id, but with another secret or of another kind: no error, and no effect
    public = issued.record.id.removeprefix("crd_")
    for kind in TokenKind:
        await world.administration.revoking.leaked(issue_text(kind, public, b"0" * 30))
    assert alive(world, issued.record.id)
    assert len(world.store.entries) == len(before) + 1
    # unknown, revoked and alive: the same silence
    await world.administration.revoking.leaked(text)
    await world.administration.revoking.leaked(text)


async def test_sessions_and_peoples_tokens_leak_too(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    session = await world.administration.sessions.with_code(code.text, "")
    assert session.record.kind is TokenKind.SESSION
    await world.administration.revoking.leaked(session.token.reveal())
    with pytest.raises(Error):
        await world.administration.sessions.operator(session.token.reveal(), "")


async def test_what_was_rotated_out_and_leaks_takes_nobody_else(world: World) -> None:
    ada = await world.furnished()
    issued = await world.token(ada)
    new = (await world.administration.tokens.rotate(ada, "laptop", overlap=MINUTE)).record
    await world.administration.revoking.leaked(issued.token.reveal())
    assert not alive(world, issued.record.id)
    assert alive(world, new.id)
    assert new.expires == Instant(issued.record.expires)
