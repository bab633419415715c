"""An upstream that is switched off refuses calls, and says that it is the upstream and not the token."""

import pytest
from tests.gateway.house import House

from gatepass.access import Access, Action, ActionClass, Resource
from gatepass.errors import Denied
from gatepass.revocation import Scope

pytestmark = pytest.mark.anyio


@pytest.fixture
def house() -> House:
    return House()


def switch_off(house: House) -> None:
    house.withdraw(Scope.UPSTREAM, "orders")


async def test_a_call_is_refused_and_the_token_is_not_blamed(house: House) -> None:
    token = house.token("orders:list")
    switch_off(house)
    with pytest.raises(Denied) as refused:
        await house.admission.meet(house.request(token), "rest")
    assert refused.value.code == "upstream_withdrawn"
    assert refused.value.message == "the upstream `orders` is switched off"


async def test_a_loop_against_it_does_not_fill_the_journal(house: House) -> None:
    token = house.token("orders:list")
    switch_off(house)
    for _ in range(100):
        with pytest.raises(Denied):
            await house.admission.meet(house.request(token), "rest")
    house.now += 60_000
    house.admission.tick()
    assert house.told() == [("credential.refused", None)]
    assert house.journal.entries[1].members["details"] == {"upstream_withdrawn": "100"}


async def test_switched_off_between_admission_and_the_secret_it_gets_none(house: House) -> None:
    token = house.token("orders:list")
    caller = await house.admission.meet(house.request(token), "rest")
    listing = Access(caller.subject, Action("list", ActionClass.READ), Resource("orders"), caller.context)
    passage = await house.admission.admit(caller, listing)
    switch_off(house)
    with pytest.raises(Denied) as refused:
        passage.inject()
    assert refused.value.code == "upstream_withdrawn"
    assert passage.withdrawn.is_set()
    await passage.finish(sent=False)
