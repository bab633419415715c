"""A fault of a page's own: told as a page, logged by its place, its text shown to nobody."""

import json

import httpx2
import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs
from tests.web.served import Echo, running

from gatepass.access import Instant
from gatepass.console import Console
from gatepass.web import App, Hosts, Surfaces

SECRET = "sk_live_4eC39HqLyjWDarjtT1"
COOKIE = "gatepass_session=gp_ses_0000000000" + "0" * 36


async def another_shape(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An API that answers every question with something that no page expects."""
    body = json.dumps({"items": [{SECRET: 1}], "next": None}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("path", ["/console/tokens", "/console/agents", "/console/tokens/crd_0000000000"])
def test_it_is_a_page_that_says_nothing_of_it(path: str) -> None:
    console = Console(api=another_shape, host="localhost", agents="127.0.0.1", clock=lambda: Instant(1_800_000_000_000))
    app = App(
        surfaces=Surfaces(rest=Echo("rest"), mcp=Echo("mcp"), header_only=Echo("k")),
        management=another_shape,
        console=console,
        hosts=Hosts(agents=frozenset({"127.0.0.1"}), people=frozenset({"localhost"})),
    )
    with capture_logs() as logs, running(app) as port:
        answer = httpx2.get(f"http://127.0.0.1:{port}{path}", headers={"host": "localhost", "cookie": COOKIE})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "content-security-policy" in answer.headers
    assert "That did not work" in answer.text
    assert SECRET not in answer.text
    (logged,) = [log for log in logs if log["event"] == "internal"]
    assert logged["at"]
    assert SECRET not in repr(logged)
