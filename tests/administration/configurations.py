"""Folders of files, as tests say them."""

from collections.abc import Mapping

from tests.administration.world import ORDERS, World

from gatepass.administration import Operator
from gatepass.administration.configuration import Missing, Plan, Source

FOLDER: Mapping[str, str] = {
    "upstreams/orders.yaml": "kind: rest\ntarget: https://orders.example/v1\nsecret: orders-key\n"
    'injection: {kind: header, name: Authorization, prefix: "Bearer "}\n',
    "operations/orders.yaml": ORDERS,
    "roles/support.yaml": "scopes:\n  - orders:list\n  - orders:read:*\nmax_lifetime: 480m\n",
    "agents/support-bot.yaml": "role: support\nowner: ada\nlimits:\n  calls: 60/1m\n  classes: [write, read]\n",
}


def sources(files: Mapping[str, str]) -> list[Source]:
    return [Source(path, text) for path, text in files.items()]


async def planned(world: World, files: Mapping[str, str], missing: Missing = Missing.LEAVE) -> Plan:
    return await world.administration.configuration.plan(await world.signed_in(), sources(files), missing)


async def applied(
    world: World, files: Mapping[str, str], missing: Missing = Missing.LEAVE, operator: Operator | None = None
) -> Plan:
    """Plan, and apply that."""
    who = operator or await world.signed_in()
    plan = await world.administration.configuration.plan(who, sources(files), missing)
    assert plan.faults == (), list(map(str, plan.faults))
    return await world.administration.configuration.apply(who, sources(files), plan.fingerprint, missing)


async def exported(world: World, *, managed: bool = False) -> Mapping[str, str]:
    return await world.administration.configuration.export(await world.signed_in(), managed=managed)
