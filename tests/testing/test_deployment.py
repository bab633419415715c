"""A deployment in memory, as a user's test meets it: tokens, clocks, upstreams, agents of every build."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from tests.testing.world import KEY, ORDERS, REFUND, TOOLS, furnished, operations, orders

from gatepass import __version__
from gatepass.errors import Conflict, Denied, Malformed
from gatepass.testing import LocalDeployment, Seen, code_of


@pytest.fixture
def gatepass() -> Iterator[LocalDeployment]:
    with LocalDeployment() as deployment:
        yield deployment


# -- the story that it is for


def test_a_narrow_token_does_what_it_says_and_nothing_else(gatepass: LocalDeployment) -> None:
    api, _ = furnished(gatepass)
    bot = gatepass.agent("support-bot", "support").token(REFUND, lifetime=timedelta(minutes=10))
    refund = {"amount": 50, "currency": "USD"}
    assert bot.post("/u/orders/orders/order-1/refunds", json=refund).json() == {"refunded": 50}
    assert code_of(bot.post("/u/orders/orders/order-1/refunds", json={**refund, "amount": 51})) == "scope_missing"
    assert code_of(bot.post("/u/orders/orders/order-2/refunds", json=refund)) == "scope_missing"
    assert code_of(bot.get("/u/orders/orders/order-1")) == "scope_missing"
    assert [(call.outcome, call.code) for call in bot.calls()] == [("permit", "ok"), *[("deny", "scope_missing")] * 3]
    (reached,) = api.seen
    assert (reached.method, reached.path, reached.json()) == ("POST", "/orders/order-1/refunds", refund)
    assert reached.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(reached)

    gatepass.clock.advance(minutes=9)
    assert bot.post("/u/orders/orders/order-1/refunds", json=refund).status_code == 201
    gatepass.clock.advance(minutes=1)
    assert code_of(bot.post("/u/orders/orders/order-1/refunds", json=refund)) == "credential_invalid"
    assert len(api.seen) == 2
    assert gatepass.journal.whole()


def test_revoked_is_revoked(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    agent = gatepass.agent("support-bot", "support")
    one, other = agent.token("orders:get:1"), agent.token("orders:get:1")
    one.revoke("a drill")
    assert code_of(one.get("/u/orders/orders/1")) == "credential_invalid"
    assert other.get("/u/orders/orders/1").status_code == 200
    (entry,) = gatepass.journal.entries(event="token.revoked")
    assert entry.details["because"] == "a drill"
    agent.disable()
    assert code_of(other.get("/u/orders/orders/1")) == "credential_invalid"


def test_limits_are_kept_and_given_back_by_the_clock(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    calls = {"calls": {"count": 2, "period_seconds": 60}}
    bot = gatepass.agent("support-bot", "support").token("orders:get:1", limits=calls)
    assert [bot.get("/u/orders/orders/1").status_code for _ in range(3)] == [200, 200, 429]
    gatepass.clock.advance(minutes=1)
    assert bot.get("/u/orders/orders/1").status_code == 200
    bot.limit(calls={"count": 100, "period_seconds": 60})
    assert [bot.get("/u/orders/orders/1").status_code for _ in range(3)] == [200, 200, 200]


def test_a_real_key_that_an_upstream_echoes_is_hidden(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    bot = gatepass.agent("support-bot", "support").token("orders:get:1", "notes:read:a")
    assert KEY not in bot.get("/u/orders/orders/1").text
    assert KEY not in bot.mcp("notes").call_tool("read_note", {"note": "a"}).text


# -- MCP


def test_tools_are_functions_and_only_what_may_be_used_is_listed(gatepass: LocalDeployment) -> None:
    _, server = furnished(gatepass)
    bot = gatepass.agent("support-bot", "support").token("notes:write:a")
    notes = bot.mcp("notes")
    assert notes.list_tools() == ("write_note",)
    written = notes.call_tool("write_note", {"note": "a", "text": "b"})
    assert (written.failed, written.structured) == (False, {"note": "a", "text": "b"})
    assert notes.call_tool("write_note", {"note": "b"}).code == "scope_missing"
    assert notes.call_tool("read_note", {"note": "a"}).code == "scope_missing"
    assert notes.call_tool("rm", {}).code == "operation_unmapped"
    assert [(call.tool, call.arguments) for call in server.calls] == [("write_note", {"note": "a", "text": "b"})]
    assert server.environment == {"API_KEY": KEY}
    bot.revoke()
    assert notes.call_tool("write_note", {"note": "a"}).code == "credential_invalid"
    with pytest.raises(PermissionError, match="credential_invalid"):
        notes.list_tools()


def test_a_tool_that_raises_is_an_error_of_the_tool(gatepass: LocalDeployment) -> None:
    def read_note(note: str) -> str:
        raise LookupError(f"no {note}")

    server = gatepass.mcp("notes", [read_note], operations=TOOLS)
    gatepass.role("support", "notes:*")
    found = gatepass.agent("bot", "support").token("notes:read:a").mcp("notes").call_tool("read_note", {"note": "a"})
    assert (found.failed, found.code, found.text) == (True, None, "no a")
    assert [type(failure) for failure in server.failures] == [LookupError]


# -- upstreams of every build


def test_an_upstream_may_be_an_application_with_a_life_of_its_own(gatepass: LocalDeployment) -> None:
    life: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        life.append("started")
        yield
        life.append("stopped")

    async def order(request: Any) -> JSONResponse:
        return JSONResponse({"order": request.path_params["order"], "life": life})

    app = Starlette(routes=[Route("/orders/{order}", order)], lifespan=lifespan)
    with LocalDeployment() as other:
        other.upstream("orders", app, operations=ORDERS)
        other.role("support", "orders:*")
        bot = other.agent("bot", "support").token("orders:get:*")
        assert bot.get("/u/orders/orders/7").json() == {"order": "7", "life": ["started"]}
    assert life == ["started", "stopped"]


def test_an_upstream_that_fails_is_a_500_and_the_test_can_see_why(gatepass: LocalDeployment) -> None:
    def broken(_: Seen) -> None:
        raise ZeroDivisionError("on purpose")

    api = gatepass.upstream("orders", broken, operations=ORDERS)
    gatepass.role("support", "orders:*")
    bot = gatepass.agent("bot", "support").token("orders:get:*")
    assert bot.get("/u/orders/orders/1").status_code == 500
    assert [str(failure) for failure in api.failures] == ["on purpose"]
    api.cut()
    assert code_of(bot.get("/u/orders/orders/1")) == "upstream_unreachable"
    api.mend()
    assert bot.get("/u/orders/orders/1").status_code == 500


def test_an_asynchronous_function_runs_where_the_deployment_does(gatepass: LocalDeployment) -> None:
    async def answers(seen: Seen) -> str:
        await asyncio.sleep(0)
        return f"{threading.current_thread().name} {seen.query}"

    gatepass.upstream("orders", answers, operations=ORDERS)
    gatepass.role("support", "orders:*")
    bot = gatepass.agent("bot", "support").token("orders:get:*")
    assert bot.get("/u/orders/orders/1").text == "gatepass-deployment {}"


def test_a_function_may_itself_be_an_agent(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    inner = gatepass.agent("inner", "support").token("orders:get:1")
    gatepass.upstream("proxy", lambda _: inner.get("/u/orders/orders/1").json(), operations=operations("proxied"))
    gatepass.role("outer", "proxied:*")
    outer = gatepass.agent("outer", "outer").token("proxied:get:1")
    assert outer.get("/u/proxy/orders/1").json()["order"] == "1"


def test_an_answer_that_streams_is_cut_when_its_token_is_revoked(gatepass: LocalDeployment) -> None:
    ended = threading.Event()

    async def stream(_: Any) -> StreamingResponse:
        async def ticks() -> Any:
            try:
                yield b"tick\n"
                await asyncio.Event().wait()
            finally:
                ended.set()

        return StreamingResponse(ticks())

    gatepass.upstream("orders", Starlette(routes=[Route("/orders/{order}", stream)]), operations=ORDERS)
    gatepass.role("support", "orders:*")
    bot = gatepass.agent("bot", "support").token("orders:get:*")
    with bot.client.stream("GET", "/u/orders/orders/1") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"tick\n"
        bot.revoke()
        with pytest.raises(httpx2.RemoteProtocolError, match="broke off"):
            next(pieces)
    assert ended.wait(10)


# -- agents of every build


async def _asked(gatepass: LocalDeployment) -> tuple[int, int]:
    bot = gatepass.agent("bot", "support").token("orders:get:1")
    async with bot.async_client() as client:
        found = await asyncio.gather(client.get("/u/orders/orders/1"), client.get("/u/orders/orders/2"))
    return found[0].status_code, found[1].status_code


def test_an_asynchronous_test_has_it_too() -> None:
    async def story() -> tuple[int, int]:
        async with LocalDeployment() as gatepass:
            furnished(gatepass)
            return await _asked(gatepass)

    assert asyncio.run(story()) == (200, 403)


def test_an_agent_that_speaks_to_sockets_is_served(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    bot = gatepass.agent("bot", "support").token("orders:get:1", lifetime=timedelta(minutes=5))
    headers = {"authorization": f"Bearer {bot.text}"}
    with gatepass.serve() as served, httpx2.Client(trust_env=False, headers=headers) as client:
        url = f"{served.agents_url}/u/orders/orders/1"
        assert client.get(url).status_code == 200
        gatepass.clock.advance(minutes=5)
        assert client.get(url).status_code == 401
    assert [call.outcome for call in bot.calls()] == ["permit"]


# -- clocks, chance, ends


def test_the_clock_says_what_it_is_told(gatepass: LocalDeployment) -> None:
    assert gatepass.clock.now == datetime(2030, 1, 1, 12, tzinfo=UTC)
    gatepass.clock.advance(hours=1, seconds=1.5)
    assert gatepass.clock.now == datetime(2030, 1, 1, 13, 0, 1, 500_000, tzinfo=UTC)
    gatepass.clock.set(datetime(2031, 1, 1, tzinfo=UTC))
    assert gatepass.admin.status()["version"] == __version__
    assert {entry.at.year for entry in gatepass.journal.entries(event="session.opened")} == {2031}
    with pytest.raises(ValueError, match="time zone"):
        gatepass.clock.set(datetime(2031, 1, 1))  # noqa: DTZ001 - what is refused


def test_with_a_seed_every_run_is_the_same() -> None:
    def run(seed: int | None) -> tuple[str, list[str | None]]:
        with LocalDeployment(seed=seed) as gatepass:
            furnished(gatepass)
            bot = gatepass.agent("bot", "support").token("orders:get:1")
            bot.get("/u/orders/orders/1")
            return bot.text, [entry.decision for entry in gatepass.journal.entries()]

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert run(None) != run(None)


def test_two_of_them_know_nothing_of_each_other(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    with LocalDeployment() as other:
        furnished(other)
        bot = other.agent("bot", "support").token("orders:get:1")
        stray = gatepass.transport()
        with httpx2.Client(transport=stray, base_url="http://127.0.0.1") as client:
            answer = client.get("/u/orders/orders/1", headers={"authorization": f"Bearer {bot.text}"})
        assert code_of(answer) == "credential_invalid"


def test_what_the_management_api_refuses_is_an_error_of_ours(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    agent = gatepass.agent("bot", "support")
    with pytest.raises(Conflict, match="bot"):
        gatepass.agent("bot", "support")
    with pytest.raises(Malformed):
        agent.token("no scope at all")
    gatepass.admin.create("people", {"name": "olu", "operator": "auditor"})
    with pytest.raises(Denied):
        gatepass.signed_in("olu").create("agents", {"name": "x", "role": "support"})


def test_settings_are_those_of_the_file() -> None:
    with LocalDeployment(settings={"limits": {"calls": "1/1m"}}) as gatepass:
        furnished(gatepass)
        bot = gatepass.agent("bot", "support").token("orders:get:1")
        assert [bot.get("/u/orders/orders/1").status_code for _ in range(2)] == [200, 429]
    with pytest.raises(ValueError, match="not a rate"):
        LocalDeployment(settings={"limits": {"calls": "often"}})


def test_nobody_waits_for_himself(gatepass: LocalDeployment) -> None:
    furnished(gatepass)
    bot = gatepass.agent("bot", "support").token("orders:get:1")

    async def answers(_: Seen) -> str:
        return bot.get("/u/orders/orders/1").text

    outer = gatepass.upstream("outer", answers, operations=operations("outer"))
    gatepass.role("outer", "outer:*")
    assert gatepass.agent("outer", "outer").token("outer:get:1").get("/u/outer/orders/1").status_code == 500
    assert "wait for ever" in str(outer.failures[0])


def test_a_deployment_that_is_closed_says_so() -> None:
    gatepass = LocalDeployment()
    with pytest.raises(RuntimeError, match="not running"):
        gatepass.agent("bot", "support")
    with gatepass:
        transport = gatepass.transport()
    with pytest.raises(RuntimeError, match="closed"), httpx2.Client(transport=transport) as client:
        client.get("http://127.0.0.1/")
    with pytest.raises(RuntimeError, match="entered once"), gatepass:
        pass


def test_nothing_leaves_for_a_network(gatepass: LocalDeployment) -> None:
    """A target that no test registered is not reached, whatever it is."""
    furnished(gatepass)
    with gatepass.serve() as served:
        gatepass.admin.create(
            "upstreams", {"name": "real", "kind": "rest", "target": served.agents_url, "operations": operations("real")}
        )
        gatepass.role("real", "real:*")
        bot = gatepass.agent("bot", "real").token("real:get:1")
        assert code_of(bot.get("/u/real/orders/1")) == "upstream_unreachable"


def test_the_function_of_these_tests_is_what_it_says() -> None:
    assert orders(Seen("GET", "/orders/1", headers={"authorization": "k"})) == {"order": "1", "key": "k"}
