"""Roles: an exception from proof of possession is a decision of somebody's, with an end."""

import pytest
from tests.administration.world import HOUR, World

from gatepass.access import Instant
from gatepass.errors import Denied, Malformed, Unauthenticated

pytestmark = pytest.mark.anyio

SCOPES = ["orders:list"]


async def test_an_exception_has_an_end_and_a_reason_and_is_journalled(world: World) -> None:
    ada = await world.furnished()
    roles, soon = world.administration.roles, Instant(world.now[0] + HOUR)
    made = await roles.put(ada, "support", scopes=SCOPES, bearer_until=soon, bearer_because="until they prove keys")
    assert (made.bearer_until, made.bearer_because) == (soon, "until they prove keys")
    told = next(each for each in reversed(world.store.entries) if each.event == "role.changed").details
    assert (told["bearer_until"][:4], told["bearer_because"]) == ("2026", "until they prove keys")


@pytest.mark.parametrize(
    ("after", "because", "message"),
    [
        (HOUR, None, "`bearer_until` and `bearer_because` go together: an exception has an end and a reason"),
        (None, "why", "`bearer_until` and `bearer_because` go together: an exception has an end and a reason"),
        (HOUR, " ", "`bearer_because` is not one line of 1 to 200 characters"),
        (HOUR, "two\nlines", "`bearer_because` is not one line of 1 to 200 characters"),
        (0, "why", "`bearer_until` is not within the next 90 days"),
        (91 * 24 * HOUR, "why", "`bearer_until` is not within the next 90 days"),
    ],
)
async def test_what_is_no_exception_is_refused(
    world: World, after: int | None, because: str | None, message: str
) -> None:
    ada = await world.furnished()
    until = None if after is None else Instant(world.now[0] + after)
    with pytest.raises(Malformed) as refused:
        await world.administration.roles.put(ada, "support", scopes=SCOPES, bearer_until=until, bearer_because=because)
    assert refused.value.message == message


async def test_to_give_or_extend_one_is_to_widen_the_role(world: World) -> None:
    ada = await world.furnished()
    roles, now = world.administration.roles, world.now[0]
    await roles.put(ada, "support", scopes=SCOPES, bearer_until=Instant(now + 4 * HOUR), bearer_because="why")
    world.now[0] = Instant(now + HOUR)  # long enough ago to widen nothing
    for until in (now + 5 * HOUR, now + 4 * HOUR + 1):
        with pytest.raises((Denied, Unauthenticated)):
            await roles.put(ada, "support", scopes=SCOPES, bearer_until=Instant(until), bearer_because="why")
    shorter = await roles.put(ada, "support", scopes=SCOPES, bearer_until=Instant(now + 2 * HOUR), bearer_because="why")
    assert shorter.bearer_until == now + 2 * HOUR
    none = await roles.put(ada, "support", scopes=SCOPES)
    assert none.bearer_until is None
