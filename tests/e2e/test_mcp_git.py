"""The real git server over a real repository: read here, nowhere else, and nothing is written."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from tests.e2e.mcp_clients import connected, web
from tests.gateway.mcp.world import World, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def operations(root: Path) -> str:
    return f"""
types:
  git:
    actions:
      status: {{class: read}}
      log: {{class: read, properties: {{max_count: number}}}}
      commit: {{class: write, properties: {{message: {{type: string, free: true}}}}}}
mcp:
  tools:
    git_status: {{action: "git:status", resource: arguments.repo_path, root: {root}}}
    git_log:
      action: "git:log"
      resource: arguments.repo_path
      root: {root}
      properties: {{max_count: arguments.max_count}}
    git_commit:
      action: "git:commit"
      resource: arguments.repo_path
      root: {root}
      properties: {{message: arguments.message}}
"""


def git(folder: Path, *words: str) -> str:
    settings = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[tuple[World, str, Path]]:
    root = tmp_path / "repos"
    for name in ("app", "private"):
        (root / name).mkdir(parents=True)
        git(root / name, "init", "-q", "-b", "main")
        git(root / name, "commit", "-q", "--allow-empty", "-m", f"first of {name}")
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(opened(tmp_path))
        world.upstream(json.dumps([sys.executable, "-m", "mcp_server_git"]), operations(root), secret=None)
        yield world, f"{await stack.enter_async_context(web(world))}/mcp/raw", root


def text(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_an_agent_reads_one_repository_and_no_other(gateway: tuple[World, str, Path], era: str) -> None:
    world, url, root = gateway
    token = world.ready("git:log:app", "git:status:app")
    client: Client
    async with connected(url, token, era) as client:
        assert sorted(tool.name for tool in (await client.list_tools()).tools) == ["git_log", "git_status"]
        assert "first of app" in text(
            await client.call_tool("git_log", {"repo_path": str(root / "app"), "max_count": 1})
        )
        with pytest.raises(MCPError) as refusal:
            await client.call_tool("git_log", {"repo_path": str(root / "private"), "max_count": 1})
        assert refusal.value.data["code"] == "scope_missing"
        assert refusal.value.data["missing_scope"] == "git:log:private"
        for path in ("/etc", str(root / "app" / ".." / "private"), str(root), "app", ""):
            denied = await client.call_tool("git_log", {"repo_path": path, "max_count": 1})
            assert denied.is_error
            assert denied.structured_content is not None
            assert denied.structured_content["code"] == "malformed_request", path
        with pytest.raises(MCPError):
            await client.call_tool("git_commit", {"repo_path": str(root / "app"), "message": "mine"})
        reset = await client.call_tool("git_reset", {"repo_path": str(root / "app")})
        assert reset.is_error
    assert "mine" not in git(root / "app", "log")
    (place,) = world.stdio._places.values()
    assert place.server is not None
    assert place.server.greeting.version == "2026-07-28"


async def test_negatives_over_the_raw_wire(gateway: tuple[World, str, Path]) -> None:
    world, url, root = gateway
    token = world.ready("git:status:app")
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "git_status", "arguments": {"repo_path": str(root / "app")}},
    }
    good: dict[str, str | None] = {"authorization": f"Bearer {token}", "mcp-protocol-version": "2025-11-25"}
    assert (await send(url, json.dumps(body), good))[0] == 200
    changes: tuple[tuple[dict[str, str | None], int], ...] = (
        ({"authorization": "Bearer gp_sk_wrong"}, 401),
        ({"authorization": None}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"mcp-method": "tools/list"}, 400),
        ({"mcp-name": "git_commit"}, 400),
        ({"mcp-protocol-version": "2026-07-28"}, 400),
        ({"mcp-protocol-version": "1999-01-01"}, 400),
        ({"content-type": "text/plain"}, 415),
    )
    for changed, status in changes:
        assert (await send(url, json.dumps(body), {**good, **changed}))[0] == status, changed
    assert (await send(url, json.dumps([body]), good))[0] == 400
    assert (await send(url, json.dumps(body).replace('"id": 1', '"id": 1, "id": 2'), good))[0] == 400
    status, answer = await send(url, "", good, method="GET")
    assert (status, answer) == (405, b"")


async def send(url: str, body: str, headers: Mapping[str, str | None], method: str = "POST") -> tuple[int, bytes]:
    """One request, written by hand."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    own = {"host": host, "content-type": "application/json", "content-length": str(len(body.encode()))}
    fields: dict[str, str | None] = {**own, **headers}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items() if value is not None)
    writer.write(f"{method} /{path} HTTP/1.1\r\n{head}connection: close\r\n\r\n{body}".encode())
    raw = await reader.read()
    writer.close()
    head_, _, rest = raw.partition(b"\r\n\r\n")
    return int(head_.split()[1]), rest
