"""The surface as a caller meets it: what is let through, what is refused and how, what is written down."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateway.mcp.world import EVERYTHING, LEGACY, META, MODERN, SECRET, World, opened

from gatepass.access import ActionClass
from gatepass.credentials import Rate, TokenLimits
from gatepass.errors import Error, LimitExceeded, NotFound, Unauthenticated
from gatepass.gateway.mcp import Bounds

pytestmark = pytest.mark.anyio
SCRIPT = Path(__file__).parent / "raw_server.py"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def command(*words: str) -> str:
    return json.dumps([sys.executable, str(SCRIPT), *words])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as world:
        world.upstream(command("modern", "--log", str(tmp_path / "log")))
        yield world


def server_heard(world: World) -> list[dict[str, Any]]:
    log = world.folder / "log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def calls(world: World) -> list[dict[str, Any]]:
    return [message for message in server_heard(world) if message.get("method") == "tools/call"]


# -- what goes through


async def test_a_call_goes_through_with_its_arguments_and_nothing_of_the_clients_envelope(world: World) -> None:
    token = world.ready("raw:say:room-1")
    meta = {"com.example/secret-plan": "x", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    said = await world.modern(token, "tools/call", name="echo", arguments={"to": "room-1", "amount": 1.50}, meta=meta)
    assert said.status == 200
    sent = json.loads(said.text)
    assert sent["arguments"] == {"to": "room-1", "amount": 1.5}
    assert sent["_meta"] == {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "gatepass", "version": sent_version(sent)},
        "traceparent": meta["traceparent"],
    }
    assert said.headers["gatepass-decision"].startswith("dec_")
    assert said.headers["gatepass-credential"] == world.credential(token)
    assert [event for event in world.events() if event[0].startswith("call.")] == [
        ("call.decided", "ok"),
        ("call.finished", "ok"),
    ]


def sent_version(sent: Any) -> str:
    return str(sent["_meta"]["io.modelcontextprotocol/clientInfo"]["version"])


async def test_resources_prompts_and_completions_go_through(world: World) -> None:
    token = world.ready("notes:read:alpha", "prompts:get:summary")
    read = await world.modern(token, "resources/read", uri="note:///alpha")
    assert read.result["contents"][0]["uri"] == "note:///alpha"
    assert (read.result["cacheScope"], read.result["ttlMs"]) == ("private", 1000)
    got = await world.modern(token, "prompts/get", name="summary", arguments={"topic": "x"})
    assert json.loads(got.result["messages"][0]["content"]["text"])["arguments"] == {"topic": "x"}
    completed = await world.modern(
        token,
        "completion/complete",
        ref={"type": "ref/prompt", "name": "summary"},
        argument={"name": "topic", "value": "o"},
    )
    assert completed.result["completion"]["values"] == ["one", "two"]


async def test_the_secret_never_comes_back(world: World) -> None:
    token = world.ready(*EVERYTHING)
    for said in (
        await world.modern(token, "tools/call", name="secret"),
        await world.modern(token, "resources/read", uri="note:///alpha"),
        await world.modern(token, "tools/call", name="progress", meta={"progressToken": "p"}),
    ):
        assert said.status == 200
        assert SECRET.encode() not in said.raw
        assert json.dumps(SECRET)[1:-1].encode() not in said.raw
        assert b"*****" in said.raw


async def test_progress_is_relayed_under_the_clients_own_token(world: World) -> None:
    token = world.ready("raw:do")
    said = await world.modern(token, "tools/call", name="progress", meta={"progressToken": "mine-1"})
    assert said.headers["content-type"] == "text/event-stream"
    notes, answer = said.messages[:-1], said.messages[-1]
    assert [note["params"]["progress"] for note in notes] == [1, 2, 3]
    assert {note["params"]["progressToken"] for note in notes} == {"mine-1"}
    assert answer["result"]["content"][0]["text"] == "done"
    without = await world.modern(token, "tools/call", name="progress")
    assert without.headers["content-type"] == "application/json"


async def test_a_server_that_takes_long_makes_a_stream_that_stays_alive(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(patience=0.1)) as world:
        world.upstream(command("modern"))
        token = world.ready("raw:do")
        said = await world.modern(token, "tools/call", name="slow", arguments={"ticks": 10})
        assert said.headers["content-type"] == "text/event-stream"
        assert said.raw.count(b": still there\n\n") >= 2
        assert said.text == "slept"
        plain = await world.modern(
            token, "tools/call", ("accept", "application/json"), name="slow", arguments={"ticks": 6}
        )
        assert plain.text == "slept"


# -- what is refused


async def test_another_resource_is_a_missing_scope_and_nothing_reaches_the_server(world: World) -> None:
    token = world.ready("raw:say:room-1")
    said = await world.modern(token, "tools/call", name="echo", arguments={"to": "room-2"})
    assert said.status == 403
    assert said.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="raw:say:room-2"'
    assert said.error["code"] == 403
    assert said.error["data"]["code"] == "scope_missing"
    assert said.error["data"]["missing_scope"] == "raw:say:room-2"
    assert said.error["data"]["decision_id"] == said.headers["gatepass-decision"]
    assert calls(world) == []
    entry = world.entries()[-1]
    assert (entry["event"], entry["outcome"], entry["code"]) == ("call.decided", "deny", "scope_missing")
    assert entry["resource"] == "room-2"


async def test_a_role_that_forbids_is_the_tools_result(world: World) -> None:
    world.role("raw:say:room-1")
    token = world.token("raw:say:*")
    said = await world.modern(token, "tools/call", name="echo", arguments={"to": "room-2"})
    assert said.status == 200
    assert said.denied["code"] == "role_forbids"
    assert said.denied["hint"] == "The agent's role does not allow this; an operator can widen the role."
    assert said.denied["decision_id"] == said.headers["gatepass-decision"]
    assert said.text.startswith("`raw:say` on `room-2` is not permitted")
    assert said.result["resultType"] == "complete"
    assert calls(world) == []


async def test_limits_on_arguments_hold(world: World) -> None:
    token = world.ready("raw:say:room-1?amount<=50&amount>=0&word=hi")
    permitted = {"to": "room-1", "amount": 49.50, "word": "hi", "note": "anything"}
    assert (await world.modern(token, "tools/call", name="echo", arguments=permitted)).status == 200
    for change in (
        {"amount": 50.01},
        {"amount": 51},
        {"amount": -1},
        {"amount": "49"},
        {"word": "ho"},
        {"amount": None},
        {"amount": [1]},
    ):
        said = await world.modern(token, "tools/call", name="echo", arguments=permitted | change)
        assert said.status == 403 or said.result["isError"], change
    for missing in ("amount", "word"):
        arguments = {name: value for name, value in permitted.items() if name != missing}
        said = await world.modern(token, "tools/call", name="echo", arguments=arguments)
        assert said.status == 403 or said.result["isError"], missing
    assert len(calls(world)) == 1


async def test_what_is_not_mapped_cannot_be_called_whatever_the_token(world: World) -> None:
    token = world.ready(*EVERYTHING)
    for name in ("unmapped", "Echo", "echo ", "еcho", "echo\u200b", "misbehave"):  # noqa: RUF001  a look-alike
        said = await world.legacy(token, "tools/call", name=name, arguments={})
        assert said.denied["code"] == "operation_unmapped"
    read = await world.modern(token, "resources/read", uri="file:///etc/passwd")
    assert (read.status, read.error["data"]["code"]) == (403, "operation_unmapped")
    got = await world.modern(token, "prompts/get", name="unmapped")
    assert (got.status, got.error["data"]["code"]) == (403, "operation_unmapped")
    assert calls(world) == []


async def test_arguments_that_nobody_declared_are_refused(world: World) -> None:
    token = world.ready(*EVERYTHING)
    said = await world.modern(token, "tools/call", name="echo", arguments={"to": "a", "sudo": True})
    assert said.denied["code"] == "malformed_request"
    for change in ({"task": {"ttl": 1}}, {"extra": 1}):
        said = await world.modern(token, "tools/call", name="echo", arguments={"to": "a"}, **change)
        assert said.denied["detail"] == f"`tools/call` takes no parameter `{next(iter(change))}`"
    wrong: list[Any] = [[], "x", None, 1]
    for arguments in wrong:
        said = await world.modern(token, "tools/call", name="echo", arguments=arguments)
        assert said.denied["detail"] == "`arguments` is not an object"
    assert calls(world) == []


async def test_a_completion_is_decided_as_what_it_completes(world: World) -> None:
    token = world.ready("prompts:get:summary", "notes:read:alpha")
    ask: Any = {"argument": {"name": "topic", "value": "o"}}
    for ref, code in (
        ({"type": "ref/prompt", "name": "unmapped"}, "operation_unmapped"),
        ({"type": "ref/resource", "uri": "note:///beta"}, "scope_missing"),
        ({"type": "ref/resource", "uri": "note:///{name}"}, "operation_unmapped"),
        ({"type": "ref/other", "name": "summary"}, "malformed_request"),
        ("summary", "malformed_request"),
    ):
        said = await world.modern(token, "completion/complete", ref=ref, **ask)
        assert said.error["data"]["code"] == code
    said = await world.modern(token, "completion/complete", ref={"type": "ref/resource", "uri": "note:///alpha"}, **ask)
    assert said.status == 200


@pytest.mark.parametrize(
    "method", ["tasks/list", "resources/subscribe", "logging/setLevel", "subscriptions/listen", "x", "ping"]
)
async def test_unknown_methods_are_denied(world: World, method: str) -> None:
    token = world.ready(*EVERYTHING)
    said = await world.modern(token, method)
    assert (said.status, said.error["code"], said.error["data"]["code"]) == (404, -32601, "method_unknown")
    assert world.entries()[-1]["code"] == "method_unknown"
    if method != "ping":
        old = await world.legacy(token, method)
        assert (old.status, old.error["code"]) == (200, -32601)


async def test_limits_of_the_token_are_the_tools_result_with_when_to_try_again(world: World) -> None:
    limits = TokenLimits(attempts=Rate(100_000, 60_000), calls=Rate(1, 60_000))
    token = world.ready("raw:do", "notes:read:*", limits=limits)
    assert (await world.modern(token, "tools/call", name="ask")).status == 200
    said = await world.modern(token, "tools/call", name="ask")
    assert said.denied["code"] == "limit_exceeded"
    assert 0 < said.denied["retry_after"] <= 60_000
    read = await world.modern(token, "resources/read", uri="note:///alpha")
    assert (read.status, read.error["code"]) == (429, 429)
    assert 0 < int(read.headers["retry-after"]) <= 60
    assert len(calls(world)) == 1


async def test_attempts_count_denials_and_stop_at_the_door(world: World) -> None:
    limits = TokenLimits(attempts=Rate(3, 60_000), calls=Rate(100, 60_000))
    token = world.ready("raw:do", limits=limits)
    for _ in range(3):
        await world.modern(token, "tools/call", name="unmapped")
    with pytest.raises(LimitExceeded):
        await world.modern(token, "tools/call", name="ask")


async def test_classes_that_the_token_may_not_do_are_refused_and_not_listed(world: World) -> None:
    limits = TokenLimits(attempts=Rate(1000, 60_000), calls=Rate(100, 60_000), classes=frozenset({ActionClass.READ}))
    token = world.ready(*EVERYTHING, limits=limits)
    said = await world.modern(token, "tools/call", name="routed")
    assert said.denied["code"] == "class_forbidden"
    assert "routed" not in await names(world, token)


async def names(world: World, token: str) -> list[str]:
    return [tool["name"] for tool in (await world.modern(token, "tools/list")).result["tools"]]


# -- what is shown


async def test_a_list_shows_what_may_be_used_across_all_pages_and_nothing_else(world: World) -> None:
    token = world.ready("raw:say:room-1")
    said = await world.modern(token, "tools/list")
    assert [tool["name"] for tool in said.result["tools"]] == ["echo"]
    assert "nextCursor" not in said.result
    assert (said.result["cacheScope"], said.result["ttlMs"], said.result["resultType"]) == ("private", 1000, "complete")
    entry = world.entries()[-1]
    assert (entry["event"], entry["details"]) == ("call.listed", {"method": "tools/list", "shown": "1", "hidden": "13"})
    assert await names(world, world.ready("raw:send")) == ["routed"]
    assert "missing" not in await names(world, world.ready("raw:do")), "mapped, and not offered by the server"


async def test_a_token_for_nothing_of_this_upstream_sees_nothing(world: World) -> None:
    token = world.ready("prompts:get:other")
    for method, member in (("tools/list", "tools"), ("resources/list", "resources"), ("prompts/list", "prompts")):
        assert (await world.modern(token, method)).result[member] == []


async def test_resources_prompts_and_templates_are_listed_by_the_same_rule(world: World) -> None:
    token = world.ready("notes:read:alpha", "prompts:get:summary")
    resources = (await world.modern(token, "resources/list")).result["resources"]
    assert [resource["uri"] for resource in resources] == ["note:///alpha"]
    prompts = (await world.modern(token, "prompts/list")).result["prompts"]
    assert [prompt["name"] for prompt in prompts] == ["summary"]
    templates = (await world.modern(token, "resources/templates/list")).result["resourceTemplates"]
    assert [template["uriTemplate"] for template in templates] == ["note:///{name}"]


async def test_a_cursor_was_never_handed_out_and_so_is_refused(world: World) -> None:
    said = await world.modern(world.ready("raw:do"), "tools/list", cursor="5")
    assert (said.status, said.error["code"]) == (400, -32602)


async def test_the_surface_introduces_itself_and_what_is_mapped(world: World) -> None:
    token = world.ready("raw:do")
    said = await world.modern(token, "server/discover")
    assert said.result["supportedVersions"] == [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"]
    assert said.result["capabilities"] == {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}
    assert said.result["_meta"]["io.modelcontextprotocol/serverInfo"]["title"] == "raw"
    assert "instructions" not in said.result
    for wanted, got in (("2025-06-18", "2025-06-18"), ("2024-01-01", LEGACY), (MODERN, LEGACY)):
        old = await world.say(
            token,
            json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": 0,
                    "method": "initialize",
                    "params": {"protocolVersion": wanted, "capabilities": {}},
                }
            ).encode(),
        )
        assert old.result["protocolVersion"] == got
        assert "mcp-session-id" not in old.headers
    assert (await world.legacy(token, "ping")).result == {}


async def test_a_server_without_prompts_offers_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        world.upstream(command("legacy"))
        token = world.ready(*EVERYTHING)
        said = await world.modern(token, "server/discover")
        assert said.result["capabilities"] == {"tools": {}, "resources": {}, "prompts": {}}
        assert (await world.modern(token, "tools/call", name="ask")).text == "asked"


# -- the door


async def test_strangers_are_unauthenticated_before_a_byte_of_the_body_is_read(world: World) -> None:
    request = world.request(None, b"not even json")
    with pytest.raises(Unauthenticated):
        await world.surface.handle(request)
    assert len(request.body.pieces) == 2  # type: ignore[attr-defined]


async def test_only_post_is_answered(world: World) -> None:
    for method in ("GET", "DELETE", "PUT", "HEAD", "OPTIONS"):
        said = await world.say(None, b"", method=method)
        assert (said.status, said.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:8420.evil.example", "", "http://localhost:8420"]
)
async def test_a_page_of_another_origin_is_refused(world: World, origin: str) -> None:
    said = await world.modern(world.ready("raw:do"), "tools/call", ("origin", origin), name="ask")
    assert (said.status, said.error["data"]["code"]) == (403, "foreign_origin")
    assert calls(world) == []


async def test_a_page_of_ours_is_not(world: World) -> None:
    said = await world.modern(world.ready("raw:do"), "tools/call", ("origin", "http://127.0.0.1:8420"), name="ask")
    assert said.status == 200


async def test_an_upstream_of_another_kind_or_none_is_not_served_here(world: World) -> None:
    token = world.ready("raw:do")
    with pytest.raises(NotFound):
        await world.say(token, b"{}", name="other")


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        (b"", "malformed_json", -32700),
        (b"{", "malformed_json", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}', "malformed_json", -32700),
        (b"\xff\xfe", "malformed_json", -32700),
        (b"[" * 100 + b"]" * 100, "malformed_json", -32700),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', "malformed_message", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', "malformed_message", -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', "malformed_message", -32600),
    ],
)
async def test_what_cannot_be_read_is_refused_and_written_down(
    world: World, body: bytes, code: str, number: int
) -> None:
    said = await world.say(world.ready("raw:do"), body)
    assert (said.status, said.error["code"], said.error["data"]["code"]) == (400, number, code)
    assert world.entries()[-1]["code"] == code


async def test_a_body_beyond_the_bound_is_not_read_to_its_end(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(request=1000)) as world:
        world.upstream(command("modern"))
        said = await world.modern(world.ready(*EVERYTHING), "tools/call", name="echo", arguments={"to": "x" * 1000})
        assert (said.status, said.error["data"]["code"]) == (413, "too_large")


async def test_only_plain_json_is_read(world: World) -> None:
    token = world.ready("raw:do")
    request = world.request(token, b"{}")
    for headers in (
        ((b"content-type", b"text/plain"),),
        (),
        ((b"content-type", b"application/json"), (b"content-encoding", b"gzip")),
        ((b"content-type", b"application/json"), (b"content-type", b"text/plain")),
    ):
        changed = tuple(pair for pair in request.headers if pair[0] != b"content-type") + headers
        reply = await world.surface.handle(msgspec.structs.replace(request, headers=changed))
        assert reply.status in {400, 415}


async def test_headers_that_disagree_with_the_body_are_refused(world: World) -> None:
    token = world.ready(*EVERYTHING)
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "ask", "arguments": {}, "_meta": META}}
    ).encode()
    good = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "ask")]
    assert (await world.say(token, body, *good)).status == 200
    for headers in (
        [],
        good[:2],
        [good[0], good[2]],
        [*good[:2], ("mcp-name", "echo")],
        [*good, ("mcp-name", "ask")],
        [good[0], ("mcp-method", "tools/list"), good[2]],
        [("mcp-protocol-version", LEGACY), *good[1:]],
    ):
        said = await world.say(token, body, *headers)
        assert (said.status, said.error["code"], said.messages[0]["id"]) == (400, -32020, 7)
    unsupported = body.replace(MODERN.encode(), b"2099-01-01")
    said = await world.say(token, unsupported, ("mcp-protocol-version", "2099-01-01"), *good[1:])
    assert (said.status, said.error["code"]) == (400, -32022)
    assert said.error["data"]["supported"] == [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"]
    assert said.error["data"]["requested"] == "2099-01-01"
    assert len(calls(world)) == 1


async def test_mirrored_arguments_have_to_be_mirrored_rightly(world: World) -> None:
    token = world.ready("raw:send")
    call = {"name": "routed", "arguments": {"region": "eu"}}
    assert (await world.modern(token, "tools/call", ("mcp-param-region", "eu"), **call)).status == 200
    for headers in ((), (("mcp-param-region", "us"),), (("mcp-param-region", "eu"), ("mcp-param-region", "eu"))):
        said = await world.modern(token, "tools/call", *headers, **call)
        assert (said.status, said.error["code"]) == (400, -32020)
    said = await world.modern(token, "tools/call", ("mcp-param-region", "eu"), name="routed", arguments={"count": 1})
    assert (said.status, said.error["code"]) == (400, -32020)
    unknown = await world.modern(token, "tools/call", ("mcp-param-other", "x"), ("mcp-param-region", "eu"), **call)
    assert unknown.status == 200
    old = await world.legacy(token, "tools/call", **call)
    assert old.status == 200
    assert len(calls(world)) == 3
    finished = [entry for entry in world.entries() if entry["event"] == "call.finished" and entry["code"] != "ok"]
    assert {entry["code"] for entry in finished} == {"header_mismatch"}
    assert all(entry["reservations"] for entry in finished), "nothing left the house, so the meters are given back"


async def test_a_tool_whose_marks_mean_nothing_is_neither_listed_nor_callable(world: World) -> None:
    token = world.ready("raw:do")
    assert "broken" not in await names(world, token)
    said = await world.modern(token, "tools/call", name="broken")
    assert said.error["data"]["code"] == "upstream_garbled"
    old = (await world.legacy(token, "tools/list")).result["tools"]
    assert "broken" in [tool["name"] for tool in old], "nobody mirrors anything here"
    assert (await world.legacy(token, "tools/call", name="broken")).status == 200
    assert [call["params"]["name"] for call in calls(world)] == ["broken"]


async def test_notifications_are_taken_and_lead_nowhere(world: World) -> None:
    token = world.ready("raw:do")
    for headers in ([("mcp-protocol-version", MODERN)], [("mcp-protocol-version", LEGACY)], []):
        for method in ("notifications/initialized", "notifications/cancelled", "notifications/anything"):
            body = json.dumps({"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}).encode()
            said = await world.say(token, body, *headers)
            assert (said.status, said.raw) == (202, b"")
    said = await world.say(token, b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"ask"}}')
    assert said.status == 404
    assert calls(world) == []


# -- input in the middle of a call


async def test_a_request_for_more_input_comes_back_to_whom_it_was_given(world: World) -> None:
    token, other = world.ready("raw:do"), world.token("raw:do")
    able: Any = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
    asked = await world.modern(token, "tools/call", name="needy", arguments={}, meta=able)
    assert asked.result["resultType"] == "input_required"
    state = asked.result["requestState"]
    answers = {"inputResponses": {"who": {"action": "accept", "content": {"name": "grace-7"}}}, "requestState": state}
    done = await world.modern(token, "tools/call", name="needy", arguments={}, meta=able, **answers)
    assert done.text.startswith('got {"who": {"action": "accept"')
    assert done.text.endswith("step-1")
    stolen = await world.modern(other, "tools/call", name="needy", arguments={}, meta=able, **answers)
    assert stolen.denied["detail"] == "`requestState` was not given to this token for this call"
    changed = await world.modern(token, "tools/call", name="needy", arguments={"ticks": 1}, meta=able, **answers)
    assert changed.denied["detail"] == "`requestState` was not given to this token for this call"
    assert len(calls(world)) == 2
    assert "grace-7" not in json.dumps(world.entries()), "what a person typed is not written down"


async def test_a_client_that_cannot_give_input_is_told_so(world: World) -> None:
    token = world.ready("raw:do")
    for said in (
        await world.modern(token, "tools/call", name="needy"),
        await world.legacy(token, "tools/call", name="needy"),
    ):
        assert said.error["data"]["code"] == "upstream_needs_input"


async def test_a_permission_with_limits_does_not_cover_input_that_nobody_looked_at(world: World) -> None:
    token = world.ready("raw:do?ticks=#5")
    able: Any = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    answers = {"inputResponses": {"who": {"action": "accept"}}}
    assert (await world.modern(token, "tools/call", name="needy", arguments={"ticks": 5}, meta=able)).status == 200
    said = await world.modern(token, "tools/call", name="needy", arguments={"ticks": 5}, meta=able, **answers)
    assert said.status == 403 or said.result["isError"]


# -- a call that does not end well


@pytest.mark.parametrize(
    ("tool", "code"),
    [("die", "upstream_lost"), ("huge", "upstream_lost"), ("odd", "upstream_garbled"), ("missing", None)],
)
async def test_a_failing_server_is_a_plain_error_with_its_code(world: World, tool: str, code: str | None) -> None:
    token = world.ready("raw:do")
    said = await world.modern(token, "tools/call", name=tool)
    if code is None:
        assert (said.status, said.error["code"]) == (400, -32602)
        assert world.entries()[-1]["code"] == "upstream_fault"
        return
    assert (said.status, said.error["code"]) == (502, -32603)
    assert said.error["data"]["code"] == code
    assert said.error["data"]["decision_id"] == world.entries()[-1]["decision"]
    assert world.entries()[-1]["code"] == code
    old = await world.legacy(token, "tools/call", name=tool)
    assert (old.status, old.error["data"]["code"]) == (200, code)


@pytest.mark.parametrize("tool", ["garbage", "wrong_id", "slow"])
async def test_a_server_that_never_answers_is_given_up(tmp_path: Path, tool: str) -> None:
    async with opened(tmp_path, Bounds(quiet=0.3)) as world:
        world.upstream(command("modern", "--log", str(tmp_path / "log")))
        token = world.ready("raw:do")
        said = await world.modern(token, "tools/call", name=tool)
        assert (said.status, said.error["data"]["code"]) == (504, "upstream_timeout")
        await until(lambda: any(m.get("method") == "notifications/cancelled" for m in server_heard(world)))


async def test_a_server_that_is_not_there_gives_the_meters_back(world: World) -> None:
    gone = "types: {gone: {actions: {do: {class: read}}}}\nmcp: {tools: {ask: {action: 'gone:do', resource: none}}}"
    world.upstream('["/no/such/server"]', gone, name="gone")
    token = world.ready("gone:do", limits=TokenLimits(attempts=Rate(1000, 60_000), calls=Rate(1, 60_000)))
    for _ in range(3):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask"}}).encode()
        said = await world.say(token, body, name="gone")
        assert said.error["data"]["code"] == "upstream_unreachable"
    listed = await world.say(token, b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', name="gone")
    assert listed.error["data"]["code"] == "upstream_unreachable", "never an empty list"


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.02)


async def begun(world: World, token: str, **named: Any) -> "asyncio.Task[Any]":
    """A slow call that has reached the server."""
    before = len(calls(world))
    task = asyncio.create_task(world.modern(token, "tools/call", name="slow", **named))
    await until(lambda: len(calls(world)) > before)
    return task


async def test_one_agent_cannot_take_all_of_a_servers_places(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(at_once=2)) as world:
        world.upstream(command("modern", "--log", str(tmp_path / "log")))
        token, second = world.ready("raw:do"), world.token("raw:do")
        other = world.token("raw:do", agent="other")
        slow = [await begun(world, who, arguments={"ticks": 20}) for who in (token, second)]
        refused = await world.modern(token, "tools/call", name="ask")
        assert refused.denied["code"] == "limit_exceeded"
        assert refused.denied["detail"] == "2 calls of this agent are under way at this upstream"
        assert refused.denied["retry_after"] == 1000
        assert world.entries()[-1]["code"] == "limit_exceeded"
        assert (await world.modern(other, "tools/call", name="ask")).text == "asked"
        assert [(await task).text for task in slow] == ["slept", "slept"]
        assert (await world.modern(token, "tools/call", name="ask")).text == "asked"
        assert (await world.modern(token, "tools/call", name="unmapped")).denied["code"] == "operation_unmapped"
        assert world.surface._under_way._counts == {}
        assert world.surface._under_way._named == {}


async def test_what_a_caller_calls_things_is_printed_in_one_line(world: World) -> None:
    token = world.ready("raw:do")
    said = await world.legacy(token, "x\ny`z" + "w" * 90)
    assert said.error["message"] == "`x?y?z" + "w" * 56 + "...` is not offered here"
    said = await world.legacy(token, "tools/call", name="a\u2028b\x00")
    assert said.denied["detail"] == "there is no tool `a?b?` that may be used here"


async def test_what_a_client_can_do_is_passed_on_in_the_specifications_words_alone(world: World) -> None:
    token = world.ready("raw:say:r")
    said = {"elicitation": {"form": {"x": "payload"}, "y": 1}, "sampling": [], "extensions": {"com.example/z": {}}}
    meta = {"io.modelcontextprotocol/clientCapabilities": said}
    answer = await world.modern(token, "tools/call", name="echo", arguments={"to": "r"}, meta=meta)
    assert json.loads(answer.text)["_meta"]["io.modelcontextprotocol/clientCapabilities"] == {
        "elicitation": {"form": {}}
    }


async def test_a_withdrawn_token_cuts_its_calls_and_no_others(world: World) -> None:
    token, other = world.ready("raw:do"), world.token("raw:do")
    cut, kept = await begun(world, token), await begun(world, other, arguments={"ticks": 30})
    world.revoke(token)
    said = await cut
    assert (said.status, said.error["data"]["code"]) == (403, "withdrawn_in_flight")
    await until(lambda: any(m.get("method") == "notifications/cancelled" for m in server_heard(world)))
    with pytest.raises(Unauthenticated):
        await world.modern(token, "tools/call", name="ask")
    assert (await kept).text == "slept"
    assert ("call.finished", "withdrawn_in_flight") in world.events()


async def test_a_withdrawn_token_cuts_a_list_that_is_still_being_read(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        world.upstream(command("mute"))
        token = world.ready("raw:do")
        task = asyncio.create_task(world.modern(token, "tools/list"))
        await asyncio.sleep(0.2)
        world.revoke(token)
        said = await task
        assert (said.status, said.error["data"]["code"]) == (403, "withdrawn_in_flight")
        assert world.events()[-1] == ("call.decided", "withdrawn_in_flight")
        assert world.surface._under_way._counts == {}


async def test_lists_take_places_too(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(at_once=1, list=0.5)) as world:
        world.upstream(command("mute"))
        token = world.ready("raw:do")
        first = asyncio.create_task(world.modern(token, "tools/list"))
        await asyncio.sleep(0.1)
        said = await world.modern(token, "server/discover")
        assert (said.status, said.error["data"]["code"]) == (429, "limit_exceeded")
        assert (await first).error["data"]["code"] == "upstream_timeout"


async def test_a_withdrawn_token_ends_its_streams_with_an_error(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(patience=0.1)) as world:
        world.upstream(command("modern", "--log", str(tmp_path / "log")))
        token = world.ready("raw:do")
        task = await begun(world, token)
        await asyncio.sleep(0.25)
        world.revoke(token)
        said = await task
        assert said.headers["content-type"] == "text/event-stream"
        assert said.error["data"]["code"] == "withdrawn_in_flight"


async def test_a_client_that_leaves_cancels_its_call(world: World) -> None:
    token = world.ready("raw:do")
    task = await begun(world, token)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: any(m.get("method") == "notifications/cancelled" for m in server_heard(world)))
    assert world.events()[-1] == ("call.finished", "caller_gone")


async def test_a_stream_that_is_closed_before_or_after_it_was_read_is_cancelled(tmp_path: Path) -> None:
    async with opened(tmp_path, Bounds(patience=0.1)) as world:
        world.upstream(command("modern", "--log", str(tmp_path / "log")))
        token = world.ready("raw:do")
        for count, pieces in enumerate((0, 2), start=1):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "slow"}}
            reply = await world.surface.handle(world.request(token, json.dumps(body).encode()))
            await until(lambda count=count: len(calls(world)) == count)
            for _ in range(pieces):
                await anext(reply.body)
            await reply.body.aclose()  # type: ignore[attr-defined]
            assert world.events()[-1] == ("call.finished", "caller_gone")
        await until(
            lambda: sum(message.get("method") == "notifications/cancelled" for message in server_heard(world)) == 2
        )


async def test_a_legacy_client_cancels_by_name_and_only_its_own(world: World) -> None:
    token, other = world.ready("raw:do"), world.token("raw:do")
    task = asyncio.create_task(world.legacy(token, "tools/call", name="slow", id_="job-7"))
    await until(lambda: len(calls(world)) == 1)
    cancel = json.dumps(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "job-7"}}
    ).encode()
    for who, headers in ((other, ()), (token, (("mcp-protocol-version", MODERN),))):
        assert (await world.say(who, cancel, *headers)).status == 202
    await asyncio.sleep(0.1)
    assert not task.done()
    assert (await world.say(token, cancel, ("mcp-protocol-version", LEGACY))).status == 202
    said = await task
    assert (said.status, said.error["data"]["code"]) == (200, "call_cancelled")


async def test_of_two_calls_under_one_name_neither_is_cancelled(world: World) -> None:
    token = world.ready("raw:do")
    tasks = [
        asyncio.create_task(world.legacy(token, "tools/call", name="slow", arguments={"ticks": 20}, id_=1))
        for _ in range(2)
    ]
    await until(lambda: len(calls(world)) == 2)
    cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'
    await world.say(token, cancel)
    assert [(await task).text for task in tasks] == ["slept", "slept"]


async def test_a_disabled_upstreams_child_is_ended(world: World) -> None:
    token = world.ready("raw:do")
    await world.modern(token, "tools/call", name="ask")
    child = server_heard(world)[0]["started"]
    await world.surface.tidy()
    assert runs(child)
    served = world.snapshot.upstreams["raw"].upstream
    world.snapshot.put(replace(served, disabled=served.created))
    await world.surface.tidy()
    assert not runs(child)


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_read_whose_record_cannot_be_made_durable_is_not_answered(world: World) -> None:
    token = world.ready("raw:do")
    world.journal.hold()
    task = asyncio.create_task(world.modern(token, "tools/call", name="ask"))
    await until(lambda: len(calls(world)) == 1)
    await asyncio.sleep(0.1)
    assert not task.done()
    world.journal.fail()
    said = await task
    assert said.error["data"]["code"] == "journal_unavailable"
    assert said.error["data"]["hint"].startswith("The call was made")
    assert "asked" not in said.raw.decode()


async def test_a_write_waits_for_its_intent(world: World) -> None:
    token = world.ready("raw:send")
    await world.modern(token, "tools/list")
    world.journal.hold()
    task = asyncio.create_task(world.legacy(token, "tools/call", name="routed", arguments={"region": "eu"}))
    await asyncio.sleep(0.2)
    assert calls(world) == []
    world.journal.release()
    await task
    assert len(calls(world)) == 1


async def test_no_error_of_any_kind_names_the_secret(world: World) -> None:
    token = world.ready(*EVERYTHING)
    for tool in ("die", "huge", "odd", "missing", "flood"):
        said = await world.modern(token, "tools/call", name=tool)
        assert SECRET.encode() not in said.raw
    assert SECRET not in json.dumps(world.entries())


def test_errors_are_of_one_family_tree() -> None:
    assert issubclass(LimitExceeded, Error)
