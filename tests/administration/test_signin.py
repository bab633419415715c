"""Signing in: codes that work once, passwords that cannot be tried for long, sessions that end."""

import asyncio

import pytest
from tests.administration.world import HOUR, MINUTE, PASSWORD, SOURCE, START, World, opened
from tests.keys.randomness import Numbered

from gatepass.access import Instant, PersonId
from gatepass.administration.signin import Codes
from gatepass.administration.signin.codes import LIFETIME, MOST_OPEN
from gatepass.administration.signin.sessions import MOST_SESSIONS, NAME_ATTEMPTS, PERIOD, SOURCE_ATTEMPTS
from gatepass.credentials import TokenKind, TokenRecord
from gatepass.errors import Denied, Error, LimitExceeded, Unauthenticated
from gatepass.registry import OperatorRole
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio
ADA = PersonId("per_ada")


async def failure(world: World, name: str, password: str = "wrong wrong wrong", source: str = SOURCE) -> Error:
    with pytest.raises(Error) as caught:
        await world.administration.sessions.with_password(name, password, source)
    return caught.value


async def with_password(world: World, name: str = "ada") -> None:
    await world.administration.sessions.set_password(await world.signed_in(name), PASSWORD)


# -- codes


def test_a_code_is_spent_by_being_presented() -> None:
    codes = Codes(Numbered(b"codes"))
    code = codes.offer(ADA, START)
    assert code.text not in repr((codes, code))
    assert len(code.text.replace("-", "")) * 5 == 120
    assert codes.spend(code.text, START) == ADA
    assert codes.spend(code.text, START) is None


def test_a_code_is_read_as_it_was_meant() -> None:
    codes = Codes(Numbered(b"codes"))
    for spell in (
        str.lower,
        lambda text: text.replace("-", " "),
        lambda text: text.replace("0", "O").replace("1", "l"),
    ):
        assert codes.spend(spell(codes.offer(ADA, START).text), START) == ADA


def test_a_code_lives_ten_minutes_and_a_late_one_is_spent_too() -> None:
    codes = Codes(Numbered(b"codes"))
    assert LIFETIME == 10 * MINUTE
    code = codes.offer(ADA, START)
    assert code.expires == START + LIFETIME
    assert codes.spend(codes.offer(ADA, START).text, Instant(START + LIFETIME - 1)) == ADA
    late = codes.offer(ADA, START)
    assert codes.spend(late.text, Instant(START + LIFETIME)) is None
    assert codes.spend(late.text, START) is None


def test_a_new_code_voids_the_one_before_and_few_wait_at_once() -> None:
    codes = Codes(Numbered(b"codes"))
    first = codes.offer(ADA, START)
    second = codes.offer(ADA, START)
    assert codes.spend(first.text, START) is None
    assert codes.spend(second.text, START) == ADA
    kept = [codes.offer(PersonId(f"per_{number}"), START) for number in range(MOST_OPEN + 1)]
    assert codes.spend(kept[0].text, START) is None
    assert codes.spend(kept[1].text, START) == "per_1"


@pytest.mark.parametrize("text", ["", "-", "x" * 10_000, "\ud800", "\0", "0000-0000-0000-0000-0000-0000"])
def test_nonsense_is_no_code(text: str) -> None:
    codes = Codes(Numbered(b"codes"))
    codes.offer(ADA, START)
    assert codes.spend(text, START) is None


