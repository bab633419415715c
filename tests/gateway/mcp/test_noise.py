"""Whatever is sent, the surface answers or raises an error of ours; nothing else comes out, nothing gets through."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.mcp.world import LEGACY, META, MODERN, World, heard

from gatepass.errors import Error

WORLD = World(Path(tempfile.gettempdir()))
WORLD.upstream('["/no/such/server"]', secret=None)
TOKEN = WORLD.ready("raw:say:room?word=hi", "notes:read:alpha")

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
METHODS = """
initialize ping server/discover tools/list tools/call resources/list resources/read resources/templates/list
prompts/list prompts/get completion/complete notifications/cancelled notifications/initialized subscriptions/listen
"""
NAMES = ("name", "arguments", "uri", "ref", "argument", "context", "_meta", "cursor", "inputResponses", "requestState")
KNOWN: tuple[Any, ...] = (
    "echo",
    "summary",
    "note:///alpha",
    {"to": "room", "word": "hi"},
    META,
    {},
    {"progressToken": 1},
)

params = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KNOWN) | values, max_size=5)
messages = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(("2.0", "2.0", "2.0", "1.0", 2)), "method": st.sampled_from(METHODS.split()) | text},
    optional={"id": st.integers() | text | values, "params": params | values, "result": values},
)
bodies = st.one_of(
    messages.map(json.dumps),
    values.map(json.dumps),
    text,
    st.lists(messages, max_size=2).map(json.dumps),
    messages.map(lambda message: json.dumps(message)[:-1] + ',"method":"tools/call"}'),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ("mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-region", "origin", "content-encoding")
        ),
        st.sampled_from((MODERN, LEGACY, "tools/call", "echo", "=?base64?ZWNobw==?=", "=?base64?", "", "\xff", "a\tb"))
        | st.text(st.characters(max_codepoint=255), max_size=10),
    ),
    max_size=4,
)


@given(bodies, headers)
def test_noise_leads_to_answers_and_errors_of_ours(body: str, extra: list[tuple[str, str]]) -> None:
    request = WORLD.request(TOKEN, body.encode("utf-8", "surrogatepass"), *extra)

    async def ask() -> None:
        try:
            said = await heard(await WORLD.surface.handle(request))
        except Error:
            return
        assert 200 <= said.status < 600
        for message in said.messages:
            assert message["jsonrpc"] == "2.0"
            result = message.get("result")
            assert "error" in message or result == {} or result.get("isError") or "protocolVersion" in result

    asyncio.run(ask())


@given(values, st.sampled_from(("tools/call", "prompts/get", "resources/read", "completion/complete")))
def test_no_arguments_get_past_a_decision(arguments: Any, method: str) -> None:
    """The server cannot be started, so whatever was permitted fails there, and everything else before."""
    sent = {"name": "echo", "uri": "note:///alpha", "arguments": arguments, "ref": arguments, "argument": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": sent}
    before = len(WORLD.entries())

    async def ask() -> None:
        said = await heard(await WORLD.surface.handle(WORLD.request(TOKEN, json.dumps(body).encode())))
        permitted = [entry for entry in WORLD.entries()[before:] if entry.get("outcome") == "permit"]
        assert permitted == [] or arguments == {"to": "room", "word": "hi"}
        assert said.status in {200, 400, 403}

    asyncio.run(ask())
