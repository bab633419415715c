"""Issuing, changing and rotating tokens: what is refused says what would have been allowed."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.administration.world import HOUR, LIMITS, MINUTE, SECOND, World, opened

from gatepass.access import ActionClass
from gatepass.administration import TokenForm
from gatepass.credentials import Rate, TokenKind, TokenRecord, UnverifiedToken
from gatepass.errors import Conflict, Denied, Error, Malformed, NotFound
from gatepass.registry import AgentLimits, OperatorRole
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio
DAY = 24 * HOUR


async def error_of(world: World, **form: Any) -> Error:
    with pytest.raises(Error) as caught:
        await world.token(await world.signed_in(), **form)
    return caught.value


async def test_a_token_is_issued_shown_once_and_journalled(world: World) -> None:
    ada = await world.furnished()
    issued = await world.token(ada, purpose="ticket 7", scopes=("orders:refund:order-12345?amount<=50&currency=USD",))
    text = issued.token.reveal()
    record = issued.record
    assert UnverifiedToken.parse(text).proves(record)
    assert record.kind is TokenKind.MACHINE
    assert record.owner == ada.person
    assert record.expires == record.issued + 8 * HOUR
    assert record.meters == record.id
    assert [str(grant.permission) for grant in record.authority.grants] == [
        "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
    ]
    entry = world.store.entries[-1]
    assert (entry.event, entry.credential, entry.owner, entry.agent) == (
        "token.issued",
        record.id,
        record.owner,
        record.agent,
    )
    assert (entry.actor, entry.role, entry.purpose, entry.source) == (ada.person, "support", "ticket 7", "127.0.0.1")
    assert entry.details["scopes"] == "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
    assert entry.details["expires"] == str(record.expires)
    assert (entry.details["attempts"], entry.details["calls"]) == ("600/1m", "300/1m")
    assert world.put(TokenRecord)[-1] == record
    # the secret is in the answer and nowhere else
    assert text not in repr((world.store.entries, world.store._records, world.announced, issued))


async def test_an_unknown_scope_names_the_nearest(world: World) -> None:
    await world.furnished()
    error = await error_of(world, scopes=("orders:refunds:order-12345",))
    assert error.code == "unknown_scope"
    assert error.message.startswith("the scope `orders:refunds` is not in the catalogue; the nearest: `orders:refund`")


async def test_a_scope_beyond_the_role_is_named_with_the_widest_that_is_not(world: World) -> None:
    await world.furnished()
    error = await error_of(world, scopes=("orders:refund:order-12345?amount<=80&currency=USD",))
    assert error.code == "role_forbids"
    assert error.message == (
        "`orders:refund:order-12345?amount<=80&amount>=0&currency=USD` goes beyond the role `support`: "
        "the widest that it allows of it is `orders:refund:order-12345?amount<=50&amount>=0&currency=USD`"
    )
    error = await error_of(world, scopes=("orders:list", "orders:delete:order-1", "orders:refund:order-9?amount<=1"))
    refused = world.store.entries[-1]
    assert (refused.event, refused.code, refused.details["act"]) == ("operator.refused", "role_forbids", "token.create")
    assert error.message == (
        "`orders:delete:order-1` goes beyond the role `support`, and so do 1 more: it allows nothing of it"
    )


async def test_broad_and_long_together_say_what_to_ask_for_instead(world: World) -> None:
    ada = await world.furnished()
    await world.administration.roles.put(ada, "wide", scopes=["orders:*"])
    await world.administration.agents.create(ada, "wide-bot", "wide")
    error = await error_of(world, agent="wide-bot", scopes=("orders:*",), lifetime=DAY)
    assert error.code == "too_broad"
    assert error.hint == "Ask for at most 1h, or name what is meant by a pattern that begins with fixed segments."
    ada = await world.signed_in()
    brief = await world.token(ada, agent="wide-bot", scopes=("orders:*",))
    assert brief.record.expires == brief.record.issued + HOUR


async def test_class_admin_is_in_no_token(world: World) -> None:
    ada = await world.furnished()
    await world.administration.roles.put(ada, "wide", scopes=["orders:reset", "orders:*"])
    await world.administration.agents.create(ada, "wide-bot", "wide")
    assert (await error_of(world, agent="wide-bot", scopes=("orders:reset",))).code == "admin_not_storable"
    ada = await world.signed_in()
    issued = await world.token(ada, agent="wide-bot", scopes=("orders:*",))
    assert "orders:reset" not in {str(grant.permission) for grant in issued.record.authority.grants}
    for classes in (frozenset(ActionClass), frozenset({ActionClass.ADMIN}), frozenset[ActionClass]()):
        assert (await error_of(world, name="a", limits={"classes": classes})).code == "malformed_request"


async def test_no_token_without_an_end_and_none_beyond_the_roles(world: World) -> None:
    ada = await world.furnished()
    for lifetime in (0, -1, 999):
        assert (await error_of(world, lifetime=lifetime)).code == "malformed_request"
    assert (await error_of(world, lifetime=31 * DAY)).code == "too_long"
    await world.administration.roles.put(ada, "support", scopes=["orders:list"], max_lifetime=2 * HOUR)
    assert (await error_of(world, lifetime=3 * HOUR)).message == ("a life of 3h was asked for, and the role allows 2h")
    ada = await world.signed_in()
    issued = await world.token(ada)
    assert issued.record.expires == issued.record.issued + 2 * HOUR


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"scopes": ()}, "malformed_request"),
        ({"scopes": ("orders:list",) * 65}, "too_large"),
        ({"scopes": ("orders",)}, "malformed_scope"),
        ({"agent": "nobody"}, "not_found"),
        ({"agent": "agt_nobody"}, "not_found"),
        ({"name": "Laptop"}, "malformed_request"),
        ({"name": "crd_0000000000"}, "malformed_request"),
        ({"name": "-laptop"}, "malformed_request"),
        ({"name": "a" * 64}, "malformed_request"),
        ({"name": "lap\ntop"}, "malformed_request"),
        ({"name": ""}, "malformed_request"),
        ({"purpose": "two\nlines"}, "malformed_request"),
        ({"purpose": "x" * 201}, "malformed_request"),
        ({"run": "run_of_somebody_else"}, "role_forbids"),
        ({"limits": {"calls": Rate(0, MINUTE)}}, "malformed_request"),
        ({"limits": {"calls": Rate(1, 999)}}, "malformed_request"),
        ({"limits": {"attempts": Rate(1, 25 * HOUR)}}, "malformed_request"),
        ({"limits": {"writes_per_minute": 0}}, "malformed_request"),
        ({"limits": {"requests_per_day": 10**10}}, "malformed_request"),
    ],
)
async def test_what_cannot_be_meant_is_refused(world: World, form: dict[str, Any], code: str) -> None:
    await world.furnished()
    before = len(world.store.kept(TokenRecord))
    assert (await error_of(world, **form)).code == code
    assert not [token for token in world.store.kept(TokenRecord).values() if token.kind is TokenKind.MACHINE]
    assert before <= len(world.store.kept(TokenRecord))


async def test_nobody_issues_for_what_is_disabled_or_not_answered_for(world: World) -> None:
    ada = await world.furnished()
    await world.joined("bob", OperatorRole.OPERATOR)
    ada = await world.signed_in()
    await world.administration.agents.create(ada, "bobs-bot", "support", owner="bob")
    await world.administration.people.disable(ada, "bob")
    with pytest.raises(Conflict, match="nobody answers for the agent `bobs-bot`"):
        await world.token(ada, agent="bobs-bot")
    await world.administration.agents.disable(ada, "support-bot")
    with pytest.raises(Conflict, match="the agent `support-bot` is disabled"):
        await world.token(ada)
    with pytest.raises(Conflict, match="`bob` is disabled and cannot own an agent"):
        await world.administration.agents.create(ada, "another", "support", owner="bob")
    await world.administration.agents.change(ada, "bobs-bot", owner="ada")
    assert (await world.token(ada, agent="bobs-bot")).record.owner == ada.person


async def test_a_name_is_taken_while_its_token_may_be_used(world: World) -> None:
    ada = await world.furnished()
    first = await world.token(ada)
    with pytest.raises(Conflict, match="there is a token `laptop` already"):
        await world.token(ada)
    await world.administration.revoking.token(ada, "laptop")
    second = await world.token(ada)
    assert second.record.id != first.record.id
    assert world.administration.desk.register.token("laptop").id == second.record.id


async def test_a_run_is_opened_here_and_joined_by_its_agent_alone(world: World) -> None:
    ada = await world.furnished()
    await world.administration.agents.create(ada, "other-bot", "support")
    opened_ = (await world.token(ada, "one", run="new")).record.run
    assert opened_ is not None
    assert opened_.startswith("run_")
    assert (await world.token(ada, "two", run=opened_)).record.run == opened_
    with pytest.raises(Denied, match="`run` is no run of the agent `other-bot`"):
        await world.token(ada, "three", agent="other-bot", run=opened_)


async def test_tokens_of_people_belong_to_whoever_asks(world: World) -> None:
    await world.furnished()
    bob = await world.joined("bob", OperatorRole.AUDITOR)
    issued = await world.administration.tokens.create(bob, TokenForm(name="bobs"))
    assert (issued.record.kind, issued.record.owner, issued.record.agent) == (TokenKind.PERSON, bob.person, None)
    assert issued.record.limits.classes == {ActionClass.READ, ActionClass.DELETE}
    assert issued.record.authority.grants == ()
    for form in (TokenForm(name="x", scopes=("orders:list",)), TokenForm(name="x", run="new")):
        with pytest.raises(Malformed):
            await world.administration.tokens.create(bob, form)
    # nobody else gets a secret that acts as bob, nor makes his token do more, however high their role
    ada = await world.signed_in()
    with pytest.raises(Denied, match="rotated by that person alone"):
        await world.administration.tokens.rotate(ada, "bobs")
    with pytest.raises(Denied, match="widened by that person alone"):
        await world.administration.tokens.amend(
            ada, "bobs", {"classes": frozenset({ActionClass.READ, ActionClass.WRITE})}
        )
    await world.administration.tokens.amend(ada, "bobs", {"classes": frozenset({ActionClass.READ})})


async def test_the_deployments_ceiling_is_allotted() -> None:
    world = await opened(account=Rate(10, MINUTE))
    ada = await world.furnished()
    await world.token(ada, "one", limits={"calls": Rate(6, MINUTE)})
    with pytest.raises(Denied) as caught:
        await world.token(ada, "two", limits={"calls": Rate(5, MINUTE)})
    assert caught.value.code == "ceiling_exceeded"
    two = await world.token(ada, "two", limits={"calls": Rate(4, MINUTE)})
    with pytest.raises(Denied):
        await world.administration.tokens.amend(ada, "two", {"calls": Rate(5, MINUTE)})
    # an overlap after a rotation counts once, what is dead does not count, people's tokens never do
    await world.administration.tokens.rotate(ada, "two", overlap=HOUR)
    await world.administration.tokens.create(ada, TokenForm(name="mine"))
    await world.administration.revoking.token(ada, "one")
    assert (await world.token(ada, "three", limits={"calls": Rate(6, MINUTE)})).record.meters != two.record.meters


# -- limits


async def test_a_token_starts_with_the_limits_of_its_agent_and_the_defaults_beneath(world: World) -> None:
    ada = await world.furnished()
    bot = world.administration.desk.register.agent("support-bot")
    stated = AgentLimits(calls=Rate(10, SECOND), writes_per_minute=3, classes=frozenset({ActionClass.READ}))
    await world.store.commit((replace(bot, limits=stated),))
    world.administration.desk.register.apply((replace(bot, limits=stated),), ())
    limits = (await world.token(ada)).record.limits
    assert limits == replace(LIMITS, calls=Rate(10, SECOND), writes_per_minute=3, classes=frozenset({ActionClass.READ}))
    asked = await world.token(ada, "asked", limits={"calls": Rate(20, SECOND), "writes_per_minute": None})
    assert (asked.record.limits.calls, asked.record.limits.writes_per_minute) == (Rate(20, SECOND), None)
    assert asked.record.limits.classes == {ActionClass.READ}


async def test_limits_change_without_reissuing(world: World) -> None:
    ada = await world.furnished()
    issued = await world.token(ada)
    tight = await world.administration.tokens.amend(ada, "laptop", {"calls": Rate(5, MINUTE), "writes_per_minute": 1})
    assert tight == replace(
        issued.record, limits=replace(issued.record.limits, calls=Rate(5, MINUTE), writes_per_minute=1)
    )
    entry = world.store.entries[-1]
    assert (entry.event, entry.details["calls"], entry.details["calls_before"]) == ("token.changed", "5/1m", "300/1m")
    assert world.put(TokenRecord)[-1] == tight


async def test_tightening_needs_no_fresh_person_and_loosening_does(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada, limits={"calls": Rate(10, MINUTE), "requests_per_day": 5})
    pat = await world.with_pat()
    world.later(HOUR)
    amend = world.administration.tokens.amend
    await amend(pat, "laptop", {"calls": Rate(9, MINUTE)})
    await amend(ada, "laptop", {"attempts": Rate(9, MINUTE), "requests_per_day": 4})
    loosened: list[Any] = [
        {"calls": Rate(10, MINUTE)},
        {"calls": Rate(9, 59_000)},
        {"calls": Rate(10, HOUR)},  # fewer over time, but more in a burst
        {"calls": Rate(1, MINUTE), "attempts": Rate(10, MINUTE)},  # looser in one place
        {"requests_per_day": 5},
        {"requests_per_day": None},
        {"classes": frozenset({ActionClass.READ}), "writes_per_minute": None, "requests_per_day": 9},
    ]
    for changes in loosened:
        for operator in (pat, ada):
            with pytest.raises(Error) as caught:
                await amend(operator, "laptop", changes)
            assert caught.value.code == "reauthentication_required", changes
    await amend(pat, "laptop", {"classes": frozenset({ActionClass.READ})})
    with pytest.raises(Error) as caught:
        await amend(pat, "laptop", {"classes": frozenset({ActionClass.READ, ActionClass.WRITE})})
    assert caught.value.code == "reauthentication_required"


async def test_what_is_dead_is_not_changed(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada)
    await world.administration.revoking.token(ada, "laptop")
    with pytest.raises(Conflict, match="cannot be changed: the token was revoked"):
        await world.administration.tokens.amend(ada, "laptop", {"calls": Rate(1, MINUTE)})
    with pytest.raises(NotFound):
        await world.administration.tokens.amend(ada, "nothing", {"calls": Rate(1, MINUTE)})
    with pytest.raises(Malformed, match="a session has no limits"):
        await world.administration.tokens.amend(ada, ada.credential, {"calls": Rate(1, MINUTE)})


# -- rotation


async def test_rotation_is_one_motion_with_meters_carried_along(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada, run="new")).record
    world.later(MINUTE)
    issued = await world.administration.tokens.rotate(ada, "laptop", overlap=HOUR)
    new = issued.record
    assert (new.meters, new.expires, new.authority, new.run) == (old.meters, old.expires, old.authority, old.run)
    assert UnverifiedToken.parse(issued.token.reveal()).proves(new)
    register = world.administration.desk.register
    assert register.token("laptop").id == new.id
    assert register.alive(register.tokens[old.id], world.now[0])
    assert (Scope.CREDENTIAL, old.id) not in world.withdrawn()
    world.later(HOUR)
    assert not register.alive(register.tokens[old.id], world.now[0])
    assert [entry.event for entry in world.store.entries[-2:]] == ["token.rotated", "token.retired"]


async def test_without_an_overlap_the_old_one_is_withdrawn_at_once(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada)).record
    await world.administration.tokens.rotate(ada, old.id)
    assert (Scope.CREDENTIAL, old.id) in world.withdrawn()


async def test_two_rotations_at_once_make_one_token(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada)).record
    rotate = world.administration.tokens.rotate
    results = await asyncio.gather(*(rotate(ada, old.id) for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 4 + ["Issued"]
    tokens = [token for token in world.administration.desk.register.live_tokens(world.now[0]) if token.name == "laptop"]
    assert len(tokens) == 1


async def test_a_stored_token_rotates_only_if_it_was_made_to(world: World) -> None:
    """The secret that comes back acts as the agent: whoever steals a token that looks must not get it."""
    ada = await world.furnished()
    await world.token(ada)
    looks = await world.with_pat()
    with pytest.raises(Denied, match="is of class `write`, which this token does not carry"):
        await world.administration.tokens.rotate(looks, "laptop")
    deploys = await world.with_pat(classes=frozenset({ActionClass.READ, ActionClass.WRITE}))
    world.later(HOUR)
    renewed = await world.administration.tokens.rotate(deploys, "laptop")
    with pytest.raises(Error) as caught:
        await world.administration.tokens.rotate(deploys, renewed.record.id, lifetime=9 * HOUR)
    assert caught.value.code == "reauthentication_required"


async def test_a_renewal_widens_and_is_bounded_with_the_whole_line(world: World) -> None:
    ada = await world.furnished()
    first = (await world.token(ada)).record
    world.later(MINUTE)
    second = (await world.administration.tokens.rotate(ada, first.id, lifetime=8 * HOUR)).record
    assert second.expires == world.now[0] + 8 * HOUR
    await world.administration.roles.put(ada, "wide", scopes=["orders:delete"])
    await world.administration.agents.create(ada, "wide-bot", "wide")
    broad = (await world.token(ada, "broad", agent="wide-bot", scopes=("orders:delete",))).record
    world.later(MINUTE)
    with pytest.raises(Denied) as caught:
        await world.administration.tokens.rotate(ada, "broad", lifetime=HOUR)
    assert caught.value.code == "too_broad"
    assert (await world.administration.tokens.rotate(ada, "broad", lifetime=10 * MINUTE)).record.latest == broad.latest


async def test_what_is_dead_is_not_rotated_back_to_life(world: World) -> None:
    ada = await world.furnished()
    await world.token(ada, "revoked")
    await world.token(ada, "expired", lifetime=MINUTE)
    await world.administration.revoking.token(ada, "revoked")
    world.later(2 * MINUTE)
    for name in ("revoked", "expired"):
        for lifetime in (None, HOUR):
            with pytest.raises(Conflict, match="cannot be rotated"):
                await world.administration.tokens.rotate(ada, name, lifetime=lifetime)
    with pytest.raises(Malformed, match="a session is not rotated"):
        await world.administration.tokens.rotate(ada, ada.credential)
    other = await world.signed_in()
    with pytest.raises(Malformed, match="a session is not rotated"):
        await world.administration.tokens.rotate(ada, other.credential)


async def test_a_withdrawal_that_could_not_be_recorded_still_forbids_rotation(world: World) -> None:
    ada = await world.furnished()
    token = (await world.token(ada)).record
    world.store.full = True
    with pytest.raises(Error):
        await world.administration.revoking.token(ada, token.id)
    world.store.full = False
    with pytest.raises(Conflict, match="cannot be rotated: the token was revoked"):
        await world.administration.tokens.rotate(ada, token.id)


async def test_an_issuance_that_cannot_be_recorded_did_not_happen(world: World) -> None:
    ada = await world.furnished()
    world.store.full = True
    announced = len(world.announced)
    with pytest.raises(Error) as caught:
        await world.token(ada)
    assert caught.value.code == "storage_unavailable"
    assert len(world.announced) == announced
    world.store.full = False
    assert (await world.token(ada)).record.name == "laptop"


async def test_whoever_hangs_up_finds_the_disk_and_the_memory_agreed(world: World) -> None:
    ada = await world.furnished()
    world.store.hold = asyncio.Event()
    asking = asyncio.ensure_future(world.token(ada))
    await world.store.held.wait()
    asking.cancel()
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.sleep(0)
    assert not asking.done(), "the change is finished before anything else"
    world.store.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    kept = [token for token in world.store.kept(TokenRecord).values() if token.name == "laptop"]
    assert kept == [world.administration.desk.register.token("laptop")]
    assert world.put(TokenRecord)[-1] == kept[0]
    assert world.administration.desk.register.alive(kept[0], world.now[0])
