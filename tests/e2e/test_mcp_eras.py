"""Every pair of eras over both transports: a real client, the gateway, a real server, and the version at either end."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from tests.e2e.mcp_clients import connected, web
from tests.e2e.sdk_server import over_http
from tests.gateway.mcp.raw_http import RawHttp, served
from tests.gateway.mcp.world import World, opened

pytestmark = pytest.mark.anyio

VERSIONS = {"modern": "2026-07-28", "legacy": "2025-11-25"}
KEY = "sk-live-0123456789abcdef"
SDK = Path(__file__).parent / "sdk_server.py"
RAW = Path(__file__).parents[1] / "gateway" / "mcp" / "raw_server.py"

OPERATIONS = """
types:
  shop:
    actions:
      look: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, user: string}}
  notes: {actions: {read: {class: read}}}
  prompts: {actions: {get: {class: read}}}
mcp:
  tools:
    which: {action: "shop:look", resource: none}
    leak: {action: "shop:look", resource: none}
    count: {action: "shop:look", resource: none}
    confirm: {action: "shop:look", resource: none}
    refund:
      action: "shop:refund"
      resource: arguments.order
      properties: {amount: arguments.amount, user: arguments.user}
  resources:
    - {match: "note:///{name}", action: "notes:read", resource: name}
  prompts:
    brief: {action: "prompts:get", resource: name}
"""
SCOPES = (
    "shop:look",
    "shop:refund:order-12345?amount<=50&amount>=0&user=user-678",
    "notes:read:one",
    "prompts:get:brief",
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Chain:
    """A client's era, a server's, and how the server is reached."""

    client: str
    server: str
    transport: str
    world: World
    url: str
    token: str

    def behind(self) -> str:
        """The version that was negotiated with the server, as the gateway knows it."""
        if self.transport == "stdio":
            (place,) = self.world.stdio._places.values()
            assert place.server is not None
            return place.server.greeting.version
        (server,) = self.world.http._servers.values()
        if server.modern is not None:
            return server.modern.version
        (version,) = {session.greeting.version for session in server.sessions.values()}
        return version

    def connect(self, **options: Any) -> Any:
        return connected(self.url, self.token, self.client, **options)


CHAINS = [(client, server, transport) for transport in ("http", "stdio") for server in VERSIONS for client in VERSIONS]


@pytest.fixture(scope="module", params=CHAINS, ids=lambda chain: f"{chain[0]}-client-{chain[1]}-server-over-{chain[2]}")
async def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    client, server, transport = request.param
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(opened(tmp_path_factory.mktemp("chain")))
        if transport == "http":
            app = await stack.enter_async_context(over_http(server, KEY))
            target = f"{await stack.enter_async_context(served(app))}/mcp"
        else:
            target = json.dumps([sys.executable, str(SDK), server])
        world.upstream(target, OPERATIONS, KEY)
        address = await stack.enter_async_context(web(world))
        yield Chain(client, server, transport, world, f"{address}/mcp/raw", "")


@pytest.fixture
def chain(standing: Chain) -> Chain:
    """The chain, with a token of the test's own."""
    return replace(standing, token=standing.world.ready(*SCOPES))


def text(result: Any) -> str:
    return str(result.content[0].text)


async def test_each_end_speaks_its_own_version(chain: Chain) -> None:
    async with chain.connect() as client:
        assert client.protocol_version == VERSIONS[chain.client]
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.title) == ("gatepass", "raw")
        assert client.instructions is None
        assert text(await client.call_tool("which", {})) == VERSIONS[chain.server]
    assert chain.behind() == VERSIONS[chain.server]