async def test_two_who_present_one_code_at_once_open_one_session(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    results = await asyncio.gather(
        *(world.administration.sessions.with_code(code.text, SOURCE) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Issued"] + ["Unauthenticated"] * 4


async def test_a_session_by_code(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    issued = await world.administration.sessions.with_code(code.text, SOURCE)
    record = issued.record
    assert (record.kind, record.owner, record.agent) == (TokenKind.SESSION, world.person("ada").id, None)
    assert (record.authenticated, record.expires) == (START, START + 8 * HOUR)
    assert issued.token.reveal().startswith("gp_ses_")
    entry = world.store.entries[-1]
    assert (entry.event, entry.actor, entry.source, entry.details["by"]) == (
        "session.opened",
        record.owner,
        SOURCE,
        "code",
    )
    assert code.text not in repr((world.store.entries, world.store._records))
    with pytest.raises(Unauthenticated) as caught:
        await world.administration.sessions.with_code(code.text, SOURCE)
    assert caught.value.message == "the name, the password or the code is wrong, or it is too late"
    assert world.strangers == [("sign_in.refused", "sign_in_failed")]


async def test_a_restart_forgets_codes_and_keeps_sessions(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    issued = await world.administration.sessions.with_code(
        world.administration.sessions.offer(world.person("ada")).text, SOURCE
    )
    again = await opened(world.store)
    with pytest.raises(Unauthenticated):
        await again.administration.sessions.with_code(code.text, SOURCE)
    assert (await again.administration.sessions.operator(issued.token.reveal(), SOURCE)).person == issued.record.owner


async def test_an_admin_invites_and_nobody_else(world: World) -> None:
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    with pytest.raises(Denied):
        await world.administration.sessions.invite(bob, "ada")
    code = await world.administration.sessions.invite(await world.signed_in(), "bob")
    assert (await world.administration.sessions.with_code(code.text, SOURCE)).record.owner == bob.person
    assert world.store.events().count("person.invited") == 1
    with pytest.raises(Error):
        await world.administration.sessions.invite(await world.with_pat(), "bob")


# -- passwords


async def test_a_password_is_set_in_a_fresh_session_and_then_signs_in(world: World) -> None:
    await with_password(world)
    issued = await world.administration.sessions.with_password("ada", PASSWORD, SOURCE)
    assert world.store.entries[-1].details["by"] == "password"
    assert issued.record.authenticated == world.now[0]
    assert PASSWORD not in repr((world.store.entries, world.administration))
    stale = await world.signed_in()
    world.later(HOUR)
    with pytest.raises(Unauthenticated) as caught:
        await world.administration.sessions.set_password(stale, "another password")
    assert caught.value.code == "reauthentication_required"
    with pytest.raises(Unauthenticated):
        await world.administration.sessions.set_password(await world.with_pat(), "another password")


async def test_setting_a_password_ends_the_other_sessions(world: World) -> None:
    thief, ada = await world.signed_in(), await world.signed_in()
    await world.administration.sessions.set_password(ada, PASSWORD)
    assert (Scope.CREDENTIAL, thief.credential) in world.withdrawn()
    with pytest.raises(Unauthenticated):
        await world.administration.overview.status(thief)
    assert (await world.administration.overview.status(ada)).person.name == "ada"


async def test_who_is_there_cannot_be_found_out(world: World) -> None:
    """A wrong password, a name that nobody has, a person without a password, one who left: one answer, one cost."""
    await with_password(world)
    await world.joined("bob", OperatorRole.OPERATOR)
    await world.joined("carol", OperatorRole.OPERATOR)
    await with_password(world, "carol")
    await world.administration.people.disable(await world.signed_in(), "carol")
    world.passwords.checked.clear()
    answers = {
        (error.code, error.message, error.hint)
        for name in ("ada", "nobody", "bob", "carol", "", "x" * 1000, "\ud800")
        for error in [await failure(world, name, source=name)]
    }
    assert len(answers) == 1
    assert len(world.passwords.checked) == 7
    assert (await failure(world, "carol", PASSWORD, "elsewhere")).code == "sign_in_failed"


async def test_attempts_are_limited_by_name_whether_or_not_anybody_has_it(world: World) -> None:
    await with_password(world)
    for name in ("ada", "nobody"):
        codes = [(await failure(world, name, source=f"{name}{number}")).code for number in range(NAME_ATTEMPTS)]
        assert set(codes) == {"sign_in_failed"}
        refused = await failure(world, name, PASSWORD, "yet another")
        assert isinstance(refused, LimitExceeded)
        assert refused.message == "too many attempts to sign in"
        assert refused.retry_after == PERIOD // NAME_ATTEMPTS
    # a code gets the person in all the same: nobody is kept out by others who try their name
    assert (await world.signed_in("ada")).person
    world.later(PERIOD // NAME_ATTEMPTS)
    assert (await world.administration.sessions.with_password("ada", PASSWORD, "home")).record.authenticated


async def test_attempts_are_limited_by_source_whatever_the_name(world: World) -> None:
    codes = [(await failure(world, f"name{number}")).code for number in range(SOURCE_ATTEMPTS + 1)]
    assert codes == ["sign_in_failed"] * SOURCE_ATTEMPTS + ["limit_exceeded"]
    assert (await failure(world, "name", source="elsewhere")).code == "sign_in_failed"


async def test_passwords_are_checked_one_at_a_time(world: World) -> None:
    running: list[int] = [0, 0]

    class Counting(type(world.passwords)):  # type: ignore[misc]
        async def verify(self, stored: str | None, password: str) -> bool:
            running[0] += 1
            running[1] = max(running)
            await asyncio.sleep(0.001)
            running[0] -= 1
            return False

    world.administration.sessions.passwords = Counting()
    await asyncio.gather(*(failure(world, f"name{number}") for number in range(10)))
    assert running == [0, 1]


async def test_whoever_left_while_their_password_was_checked_is_not_let_in(world: World) -> None:
    bob = await world.joined("bob", OperatorRole.OPERATOR)
    await world.administration.sessions.set_password(bob, PASSWORD)
    ada = await world.signed_in()
    world.store.hold = asyncio.Event()
    leaving = asyncio.ensure_future(world.administration.people.disable(ada, "bob"))
    await world.store.held.wait()
    entering = asyncio.ensure_future(world.administration.sessions.with_password("bob", PASSWORD, SOURCE))
    for _ in range(5):
        await asyncio.sleep(0)
    world.store.hold.set()
    await leaving
    with pytest.raises(Unauthenticated):
        await entering


# -- who presents what


async def test_what_is_presented_is_looked_at_whole(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    issued = await world.administration.sessions.with_code(code.text, SOURCE)
    text = issued.token.reveal()
    other = await world.administration.sessions.with_code(
        world.administration.sessions.offer(world.person("ada")).text, SOURCE
    )
    spliced = other.token.reveal()[:17] + text[17:]
    for shown in (
        None,
        "",
        text[:-1],
        text + "0",
        text.upper(),
        spliced,
        text.replace("gp_ses_", "gp_pat_"),
        issued.record.id,
    ):
        with pytest.raises(Unauthenticated) as caught:
            await world.administration.sessions.operator(shown, SOURCE)
        assert caught.value.code == ("credential_missing" if shown is None else "credential_invalid")
    assert (await world.administration.sessions.operator(text, SOURCE)).credential == issued.record.id
    assert len(world.strangers) == 8


async def test_a_session_ends_by_itself_and_by_its_person(world: World) -> None:
    ada = await world.signed_in()
    await world.administration.sessions.end(ada)
    assert (Scope.CREDENTIAL, ada.credential) in world.withdrawn()
    with pytest.raises(Unauthenticated):
        await world.administration.overview.status(ada)
    again = await world.signed_in()
    world.later(8 * HOUR)
    with pytest.raises(Unauthenticated):
        await world.administration.overview.status(again)


async def test_attempts_count_against_the_credential(world: World) -> None:
    code = world.administration.sessions.offer(world.person("ada"))
    text = (await world.administration.sessions.with_code(code.text, SOURCE)).token.reveal()
    for _ in range(600):
        await world.administration.sessions.operator(text, SOURCE)
    with pytest.raises(LimitExceeded) as caught:
        await world.administration.sessions.operator(text, SOURCE)
    assert caught.value.retry_after == 100
    assert "rate_limit" in caught.value.details


async def test_sessions_of_a_person_are_few_and_old_records_go(world: World) -> None:
    first = await world.signed_in()
    for _ in range(MOST_SESSIONS):
        await world.signed_in()
    register = world.administration.desk.register
    live = [token for token in register.live_tokens(world.now[0]) if token.kind is TokenKind.SESSION]
    assert len(live) == MOST_SESSIONS
    assert (Scope.CREDENTIAL, first.credential) in world.withdrawn()
    world.later(40 * HOUR)
    await world.signed_in()
    assert len(world.store.kept(TokenRecord)) == 1
    assert len(register.tokens) == 1


async def test_tokens_that_ended_a_month_ago_are_forgotten(world: World) -> None:
    ada = await world.furnished()
    old = (await world.token(ada, "old")).record
    await world.administration.revoking.token(ada, "old")
    world.later(31 * 24 * HOUR)
    young = (await world.token(await world.signed_in(), "young")).record
    register = world.administration.desk.register
    assert old.id not in register.tokens
    assert (Scope.CREDENTIAL, old.id) not in register.withdrawn
    assert young.id in register.tokens
