"""After "revoked" was answered, no call is permitted: on REST and MCP, with a thousand tokens busy."""

import asyncio
import time
from pathlib import Path

from tests.e2e.place import Line, Place, Upstream, furnished, running, signed_in, token_for, upstream

from gatepass.client import Management

TOKENS = 1000
LINES = 60
REVOKED_ONE_BY_ONE = 60
ROOM = {
    "GATEPASS_LIMITS__ACCOUNT": "900000/1s",
    "GATEPASS_LIMITS__ATTEMPTS": "100000/1m",
    "GATEPASS_LIMITS__CALLS": "800/1s",
}


class Load:
    """A thousand tokens, each used in turn on both surfaces, as fast as answers come."""

    def __init__(self, place: Place, tokens: dict[str, str]) -> None:
        self.place = place
        self.tokens = tokens
        self.permitted: list[tuple[float, float, str]] = []
        """When it was asked, when it was answered, for which thing."""
        self.refused = 0
        self.stopping = False

    async def line(self, things: list[str]) -> None:
        line = Line(self.place.agents_port)
        turn = 0
        try:
            while not self.stopping:
                thing = things[turn % len(things)]
                turn += 1
                asked = time.monotonic()
                surface = line.rest if turn % 2 else line.mcp
                status, body = await surface(self.tokens[thing], thing)
                if status == 200 and b"error" not in body:
                    self.permitted.append((asked, time.monotonic(), thing))
                else:
                    self.refused += 1
        finally:
            line.close()

    async def until_busy(self) -> None:
        """Wait until most tokens have been used."""
        async with asyncio.timeout(60):
            while len({thing for _, _, thing in self.permitted}) <= TOKENS * 9 // 10:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)


def test_nothing_is_permitted_after_a_revocation_was_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path, **ROOM) as place:
                await told(place, noting)

    asyncio.run(story())


async def told(place: Place, noting: Upstream) -> None:
    management = await asyncio.to_thread(signed_in, place)
    await asyncio.to_thread(furnished, management, noting.port)
    issued = await asyncio.to_thread(issue, management)
    tokens = {thing: token for thing, (_, token) in issued.items()}
    load = Load(place, tokens)
    things = list(tokens)
    lines = [asyncio.ensure_future(load.line(things[number::LINES])) for number in range(LINES)]
    await load.until_busy()

    dead: dict[str, float] = {}
    for thing in things[:: TOKENS // REVOKED_ONE_BY_ONE][:REVOKED_ONE_BY_ONE]:
        await asyncio.to_thread(management.act, "tokens", issued[thing][0], "revoke", {"reason": "a drill"})
        dead[thing] = time.monotonic()
    await asyncio.sleep(1)
    calls_before = len(load.permitted)
    await asyncio.to_thread(management.withdraw, "everything", None, "the last drill")
    end = time.monotonic()
    await asyncio.sleep(1)
    load.stopping = True
    await asyncio.gather(*lines)

    late = [
        (thing, asked - dead[thing]) for asked, _, thing in load.permitted if thing in dead and asked >= dead[thing]
    ]
    assert late == [], "asked after the revocation was answered, and permitted"
    reached = [(thing, at - dead[thing]) for at, thing in noting.touched if thing in dead and at > dead[thing]]
    assert reached == [], "reached the upstream after the revocation was answered"
    assert [asked - end for asked, _, _ in load.permitted if asked >= end] == []
    assert [at - end for at, _ in noting.touched if at > end] == []
    assert load.refused > REVOKED_ONE_BY_ONE
    assert calls_before > TOKENS


def issue(management: Management) -> dict[str, tuple[str, str]]:
    issued = {}
    for number in range(TOKENS):
        thing = f"thing-{number}"
        made = token_for(management, thing)
        issued[thing] = (str(made["id"]), str(made["token"]))
    return issued