async def test_the_agents_work_goes_through_and_its_limits_hold(chain: Chain) -> None:
    async with chain.connect() as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["which", "refund", "leak", "count", "confirm"]
        good = {"order": "order-12345", "amount": 49.50, "user": "user-678"}
        assert text(await client.call_tool("refund", good)) == "refunded 49.5 of order-12345"
        for change in ({"amount": 51}, {"order": "order-2"}, {"user": "user-1"}):
            with pytest.raises(MCPError) as refusal:
                await client.call_tool("refund", good | change)
            assert refusal.value.data["code"] == "scope_missing", change
            assert refusal.value.data["decision_id"].startswith("dec_")
        for name, arguments, code in (
            ("hidden", {}, "operation_unmapped"),
            ("refund", good | {"amount": -1}, "malformed_request"),
            ("refund", good | {"sudo": True}, "malformed_request"),
        ):
            denied = await client.call_tool(name, arguments)
            assert denied.is_error
            assert denied.structured_content is not None
            assert denied.structured_content["code"] == code


async def test_resources_and_prompts_are_decided_too(chain: Chain) -> None:
    async with chain.connect() as client:
        assert [resource.uri for resource in (await client.list_resources()).resources] == ["note:///one"]
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["brief"]
        contents = (await client.read_resource("note:///one")).contents
        assert isinstance(contents[0], types.TextResourceContents)
        assert contents[0].text == "note " + "*" * len(KEY)
        with pytest.raises(MCPError) as refusal:
            await client.read_resource("note:///two")
        assert refusal.value.data["code"] == "scope_missing"
        assert (await client.get_prompt("brief")).messages[0].role == "user"
        with pytest.raises(MCPError) as refusal:
            await client.get_prompt("other")
        assert refusal.value.data["code"] == "operation_unmapped"


async def test_the_secret_stays_behind(chain: Chain) -> None:
    async with chain.connect() as client:
        said = text(await client.call_tool("leak", {}))
    assert KEY not in said
    assert KEY.encode().hex() not in said
    assert said.startswith("the key is ***")


async def test_progress_is_relayed(chain: Chain) -> None:
    heard: list[float] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with chain.connect() as client:
        assert text(await client.call_tool("count", {}, progress_callback=report)) == "counted"
    assert heard == [1.0, 2.0, 3.0]


async def test_a_question_in_the_middle_of_a_call_is_asked_where_both_can_and_refused_where_not(chain: Chain) -> None:
    async def agree(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={})

    async with chain.connect(elicitation_callback=agree) as client:
        if chain.client == chain.server == "modern":
            assert text(await client.call_tool("confirm", {})) == "confirmed after asked"
        else:
            with pytest.raises(MCPError):
                await client.call_tool("confirm", {})


async def test_a_withdrawn_token_is_dead_here(chain: Chain) -> None:
    async with chain.connect() as client:
        await client.call_tool("which", {})
        chain.world.revoke(chain.token)
        with pytest.raises(MCPError):
            await client.call_tool("which", {})


@pytest.mark.parametrize("client", list(VERSIONS))
@pytest.mark.parametrize("server", list(VERSIONS))
@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_a_server_without_any_sdk_is_served_alike(
    tmp_path: Path, client: str, server: str, transport: str
) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(opened(tmp_path))
        if transport == "http":
            target = f"{await stack.enter_async_context(served(RawHttp(server, secret=KEY)))}/mcp"
        else:
            target = json.dumps([sys.executable, str(RAW), server])
        world.upstream(target, secret=KEY)
        address = await stack.enter_async_context(web(world))
        token = world.ready("raw:say:room", "raw:do", "raw:send")
        agent: Client = await stack.enter_async_context(connected(f"{address}/mcp/raw", token, client))
        assert agent.protocol_version == VERSIONS[client]
        names = [tool.name for tool in (await agent.list_tools()).tools]
        assert {"echo", "secret", "routed"} < set(names)
        sent = json.loads(text(await agent.call_tool("echo", {"to": "room", "word": "hi"})))
        version = sent.get("_meta", {}).get("io.modelcontextprotocol/protocolVersion", VERSIONS["legacy"])
        assert version == VERSIONS[server]
        assert KEY not in text(await agent.call_tool("secret", {}))
        assert json.loads(text(await agent.call_tool("routed", {"region": "Zürich"})))["arguments"] == {
            "region": "Zürich"
        }
        assert Chain(client, server, transport, world, "", "").behind() == VERSIONS[server]
