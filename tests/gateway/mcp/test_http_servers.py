"""Servers over HTTP: what reaches them, what sessions they keep of us, and every way in which they may answer badly."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.mcp.raw_http import RawHttp, served
from tests.gateway.mcp.world import EVERYTHING, LEGACY, MODERN, SECRET, World, opened

from gatepass.gateway.mcp import Bounds
from gatepass.gateway.mcp.servers import streamable
from gatepass.gateway.mcp.servers.streamable import HttpServers

pytestmark = pytest.mark.anyio
KEY = "sk-live-0123456789"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Behind:
    """A gateway, and the server behind it."""

    def __init__(self, world: World, raw: RawHttp, target: str) -> None:
        self.world, self.raw, self.target = world, raw, target


@pytest.fixture(params=["modern", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def behind(tmp_path: Path, era: str) -> AsyncIterator[Behind]:
    raw = RawHttp(era, secret=KEY)
    async with served(raw) as address, opened(tmp_path) as world:
        world.upstream(f"{address}/mcp", secret=KEY)
        yield Behind(world, raw, address)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  another server makes it true
            await asyncio.sleep(0.02)


async def test_what_reaches_the_server_is_written_by_us(behind: Behind, era: str) -> None:
    world, raw = behind.world, behind.raw
    token = world.ready("raw:say:room-1")
    said = await world.modern(
        token,
        "tools/call",
        ("cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
        ("mcp-session-id", "client's"),
        ("mcp-param-other", "x"),
        ("gatepass-purpose", "p"),
        name="echo",
        arguments={"to": "room-1"},
    )
    assert said.status == 200
    heard = raw.calls[0]
    headers = {name: value for name, value in heard.headers.items() if name not in {"host", "content-length"}}
    common = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
    }
    if era == "modern":
        own = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "echo"}
    else:
        own = {"mcp-protocol-version": LEGACY, "mcp-session-id": next(iter(raw.sessions))}
    assert headers == common | own
    assert token not in json.dumps(heard.message) + json.dumps(heard.headers)


async def test_a_modern_server_is_asked_once_what_it_is_and_a_legacy_one_gets_a_session_for_each_token(
    behind: Behind, era: str
) -> None:
    world, raw = behind.world, behind.raw
    token, other = world.ready("raw:do"), world.token("raw:do")
    for who in (token, token, other):
        assert (await world.legacy(who, "tools/call", name="ask")).text == "asked"
    methods = [method for method in raw.methods() if not method.startswith("notifications/") and method != "POST"]
    if era == "modern":
        assert methods == ["server/discover", *["tools/list"] * methods.count("tools/list"), *["tools/call"] * 3]
    else:
        assert methods.count("initialize") == 2
        sessions = [heard.headers["mcp-session-id"] for heard in raw.calls]
        assert sessions[0] == sessions[1] != sessions[2]
        initialize = next(heard for heard in raw.heard if (heard.message or {}).get("method") == "initialize")
        assert initialize.message["params"]["capabilities"] == {}
        assert initialize.message["params"]["clientInfo"]["name"] == "gatepass"


async def test_the_secret_does_not_come_back_in_json_or_in_a_stream(behind: Behind) -> None:
    world = behind.world
    token = world.ready(*EVERYTHING)
    for said in (
        await world.modern(token, "tools/call", name="secret"),
        await world.modern(token, "tools/call", name="progress", meta={"progressToken": 5}),
        await world.modern(token, "resources/read", uri="note:///alpha"),
    ):
        assert said.status == 200
        assert KEY.encode() not in said.raw
        assert b"*" * len(KEY) in said.raw


async def test_progress_comes_through_in_either_era(behind: Behind) -> None:
    token = behind.world.ready("raw:do")
    said = await behind.world.modern(token, "tools/call", name="progress", meta={"progressToken": "t"})
    assert [note["params"]["progress"] for note in said.messages[:-1]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        ("redirect", "upstream_garbled"),
        ("html", "upstream_garbled"),
        ("error_html", "upstream_garbled"),
        ("compressed", "upstream_garbled"),
        ("nothing", "upstream_garbled"),
        ("crashed", "upstream_garbled"),
        ("batch", "upstream_garbled"),
        ("noise", "upstream_garbled"),
        ("stranger", "upstream_garbled"),
        ("chatter", "upstream_garbled"),
        ("huge", "upstream_garbled"),
        ("wrong_id", "upstream_garbled"),
        ("garbage", "upstream_garbled"),
        ("cut", "upstream_lost"),
        ("rejected", "upstream_rejects_us"),
    ],
)
async def test_an_answer_that_is_none_is_an_error_with_a_code(behind: Behind, tool: str, code: str) -> None:
    token = behind.world.ready("raw:do")
    said = await behind.world.modern(token, "tools/call", name=tool)
    assert (said.status, said.error["data"]["code"]) == (502, code)
    assert KEY not in said.raw.decode()
    assert behind.world.entries()[-1]["code"] == code


async def test_an_error_that_names_no_request_is_an_answer_to_ours(behind: Behind) -> None:
    said = await behind.world.modern(behind.world.ready("raw:do"), "tools/call", name="unread")
    assert (said.status, said.error) == (400, {"code": -32600, "message": "?"})


async def test_a_server_that_asks_is_answered(behind: Behind, era: str) -> None:
    world, raw = behind.world, behind.raw
    assert (await world.legacy(world.ready("raw:do"), "tools/call", name="ask")).text == "asked"
    answers = {h.message["id"]: h.message for h in raw.heard if str((h.message or {}).get("id", "")).startswith("ask-")}
    if era == "modern":
        assert answers == {}
    else:
        assert answers["ask-0"]["result"] == {}
        assert {answers[f"ask-{number}"]["error"]["code"] for number in (1, 2, 3)} == {-32601}


async def test_leaving_cancels_at_the_server_as_its_era_wants(behind: Behind, era: str) -> None:
    world, raw = behind.world, behind.raw
    task = asyncio.create_task(world.modern(world.ready("raw:do"), "tools/call", name="slow"))
    await until(lambda: raw.calls)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(raw.calls[0].cut.wait(), 5)
    if era == "legacy":
        await until(lambda: "notifications/cancelled" in raw.methods())
        notice = next(h.message for h in raw.heard if (h.message or {}).get("method") == "notifications/cancelled")
        assert notice["params"]["requestId"] == raw.calls[0].message["id"]


async def test_a_withdrawal_cuts_the_connection_to_the_server(behind: Behind) -> None:
    world, raw = behind.world, behind.raw
    token = world.ready("raw:do")
    task = asyncio.create_task(world.modern(token, "tools/call", name="slow"))
    await until(lambda: raw.calls)
    await asyncio.sleep(0.1)
    world.revoke(token)
    assert (await task).error["data"]["code"] == "withdrawn_in_flight"
    await asyncio.wait_for(raw.calls[0].cut.wait(), 5)


async def test_an_upstream_that_is_not_there_gives_errors_and_never_empty_lists(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        world.upstream("http://127.0.0.1:9/mcp")
        token = world.ready(*EVERYTHING)
        for method in ("tools/list", "resources/list", "prompts/list", "server/discover"):
            said = await world.modern(token, method)
            assert (said.status, said.error["data"]["code"]) == (502, "upstream_unreachable")
            assert said.error["data"]["decision_id"] == world.entries()[-1]["decision"]
            assert world.entries()[-1]["code"] == "upstream_unreachable"
        said = await world.modern(token, "tools/call", name="ask")
        assert said.error["data"]["code"] == "upstream_unreachable"
        assert world.entries()[-1]["reservations"], "the meters were given back"


# -- sessions


@pytest.mark.parametrize("era", ["legacy"], indirect=True)
async def test_a_session_that_the_server_forgot_is_begun_again_and_the_call_is_made_once(behind: Behind) -> None:
    world, raw = behind.world, behind.raw
    token = world.ready("raw:do")
    await world.modern(token, "tools/call", name="ask")
    raw.sessions.clear()
    assert (await world.modern(token, "tools/call", name="ask")).text == "asked"
    assert raw.methods().count("initialize") == 2
    assert len(raw.calls) == 3, "once refused, once made"


@pytest.mark.parametrize("era", ["legacy"], indirect=True)
async def test_sessions_are_bounded_and_ended(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    world, raw = behind.world, behind.raw
    monkeypatch.setattr(streamable, "MOST_SESSIONS", 2)
    world.ready("raw:do")
    for token in [world.token("raw:do") for _ in range(4)]:
        await world.modern(token, "tools/call", name="ask")
    await until(lambda: raw.methods().count("DELETE") == 2)
    assert len(raw.sessions) == 2
    ended = [heard for heard in raw.heard if heard.method == "DELETE"]
    assert all(heard.headers["authorization"] == f"Bearer {KEY}" for heard in ended)
    await world.surface.close()
    assert raw.sessions == {}


async def test_a_server_that_becomes_modern_is_met_anew(tmp_path: Path) -> None:
    raw = RawHttp("legacy")
    async with served(raw) as address, opened(tmp_path) as world:
        world.upstream(f"{address}/mcp")
        token = world.ready("raw:do")
        await world.modern(token, "tools/call", name="ask")
        raw.era = "modern"
        raw.sessions.clear()
        lost = await world.modern(token, "tools/call", name="ask")
        assert lost.error["data"]["code"] == "upstream_garbled"
        assert (await world.modern(token, "tools/call", name="ask")).text == "asked"
        assert raw.calls[-1].headers["mcp-protocol-version"] == MODERN


async def test_another_value_of_the_secret_is_another_session(tmp_path: Path) -> None:
    raw = RawHttp("legacy")
    async with served(raw) as address, opened(tmp_path) as world:
        upstream = world.upstream(f"{address}/mcp", secret=KEY)
        token = world.ready("raw:do")
        await world.modern(token, "tools/call", name="ask")
        world.store(upstream, "sk-live-another-one", version=2)
        await world.modern(token, "tools/call", name="ask")
        assert [heard.headers["authorization"] for heard in raw.calls] == [
            f"Bearer {KEY}",
            "Bearer sk-live-another-one",
        ]
        assert raw.methods().count("initialize") == 2


async def test_mirrored_arguments_are_sent_to_a_server_that_wants_them_whatever_the_client_speaks(
    tmp_path: Path,
) -> None:
    raw = RawHttp("modern")
    async with served(raw) as address, opened(tmp_path) as world:
        world.upstream(f"{address}/mcp")
        token = world.ready("raw:send")
        call = {"name": "routed", "arguments": {"region": "Zürich", "count": 2}}
        assert (await world.legacy(token, "tools/call", **call)).status == 200
        header = "=?base64?WsO8cmljaA==?="
        assert (await world.modern(token, "tools/call", ("mcp-param-region", header), **call)).status == 200
        assert [heard.headers["mcp-param-region"] for heard in raw.calls] == [header, header]


async def test_a_slow_server_is_given_up(tmp_path: Path) -> None:
    raw = RawHttp("modern")
    async with served(raw) as address, opened(tmp_path, Bounds(quiet=0.3)) as world:
        world.upstream(f"{address}/mcp")
        said = await world.modern(world.ready("raw:do"), "tools/call", name="slow")
        assert (said.status, said.error["data"]["code"]) == (504, "upstream_timeout")
        await asyncio.wait_for(raw.calls[0].cut.wait(), 5)


async def test_sessions_are_ended_with_the_secret_that_the_wiring_opens(tmp_path: Path) -> None:
    raw = RawHttp("legacy")
    async with served(raw) as address, opened(tmp_path) as world:
        world.upstream(f"{address}/mcp", secret=KEY)

        def farewell(upstream: Any) -> Any:
            sealed = world.snapshot.secrets[upstream.secret]
            return world.admission.custody.open(sealed, upstream)

        world.surface.behind.http = HttpServers(door=world.door, farewell=farewell)
        await world.modern(world.ready("raw:do"), "tools/call", name="ask")
        await world.surface.close()
        ended = [heard for heard in raw.heard if heard.method == "DELETE"]
        assert [heard.headers["authorization"] for heard in ended] == [f"Bearer {KEY}"]


def test_secrets_of_these_tests_need_no_escaping_where_they_are_headers() -> None:
    assert KEY.isascii()
    assert SECRET != KEY
