"""Blast radius: what a token opens now, what keeps the rest shut, and what it never opens."""

from typing import Any

import pytest
from tests.administration.world import HOUR, MINUTE, World, orders_form

from gatepass.access import ActionClass, Instant
from gatepass.administration import Operator, TokenForm
from gatepass.credentials import Rate
from gatepass.errors import Malformed
from gatepass.registry import OperatorRole

pytestmark = pytest.mark.anyio

REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"


async def radius(world: World, ref: str = "laptop") -> Any:
    return await world.administration.overview.blast_radius(await world.signed_in(), ref)


async def put(world: World, operator: Operator, *scopes: str, bearers: bool = True) -> None:
    until = Instant(world.now[0] + 168 * HOUR) if bearers else None
    because = "plain tokens here" if bearers else None
    roles = world.administration.roles
    await roles.put(operator, "support", scopes=scopes, bearer_until=until, bearer_because=because)


async def furnished(world: World) -> Operator:
    ada = await world.furnished()
    await put(world, ada, "orders:list", REFUND, "orders:read:*")
    return ada


async def test_what_needs_a_proof_is_shut_to_a_plain_token_unless_the_role_says_otherwise(world: World) -> None:
    ada = await furnished(world)
    await world.token(ada, scopes=("orders:list", REFUND))
    assert [each.scope for each in (await radius(world)).reach] == ["orders:list", REFUND]
    await put(world, ada, "orders:list", REFUND, bearers=False)
    strict = await radius(world)
    assert [each.scope for each in strict.reach] == ["orders:list"]
    why = "beyond reading it needs a proof of possession: exchange it for a token bound to a key"
    assert [(each.scope, each.because) for each in strict.shut] == [(REFUND, why)]
    await put(world, ada, "orders:list", REFUND)
    world.now[0] = Instant(world.now[0] + 168 * HOUR)
    ada = await world.signed_in()
    await world.token(ada, "later", scopes=("orders:list", REFUND))
    assert [each.scope for each in (await radius(world, "later")).reach] == ["orders:list"], "exceptions end"


async def test_it_names_everything_how_much_and_until_when(world: World) -> None:
    ada = await furnished(world)
    record = (await world.token(ada, scopes=("orders:list", REFUND), limits={"writes_per_minute": 3})).record
    found = await radius(world)
    assert [(each.upstream, each.scope, each.kind.value, each.asks_person) for each in found.reach] == [
        ("orders", "orders:list", "read", False),
        ("orders", REFUND, "write", False),
    ]
    assert (found.dead, found.until, found.shut, found.untouched) == (None, record.expires, (), ())
    assert {level.reservation.meter.rpartition("/")[2]: int(level.remaining) for level in found.levels} == {
        "attempts": 600,
        "calls": 300,
        "writes": 3,
    }
    assert "the management API: it takes people only" in found.never


async def test_it_follows_the_role_the_classes_the_upstream_and_the_catalogue(world: World) -> None:
    ada = await furnished(world)
    await world.token(ada, scopes=("orders:list", REFUND))
    admin = world.administration
    await put(world, ada, "orders:refund:order-12345?amount<=20&currency=USD")
    found = await radius(world)
    assert [each.scope for each in found.reach] == ["orders:refund:order-12345?amount<=20&amount>=0&currency=USD"]
    assert [(each.scope, each.because) for each in found.shut] == [
        ("orders:list", "the role `support` does not cover it")
    ]
    await admin.tokens.amend(ada, "laptop", {"classes": frozenset({ActionClass.READ})})
    assert [each.because for each in (await radius(world)).shut] == [
        "the role `support` does not cover it",
        "the token's limits leave out class `write`",
    ]
    await admin.roles.put(await world.signed_in(), "support", scopes=["orders:*"])
    await admin.upstreams.disable(ada, "orders")
    found = await radius(world)
    assert {each.because for each in found.shut} == {"the upstream `orders` is disabled"}
    assert found.untouched == ("orders",)
    await admin.upstreams.change(
        await world.signed_in(), "orders", orders_form(operations="types: {other: {actions: {x: {class: read}}}}")
    )
    assert {each.because for each in (await radius(world)).shut} == {"the role `support` does not cover it"}


async def test_a_question_that_nobody_understands_any_more_shuts_its_type(world: World) -> None:
    ada = await furnished(world)
    await world.token(ada)
    await world.administration.roles.put(ada, "support", scopes=["orders:list"], asks_person=["orders:refund"])
    assert [each.asks_person for each in (await radius(world)).reach] == [False]
    await world.administration.roles.put(
        ada, "support", scopes=["orders:list"], asks_person=["orders:delete", "orders:list"]
    )
    assert [each.asks_person for each in (await radius(world)).reach] == [True]
    less = orders_form(operations="types: {orders: {actions: {list: {class: read}}}}")
    await world.administration.upstreams.change(await world.signed_in(), "orders", less)
    found = await radius(world)
    assert found.reach == ()
    assert [each.because for each in found.shut] == [
        "the role asks a person about `orders` in words that nobody knows any more"
    ]


async def test_a_dead_token_reaches_nothing_and_says_why(world: World) -> None:
    ada = await furnished(world)
    await world.token(ada)
    new = (await world.administration.tokens.rotate(ada, "laptop", overlap=MINUTE)).record
    old = await radius(world, new.replaces or "")
    assert (len(old.reach), old.until) == (1, world.now[0] - 1000 + MINUTE)
    world.later(HOUR)
    old = await radius(world, new.replaces or "")
    assert (old.reach, old.untouched) == ((), ("orders",))
    assert old.dead == "the token was replaced by rotation, and the overlap is over"


async def test_what_is_left_of_a_meter_is_looked_at_and_not_drawn(world: World) -> None:
    ada = await furnished(world)
    await world.token(ada, limits={"calls": Rate(5, MINUTE)})
    for _ in range(10):
        levels = {
            level.reservation.meter.rpartition("/")[2]: int(level.remaining) for level in (await radius(world)).levels
        }
        assert levels["calls"] == 5


async def test_people_have_no_blast_radius_here(world: World) -> None:
    ada = await world.signed_in()
    await world.administration.tokens.create(ada, TokenForm(name="mine"))
    with pytest.raises(Malformed, match="a person's token reaches no upstream"):
        await radius(world, "mine")


async def test_explaining_asks_the_gateway_about_the_token_that_was_named(world: World) -> None:
    ada = await furnished(world)
    token = (await world.token(ada)).record
    eve = await world.joined("eve", OperatorRole.AUDITOR)
    said = await world.administration.overview.explain(eve, "laptop", {"method": "GET"})
    assert said == {"token": token.id, "attempt": {"method": "GET"}}
