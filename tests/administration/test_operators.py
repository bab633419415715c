"""Who may do what: every row of the table, tried from below, from above, and with every kind of credential."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace

import pytest
from tests.administration.world import HOUR, LIMITS, MINUTE, START, World

from gatepass.access import ActionClass, AgentId, CredentialId, Instant, PersonId
from gatepass.administration import Operator, TokenForm
from gatepass.administration.operators import FRESH, RULES, STORABLE, Act, check
from gatepass.authority import Authority
from gatepass.credentials import TokenKind, TokenRecord
from gatepass.errors import Denied, Error, Unauthenticated
from gatepass.registry import OperatorRole, Person

ROLES = [None, OperatorRole.AUDITOR, OperatorRole.OPERATOR, OperatorRole.ADMIN]
NOW = Instant(START + HOUR)


def person(role: OperatorRole | None) -> Person:
    return Person(id=PersonId("per_1"), name="ada", operator=role, created=START)


def credential(kind: TokenKind, *, age: int = MINUTE, classes: frozenset[ActionClass] = STORABLE) -> TokenRecord:
    return TokenRecord(
        id=CredentialId("crd_1"),
        kind=kind,
        name="",
        hash=bytes(32),
        owner=PersonId("per_1"),
        agent=AgentId("agt_1") if kind is TokenKind.MACHINE else None,
        authority=Authority(),
        limits=replace(LIMITS, classes=frozenset(ActionClass) if kind is TokenKind.SESSION else classes),
        issued=START,
        expires=Instant(START + 8 * HOUR),
        issuer="per_1",
        meters=CredentialId("crd_1"),
        authenticated=Instant(NOW - age) if kind is TokenKind.SESSION else None,
    )


def code(act: Act, role: OperatorRole | None, held: TokenRecord, *, owner: bool = False) -> str:
    try:
        check(act, person(role), held, NOW, owner=owner)
    except Error as error:
        return error.code
    return "ok"


def test_every_act_has_its_row() -> None:
    assert set(RULES) == set(Act)


@pytest.mark.parametrize("act", Act)
def test_a_row_holds_from_below_and_from_above(act: Act) -> None:
    rule = RULES[act]
    fresh = credential(TokenKind.SESSION)
    for role in ROLES:
        enough = ROLES.index(role) >= ROLES.index(rule.role)
        assert code(act, role, fresh) == ("ok" if enough else "operator_forbidden")
        assert code(act, role, fresh, owner=True) == ("ok" if enough or rule.owner else "operator_forbidden")


@pytest.mark.parametrize("act", Act)
def test_what_widens_needs_a_person_seen_within_fifteen_minutes(act: Act) -> None:
    widens = RULES[act].kind is ActionClass.ADMIN
    for age, fresh in [(0, True), (FRESH, True), (FRESH + 1, False), (8 * HOUR, False), (-1, False)]:
        expected = "ok" if fresh or not widens else "reauthentication_required"
        assert code(act, OperatorRole.ADMIN, credential(TokenKind.SESSION, age=age)) == expected


@pytest.mark.parametrize("act", Act)
def test_no_stored_token_carries_class_admin(act: Act) -> None:
    everything = credential(TokenKind.PERSON, classes=frozenset(ActionClass))
    expected = "reauthentication_required" if RULES[act].kind is ActionClass.ADMIN else "ok"
    assert code(act, OperatorRole.ADMIN, everything) == expected
    posing = replace(everything, authenticated=NOW)
    assert code(act, OperatorRole.ADMIN, posing) == expected


@pytest.mark.parametrize("act", Act)
def test_a_stored_token_carries_the_classes_that_it_was_made_with(act: Act) -> None:
    kind = RULES[act].kind
    for carried in STORABLE:
        held = credential(TokenKind.PERSON, classes=frozenset({carried}))
        allowed = {carried: "ok", ActionClass.ADMIN: "reauthentication_required"}
        assert code(act, OperatorRole.ADMIN, held) == allowed.get(kind, "operator_forbidden")


@pytest.mark.parametrize("act", Act)
def test_a_machine_token_does_nothing(act: Act) -> None:
    assert code(act, OperatorRole.ADMIN, credential(TokenKind.MACHINE)) == "person_required"


@pytest.mark.parametrize("act", Act)
def test_somebody_elses_credential_does_nothing(act: Act) -> None:
    other = replace(credential(TokenKind.SESSION), owner=PersonId("per_2"))
    assert code(act, OperatorRole.ADMIN, other) == "credential_invalid"


def test_a_setting_can_shorten_freshness_and_never_lengthen_it() -> None:
    held = credential(TokenKind.SESSION, age=10 * MINUTE)
    check(Act.CREATE_AGENT, person(OperatorRole.ADMIN), held, NOW, fresh=24 * HOUR)
    with pytest.raises(Unauthenticated) as caught:
        check(Act.CREATE_AGENT, person(OperatorRole.ADMIN), held, NOW, fresh=5 * MINUTE)
    assert caught.value.message == "`agent.create` needs a person who signed in within 5m"
    old = credential(TokenKind.SESSION, age=FRESH + 1)
    with pytest.raises(Unauthenticated) as caught:
        check(Act.CREATE_AGENT, person(OperatorRole.ADMIN), old, NOW, fresh=24 * HOUR)
    assert caught.value.message == "`agent.create` needs a person who signed in within 15m"


def test_the_refusals_to_the_letter() -> None:
    with pytest.raises(Denied) as denied:
        check(Act.REVOKE_TOKEN, person(OperatorRole.AUDITOR), credential(TokenKind.SESSION), NOW)
    assert denied.value.message == "`token.revoke` needs the role `operator`, and `ada` has the role `auditor`"
    with pytest.raises(Denied) as denied:
        check(Act.READ, person(None), credential(TokenKind.SESSION), NOW)
    assert denied.value.message == "`read` needs the role `auditor`, and `ada` has no role"
    only_reads = credential(TokenKind.PERSON, classes=frozenset({ActionClass.READ}))
    with pytest.raises(Denied) as denied:
        check(Act.REVOKE_TOKEN, person(OperatorRole.ADMIN), only_reads, NOW)
    assert denied.value.message == "`token.revoke` is of class `delete`, which this token does not carry"
    with pytest.raises(Unauthenticated) as again:
        check(Act.CREATE_TOKEN, person(OperatorRole.ADMIN), credential(TokenKind.PERSON), NOW)
    assert again.value.message == "`token.create` needs a person who has just signed in; no stored token carries it"


# -- the same in a deployment, where people change while they ask


@pytest.mark.anyio
async def test_a_refusal_is_in_the_journal(world: World) -> None:
    eve = await world.joined("eve", OperatorRole.AUDITOR)
    with pytest.raises(Denied):
        await world.administration.agents.create(eve, "mine", "support")
    entry = world.store.entries[-1]
    assert (entry.event, entry.code, entry.actor) == ("operator.refused", "operator_forbidden", eve.person)
    assert entry.details == {"act": "agent.create", "session": eve.credential}


@pytest.mark.anyio
async def test_a_refusal_stands_though_the_journal_is_full(world: World) -> None:
    eve = await world.joined("eve", OperatorRole.AUDITOR)
    world.store.full = True
    with pytest.raises(Denied, match=r"agent\.create"):
        await world.administration.agents.create(eve, "mine", "support")


@pytest.mark.anyio
async def test_a_session_grows_stale_while_it_lives(world: World) -> None:
    ada = await world.signed_in()
    world.later(14 * MINUTE)
    await world.administration.people.create(ada, "bob", None)
    world.later(2 * MINUTE)
    with pytest.raises(Unauthenticated) as stale:
        await world.administration.people.create(ada, "carol", None)
    assert stale.value.code == "reauthentication_required"
    assert await world.administration.overview.people(ada)
    world.later(8 * HOUR)
    with pytest.raises(Unauthenticated) as over:
        await world.administration.overview.people(ada)
    assert over.value.code == "credential_invalid"


@pytest.mark.anyio
async def test_a_person_with_no_role_sees_and_ends_what_is_theirs(world: World) -> None:
    ada = await world.furnished()
    dan = await world.joined("dan", None)
    ada = await world.signed_in()
    await world.administration.agents.create(ada, "dans-bot", "support", owner="dan")
    theirs = await world.token(ada, "theirs", agent="dans-bot")
    others = await world.token(ada, "others")
    overview, revoking = world.administration.overview, world.administration.revoking
    assert [token.id for token in await overview.tokens(dan)] == [theirs.record.id]
    assert [agent.name for agent in await overview.agents(dan)] == ["dans-bot"]
    for reading in (overview.people, overview.roles, overview.upstreams, overview.secrets):
        with pytest.raises(Denied):
            await reading(dan)
    for look in (
        overview.token(dan, "others"),
        overview.blast_radius(dan, "others"),
        overview.agent(dan, "support-bot"),
    ):
        with pytest.raises(Error) as hidden:
            await look
        assert hidden.value.code == "not_found"
    with pytest.raises(Denied):
        await revoking.token(dan, others.record.id)
    with pytest.raises(Denied):
        await revoking.token(dan, "no-such-token")
    with pytest.raises(Denied):
        await revoking.agent(dan, "support-bot")
    assert [token.id for token in await revoking.agent(dan, "dans-bot")] == [theirs.record.id]


@pytest.mark.anyio
async def test_whoever_was_disabled_while_waiting_does_nothing_more(world: World) -> None:
    """Bob's change waits behind the one that disables him."""
    ada = await world.furnished()
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    ada = await world.signed_in()

    async with asyncio.TaskGroup() as group:
        world.store.hold = asyncio.Event()
        slow = group.create_task(world.administration.people.disable(ada, "bob"))
        await world.store.held.wait()
        waiting = group.create_task(refused(world.token(bob, "late")))
        await asyncio.sleep(0)
        world.store.hold.set()
    assert slow.result().disabled
    assert waiting.result() == "credential_invalid"


@pytest.mark.anyio
async def test_a_machine_token_is_no_operator(world: World) -> None:
    ada = await world.furnished()
    machine = await world.token(ada)
    with pytest.raises(Unauthenticated) as caught:
        await world.administration.sessions.operator(machine.token.reveal(), "127.0.0.1")
    assert caught.value.code == "person_required"
    posing = Operator(person=machine.record.owner, credential=machine.record.id)
    with pytest.raises(Unauthenticated):
        await world.administration.tokens.create(posing, TokenForm(name="more", agent="support-bot"))


async def refused(attempt: Coroutine[object, object, object]) -> str:
    try:
        await attempt
    except Error as error:
        return error.code
    return "ok"
