"""The numbered steps, told as stories: each refusal at its step, nothing forgotten, nothing given away."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from tests.gateway.house import ADA, BOT, PLENTY, REFUND, SECRET, House

from gatepass.access import Access, Action, ActionClass, Json, Resource
from gatepass.authority import Calls, SingleUse, Spending
from gatepass.credentials import IssuedToken, Rate, TokenKind
from gatepass.errors import Conflict, Denied, Error, LimitExceeded, NotFound, Unauthenticated, Unavailable
from gatepass.gateway.callers import Caller
from gatepass.gateway.passage import Passage
from gatepass.revocation import Scope

T = TypeVar("T")
LIST = Resource("orders")
GET = Action("get", ActionClass.READ)
REFUNDING = Action("refund", ActionClass.WRITE)


def run(story: Callable[[], Awaitable[T]]) -> T:
    async def told() -> T:
        async with asyncio.timeout(5):
            return await story()

    return asyncio.run(told())


def refund(caller: Caller, amount: str = "49.50", order: str = "order-12345", currency: str = "USD") -> Access:
    properties: dict[str, Json] = {"amount": Decimal(amount), "currency": currency}
    return Access(caller.subject, REFUNDING, Resource("orders", (order,)), caller.context, properties)


def read(caller: Caller, order: str = "order-12345") -> Access:
    return Access(caller.subject, GET, Resource("orders", (order,)), caller.context)


async def met(house: House, token: IssuedToken | str | None, **members: Any) -> Caller:
    return await house.admission.meet(house.request(token, **members), "rest")


async def admitted(house: House, token: IssuedToken, amount: str = "49.50") -> Passage:
    caller = await met(house, token)
    return await house.admission.admit(caller, refund(caller, amount), arguments=b"{}")


def refused(house: House, story: Callable[[], Awaitable[object]]) -> Error:
    with pytest.raises(Error) as raised:
        run(story)
    return raised.value


def test_a_refund_goes_through_and_is_told_in_two_entries_of_one_decision() -> None:
    house = House()
    token = house.token(REFUND)

    async def story() -> Passage:
        passage = await admitted(house, token)
        secret = passage.inject()
        assert secret is not None
        assert secret.expose_to(lambda text: text) == SECRET
        await passage.finish(status=201, bytes_out=12, sent=True)
        return passage

    passage = run(story)
    assert house.told() == [("call.decided", "ok"), ("call.finished", "ok")]
    decided, finished = (found.members for found in house.journal.entries[1:])
    assert decided["decision"] == finished["decision"] == passage.decision
    assert decided["action"] == "orders:refund"
    assert decided["resource"] == "order-12345"
    assert decided["properties"] == {"amount": Decimal("49.50"), "currency": "USD"}
    assert finished["status"] == Decimal(201)
    assert dict(passage.headers)[b"gatepass-credential"] == token.id.encode()
    assert SECRET not in b"".join(row.body for row in house.journal.rows)


@pytest.mark.parametrize(
    ("amount", "order", "currency"),
    [
        ("51", "order-12345", "USD"),
        ("50.01", "order-12345", "USD"),
        ("-1", "order-12345", "USD"),
        ("49.50", "order-99999", "USD"),
        ("49.50", "order-12345", "EUR"),
    ],
)
def test_one_cent_one_order_one_currency_too_far_is_refused_in_the_same_shape(
    amount: str, order: str, currency: str
) -> None:
    house = House()
    token = house.token(REFUND)

    async def story() -> None:
        caller = await met(house, token)
        await house.admission.admit(caller, refund(caller, amount, order, currency))

    error = refused(house, story)
    assert isinstance(error, Denied)
    assert error.code == "scope_missing"
    assert error.details["credential"] == token.id
    (entry,) = (found.members for found in house.journal.entries[1:])
    assert entry["decision"] == error.details["decision_id"]
    assert entry["outcome"] == "deny"
    assert entry["resource"] == order


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((), "credential_missing"),
        (((b"authorization", b"Bearer nonsense"),), "credential_invalid"),
        (((b"authorization", b"Basic Z3A6eA=="),), "credential_invalid"),
        (((b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")), "credential_invalid"),
    ],
)
def test_whoever_is_not_known_is_counted_and_not_listed(headers: tuple[tuple[bytes, bytes], ...], code: str) -> None:
    house = House()
    for _ in range(50):
        error = refused(house, lambda: met(house, None, headers=headers))
        assert isinstance(error, Unauthenticated)
        assert error.code == code
    assert house.told() == []
    house.now += 60_000
    house.admission.tick()
    (entry,) = (found.members for found in house.journal.entries[1:])
    assert entry["event"] == "credential.refused"
    assert entry["source"] == "192.0.2.7"
    assert entry["details"] == {code: "50"}


def test_many_sources_share_a_line_so_that_strangers_cannot_fill_the_disk() -> None:
    house = House()
    for number in range(1500):
        refused(house, lambda number=number: met(house, None, source=f"198.51.{number // 256}.{number % 256}"))  # type: ignore[misc]
    house.admission.close()
    entries = [found.members for found in house.journal.entries[1:]]
    assert len(entries) == 1025
    counted = [entry["details"]["credential_missing"] for entry in entries]  # type: ignore[index,call-overload]
    assert sum(int(str(count)) for count in counted) == 1500


def test_a_right_id_with_a_wrong_secret_is_nobody() -> None:
    house = House()
    token, other = house.token(REFUND), house.token(REFUND)
    record = house.record(other.id)
    house.snapshot.put(replace(house.record(token.id), hash=record.hash))
    assert refused(house, lambda: met(house, token)).code == "credential_invalid"


def test_a_persons_token_is_refused_where_a_machine_is_needed() -> None:
    house = House()
    token = house.token("orders:list", kind=TokenKind.PERSON)
    assert refused(house, lambda: met(house, token)).code == "machine_required"


def test_expiry_is_looked_at_to_the_millisecond() -> None:
    house = House()
    token = house.token(REFUND, life=1000)
    house.now += 999
    run(lambda: met(house, token))
    house.now += 1
    assert refused(house, lambda: met(house, token)).message == "the token has expired"


@pytest.mark.parametrize(
    "fall",
    [
        lambda house, token: house.revoke(token),
        lambda house, _: house.withdraw(Scope.AGENT, BOT),
        lambda house, _: house.withdraw(Scope.PERSON, ADA),
        lambda house, _: house.withdraw(Scope.EVERYTHING, ""),
        lambda house, _: house.withdraw(Scope.UPSTREAM, "orders"),
    ],
)
def test_whatever_falls_is_refused_cut_in_flight_and_gets_no_secret(fall: Callable[[House, IssuedToken], None]) -> None:
    house = House()
    token = house.token(REFUND)

    async def story() -> None:
        waiting = await met(house, token)
        passage = await admitted(house, token)
        assert not passage.withdrawn.is_set()
        fall(house, token)
        assert passage.withdrawn.is_set()
        with pytest.raises(Error):
            passage.inject()
        with pytest.raises(Error):
            await house.admission.admit(waiting, refund(waiting))
        with pytest.raises(Error):
            await met(house, token)
        await passage.finish(sent=False, error="withdrawn_in_flight")

    run(story)


def test_a_slow_sender_keeps_no_authority_that_was_narrowed_meanwhile() -> None:
    house = House()
    token = house.token(REFUND)

    async def story() -> None:
        caller = await met(house, token)
        house.put_role("orders:list")
        await house.admission.admit(caller, refund(caller))

    assert refused(house, story).code == "role_forbids"


def test_what_was_read_with_an_old_mapping_is_not_decided_on() -> None:
    house = House()
    token = house.token(REFUND)

    async def story() -> None:
        caller = await met(house, token)
        house.snapshot.put(replace(house.upstream, operations=house.upstream.operations.replace("amount}", "amount }")))
        await house.admission.admit(caller, refund(caller))

    error = refused(house, story)
    assert isinstance(error, Conflict)
    assert error.code == "upstream_changed"


def test_the_role_is_a_live_ceiling() -> None:
    house = House(scopes=("orders:list",))
    token = house.token(REFUND)
    assert refused(house, lambda: admitted(house, token)).code == "role_forbids"
    house.put_role("orders:refund")
    run(lambda: admitted(house, token))


def test_a_role_that_asks_a_person_is_told_so() -> None:
    house = House(asks=("orders:refund",))
    token = house.token(REFUND)
    assert refused(house, lambda: admitted(house, token)).code == "approval_unavailable"


def test_a_question_that_is_no_longer_understood_takes_the_permission_away() -> None:
    house = House(asks=("orders:reimburse",))
    token = house.token(REFUND)
    assert refused(house, lambda: admitted(house, token)).code == "role_forbids"
    assert "role support: orders:reimburse" in house.snapshot.faults


def test_classes_are_the_tokens_own_limit() -> None:
    house = House()
    token = house.token(REFUND, limits=replace(PLENTY, classes=frozenset({ActionClass.READ})))
    assert refused(house, lambda: admitted(house, token)).code == "class_forbidden"


def test_attempts_run_out_even_when_everything_is_refused_and_are_told_in_one_line() -> None:
    house = House()
    token = house.token(REFUND, limits=replace(PLENTY, attempts=Rate(3, 60_000)))
    codes = [refused(house, lambda: admitted(house, token, "51")).code for _ in range(3)]
    assert codes == ["scope_missing"] * 3
    for _ in range(40):
        error = refused(house, lambda: met(house, token))
        assert isinstance(error, LimitExceeded)
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 20_000
        assert error.details["rate_limit_policy"] == '"attempts";q=3;w=60'
    house.admission.close()
    assert len(house.told()) == 4
    last = house.journal.entries[-1].members
    assert (last["event"], last["credential"], last["details"]) == (
        "attempts.throttled",
        token.id,
        {"limit_exceeded": "40"},
    )


def test_another_token_is_not_slowed_by_one_that_loops() -> None:
    house = House()
    runaway = house.token(REFUND, limits=replace(PLENTY, attempts=Rate(1, 60_000)))
    quiet = house.token(REFUND)
    run(lambda: met(house, runaway))
    for _ in range(100):
        refused(house, lambda: met(house, runaway))
        run(lambda: met(house, quiet))


def test_calls_writes_and_days_are_drawn_together_or_not_at_all() -> None:
    house = House()
    token = house.token(REFUND, limits=replace(PLENTY, writes_per_minute=2, requests_per_day=3))
    run(lambda: admitted(house, token))
    run(lambda: admitted(house, token))
    error = refused(house, lambda: admitted(house, token))
    assert error.code == "limit_exceeded"
    assert error.message == "`writes` is used up: 0 of 2 left, 1 needed"
    house.now += 60_000
    run(lambda: admitted(house, token))
    house.now += 60_000
    assert refused(house, lambda: admitted(house, token)).message == "`requests` is used up: 0 of 3 left, 1 needed"


def test_limits_change_without_re_issuing() -> None:
    house = House()
    token = house.token(REFUND, limits=replace(PLENTY, requests_per_day=1))
    run(lambda: admitted(house, token))
    refused(house, lambda: admitted(house, token))
    house.snapshot.put(replace(house.record(token.id), limits=replace(PLENTY, requests_per_day=2)))
    run(lambda: admitted(house, token))
    refused(house, lambda: admitted(house, token))


def test_an_amount_too_fine_to_count_is_refused_and_journalled_like_everything_else() -> None:
    house = House()
    token = house.token(REFUND, caveats=(Spending(meter="crd_x/spent", limit=Decimal(100), currency="USD"),))
    run(lambda: admitted(house, token, "49.50"))
    error = refused(house, lambda: admitted(house, token, "1E-19"))
    assert error.code == "malformed_amount"
    assert "decision_id" in error.details
    assert house.told()[-1] == ("call.decided", "malformed_amount")
    run(lambda: admitted(house, token, "50"))
    assert refused(house, lambda: admitted(house, token, "0.51")).code == "budget_exceeded"


def test_a_single_use_is_used_once() -> None:
    house = House()
    token = house.token(REFUND, caveats=(SingleUse(meter="crd_x/once"),))
    run(lambda: admitted(house, token))
    error = refused(house, lambda: admitted(house, token))
    assert error.code == "budget_exceeded"


def test_a_single_use_is_not_spent_by_a_call_that_never_left() -> None:
    house = House()
    token = house.token(REFUND, caveats=(SingleUse(meter="crd_x/once"),))

    async def story() -> None:
        passage = await admitted(house, token)
        await passage.finish(sent=False, error="upstream_unreachable")
        again = await admitted(house, token)
        await again.finish(sent=True, error="upstream_timeout")
        with pytest.raises(LimitExceeded):
            await admitted(house, token)

    run(story)
    assert [spent.meter for spent in house.journal.draws.values()] == ["crd_x/once/use"]


def test_finishing_twice_gives_back_once() -> None:
    house = House()
    token = house.token(REFUND, caveats=(Calls(meter="crd_x/calls", limit=2),))

    async def story() -> None:
        first = await admitted(house, token)
        second = await admitted(house, token)
        await second.finish(sent=True)
        await first.finish(sent=False)
        await first.finish(sent=False)
        await (await admitted(house, token)).finish(sent=True)
        with pytest.raises(LimitExceeded):
            await admitted(house, token)

    run(story)


def test_a_mutating_call_waits_for_the_disk_and_a_read_does_not() -> None:
    house = House()
    token = house.token(REFUND, "orders:get:order-12345")

    async def story() -> None:
        house.journal.hold()
        writing = asyncio.ensure_future(admitted(house, token))
        caller = await met(house, token)
        passage = await house.admission.admit(caller, read(caller))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not writing.done()
        ending = asyncio.ensure_future(passage.finish(status=200, sent=True))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not ending.done(), "a read's last byte waits for its record"
        house.journal.release()
        await writing
        await ending

    run(story)


def test_a_read_that_spends_a_quota_waits_for_the_disk_like_a_write() -> None:
    house = House()
    token = house.token("orders:get:order-12345", limits=replace(PLENTY, requests_per_day=1))

    async def story() -> None:
        caller = await met(house, token)
        house.journal.hold()
        reading = asyncio.ensure_future(house.admission.admit(caller, read(caller)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not reading.done(), "a crash now must not give the day back"
        house.journal.release()
        await reading

    run(story)


def test_who_cannot_record_does_not_act_and_nothing_is_spent() -> None:
    house = House()
    token = house.token(REFUND, caveats=(SingleUse(meter="crd_x/once"),))

    async def story() -> None:
        house.journal.hold()
        writing = asyncio.ensure_future(admitted(house, token))
        for _ in range(20):
            await asyncio.sleep(0)
        house.journal.fail()
        with pytest.raises(Unavailable):
            await writing
        with pytest.raises(Unavailable):
            await admitted(house, token)
        house.journal.mend()
        await admitted(house, token)

    run(story)


def test_a_caller_who_leaves_before_anything_left_the_house_has_spent_nothing() -> None:
    house = House()
    token = house.token(REFUND, caveats=(SingleUse(meter="crd_x/once"),))

    async def story() -> None:
        house.journal.hold()
        writing = asyncio.ensure_future(admitted(house, token))
        for _ in range(20):
            await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        house.journal.release()
        await admitted(house, token)

    run(story)
    assert ("call.finished", "abandoned") in house.told()
    assert house.snapshot.live is not None


def test_an_unknown_upstream_is_told_only_to_whoever_is_known() -> None:
    house = House()
    token = house.token(REFUND)
    error = refused(house, lambda: met(house, token, upstream="payroll"))
    assert isinstance(error, NotFound)
    assert error.code == "upstream_unknown"
    assert refused(house, lambda: met(house, None, upstream="payroll")).code == "credential_missing"
    assert house.told() == [("call.decided", "upstream_unknown")]


def test_a_token_that_is_about_to_be_heard_of_is_waited_for() -> None:
    house = House()
    token = house.token(REFUND)
    record = house.snapshot.tokens.pop(token.id)

    async def story() -> None:
        waiting = asyncio.ensure_future(met(house, token))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        house.snapshot.put(record)
        await waiting

    run(story)


def test_made_up_ids_hold_a_bounded_number_of_connections() -> None:
    house = House()
    token = house.token(REFUND)
    house.snapshot.tokens.pop(token.id)

    async def story() -> None:
        asked = [asyncio.ensure_future(met(house, token)) for _ in range(400)]
        await asyncio.sleep(0.05)
        assert sum(1 for one in asked if one.done()) == 400 - 256
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, Unauthenticated) for error in done)

    run(story)


def test_what_a_caller_says_of_itself_is_kept_short_and_plain() -> None:
    house = House()
    token = house.token(REFUND)
    headers = (
        (b"authorization", f"Bearer {token.reveal()}".encode()),
        (b"gatepass-purpose", b"refund\x00\x1b[31m " + b"x" * 500),
        (b"traceparent", b"one"),
        (b"traceparent", b"two"),
    )

    async def story() -> None:
        caller = await met(house, token, headers=headers)
        await house.admission.admit(caller, refund(caller))

    run(story)
    entry = house.journal.entries[-1].members
    assert str(entry["purpose"]).startswith("refund[31m x")
    assert len(str(entry["purpose"])) <= 200
    assert "correlation" not in entry
