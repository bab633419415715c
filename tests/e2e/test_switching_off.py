"""Switch an upstream off, or stop the server: no child is left behind with a secret in its environment."""

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

from tests.e2e.place import META, Line, Place, running, signed_in

OPERATIONS = """
types:
  git:
    actions:
      status: {class: read}
mcp:
  tools:
    git_status: {action: "git:status", resource: arguments.repo_path, root: ROOT}
"""


def children(place: Place) -> list[str]:
    """The process ids of the server's children."""
    tasks = Path(f"/proc/{place.process.pid}/task")
    return [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def until(*, runs: bool, place: Place) -> bool:
    end = time.monotonic() + 20
    while bool(children(place)) is not runs:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def started_by_a_list(folder: Path, place: Place) -> None:
    management = signed_in(place)
    command = json.dumps([sys.executable, "-m", "mcp_server_git"])
    operations = OPERATIONS.replace("ROOT", json.dumps(str(folder)))
    said = {"name": "git", "kind": "mcp-stdio", "target": command, "operations": operations}
    management.create("upstreams", said)
    management.replace("roles", "reader", {"scopes": ("git:read",)})
    management.create("agents", {"name": "bot", "role": "reader"})
    token = management.create(
        "tokens", {"agent": "bot", "name": "t", "scopes": ("git:read:*",), "lifetime_seconds": Decimal(600)}
    )

    async def listed() -> tuple[int, bytes]:
        line = Line(place.agents_port)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
        more = (
            "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        )
        try:
            return await line.ask("POST", "/mcp/git", str(token["token"]), json.dumps(message).encode(), more)
        finally:
            line.close()

    status, content = asyncio.run(listed())
    assert status == 200, content
    assert b"git_status" in content


def test_a_server_that_was_switched_off_ends(tmp_path: Path) -> None:
    with running(tmp_path) as place:
        started_by_a_list(tmp_path, place)
        assert until(runs=True, place=place), "it runs"
        signed_in_again = place.as_holder(place.session)
        with signed_in_again as management:
            management.act("upstreams", "git", "disable")
        assert until(runs=False, place=place), "switched off, and it still runs"


def test_no_child_outlives_the_gateway(tmp_path: Path) -> None:
    with running(tmp_path) as place:
        started_by_a_list(tmp_path, place)
        (child,) = children(place)
    assert not Path(f"/proc/{child}").exists()
