"""What a run takes from its calls, whoever of its credentials makes them, and that ending it ends them all."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway.house import BOT, REFUND, START, House

from gatepass.access import Access, Action, ActionClass, Instant, Resource, RunId
from gatepass.credentials import IssuedToken
from gatepass.errors import Denied, LimitExceeded, Unauthenticated
from gatepass.gateway.passage import Passage
from gatepass.registry import Budget, Run, RunLimits
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio

RUN = Run(
    id=RunId("run_1"),
    agent=BOT,
    opened=Instant(START),
    opened_by=BOT,
    closes=Instant(START + 3_600_000),
    limits=RunLimits(calls=5, writes=3, budgets=(Budget(Decimal(60), "USD"),)),
)


def housed(**limits: Any) -> House:
    house = House()
    house.snapshot.put(replace(RUN, limits=RunLimits(**limits)) if limits else RUN)
    return house


async def refund(house: House, token: IssuedToken, amount: str, currency: str = "USD") -> Passage:
    caller = await house.admission.meet(house.request(token), "rest")
    access = Access(
        caller.subject,
        Action("refund", ActionClass.WRITE),
        Resource("orders", ("order-12345",)),
        caller.context,
        {"amount": Decimal(amount), "currency": currency} if amount else {"currency": currency},
    )
    return await house.admission.admit(caller, access)


async def look(house: House, token: IssuedToken) -> Passage:
    caller = await house.admission.meet(house.request(token), "rest")
    access = Access(caller.subject, Action("list", ActionClass.READ), Resource("orders"), caller.context)
    return await house.admission.admit(caller, access)


async def test_a_budget_ranges_over_every_credential_of_the_run() -> None:
    house = housed()
    one, two = (house.token(REFUND, run=RUN.id) for _ in range(2))
    apart = house.token(REFUND)
    await refund(house, one, "40")
    with pytest.raises(LimitExceeded) as refused:
        await refund(house, two, "40")
    assert refused.value.code == "budget_exceeded"
    await refund(house, two, "20")
    await refund(house, apart, "50")  # of no run


async def test_calls_and_writes_range_over_it_too() -> None:
    house = housed(calls=3, writes=1)
    one, two = (house.token(REFUND, "orders:list", run=RUN.id) for _ in range(2))
    await refund(house, one, "1")
    with pytest.raises(LimitExceeded, match="run-writes"):
        await refund(house, two, "1")
    await look(house, one)
    await look(house, two)
    with pytest.raises(LimitExceeded, match="run-calls"):
        await look(house, one)


@pytest.mark.parametrize(("amount", "currency"), [("", "USD"), ("5", "EUR")])
async def test_what_a_budget_cannot_count_is_refused_and_journalled(amount: str, currency: str) -> None:
    house = housed(budgets=(Budget(Decimal(60), "USD"),))
    token = house.token("orders:refund:order-12345", run=RUN.id)
    with pytest.raises(Denied) as refused:
        await refund(house, token, amount, currency)
    assert refused.value.code == "caveat_veto"
    assert house.told()[-1] == ("call.decided", "caveat_veto")


async def test_a_look_spends_nothing_of_a_budget() -> None:
    house = housed(budgets=(Budget(Decimal(1), "USD"),))
    token = house.token("orders:list", run=RUN.id)
    for _ in range(3):
        await look(house, token)


async def test_a_credential_whose_run_is_not_known_is_refused() -> None:
    house = House()
    with pytest.raises(Unauthenticated, match="run is over, or not known"):
        await house.admission.meet(house.request(house.token("orders:list", run=RUN.id)), "rest")


async def test_ending_a_run_refuses_all_of_it_and_cuts_what_is_under_way() -> None:
    house = housed()
    token, apart = house.token("orders:list", run=RUN.id), house.token("orders:list")
    passage = await look(house, token)
    house.withdraw(Scope.RUN, RUN.id)
    assert passage.withdrawn.is_set()
    with pytest.raises(Unauthenticated):
        await look(house, token)
    late = house.token("orders:list", run=RUN.id)
    with pytest.raises(Unauthenticated):
        await look(house, late)
    await look(house, apart)
