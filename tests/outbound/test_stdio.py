"""MCP servers as child processes: real processes, well and badly behaved."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gatepass.access import CredentialId, UpstreamId
from gatepass.errors import UpstreamFailed
from gatepass.gateway.mcp.servers.peers import Outgoing, Peer, Progress
from gatepass.gateway.mcp.wire.messages import Answer
from gatepass.outbound import lines, stdio
from gatepass.outbound.stdio import StdioServers
from gatepass.registry import Injection, InjectionKind, Upstream, UpstreamKind

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).parents[1] / "gateway" / "mcp" / "raw_server.py"
SECRET = "sk-live-Zq7/very+secret=="


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Plain:
    """An opened secret, as a transport sees it."""

    origin = "stdio:"

    def __init__(self, text: bytes = SECRET.encode()) -> None:
        self.text = text

    def expose_to(self, use: Any) -> Any:
        return use(self.text)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[StdioServers]:
    running = StdioServers(path=os.environ["PATH"], home=tmp_path / "children")
    yield running
    await running.close()


def upstream(*words: str, **changed: Any) -> Upstream:
    registered = Upstream(
        id=UpstreamId("ups_raw"),
        name="raw",
        kind=UpstreamKind.MCP_STDIO,
        target=json.dumps([sys.executable, str(SCRIPT), *words]),
        operations="",
        injection=Injection(InjectionKind.ENVIRONMENT, "API_KEY"),
    )
    return replace(registered, **changed)


def peer(servers: StdioServers, *words: str, version: str = "1", **changed: Any) -> Peer:
    return servers.peer(upstream(*words, **changed), secret=Plain(), version=version, credential=CredentialId("crd_a"))


def call(name: str, *, progress: bool = False, **arguments: Any) -> Outgoing:
    return Outgoing(method="tools/call", params={"name": name, "arguments": arguments}, wants_progress=progress)


async def outcome(peer: Peer, outgoing: Outgoing) -> Answer:
    exchange = peer.ask(outgoing)
    try:
        async for event in exchange:
            if isinstance(event, Answer):
                return event
    finally:
        await exchange.close()
    raise AssertionError("no answer")


def text(answer: Answer) -> str:
    assert answer.result is not None
    content = answer.result["content"]
    assert isinstance(content, tuple)
    assert isinstance(content[0], dict)
    return str(content[0]["text"])


def heard(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def gone(pid: int) -> bool:
    """Neither running nor a zombie."""
    return not Path(f"/proc/{pid}").exists()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.02)


async def test_a_modern_server_is_greeted_as_one(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "modern", "--log", str(tmp_path / "log"))
    assert (await child.greet()).version == "2026-07-28"
    said = json.loads(text(await outcome(child, call("echo", word="hello"))))
    assert said["arguments"] == {"word": "hello"}
    assert said["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert [message.get("method") for message in heard(tmp_path / "log")[1:]] == ["server/discover", "tools/call"]


async def test_a_legacy_server_is_initialized_once(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "legacy", "--log", str(tmp_path / "log"))
    assert (await child.greet()).version == "2025-11-25"
    said = json.loads(text(await outcome(child, call("echo", word="hello"))))
    assert "_meta" not in said
    await outcome(child, call("echo"))
    methods = [message.get("method") for message in heard(tmp_path / "log")[1:]]
    assert methods == ["server/discover", "initialize", "notifications/initialized", "tools/call", "tools/call"]


async def test_a_server_that_dies_of_the_modern_greeting_is_spared_it(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "brittle", "--log", str(tmp_path / "log"))
    assert (await child.greet()).version == "2025-11-25"
    expected = ["server/discover", "initialize", "notifications/initialized"]
    await until(lambda: [m["method"] for m in heard(tmp_path / "log") if "method" in m] == expected)
    assert sum("started" in message for message in heard(tmp_path / "log")) == 2


async def test_the_child_gets_a_clean_environment_and_the_secret(
    servers: StdioServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPASS_TOKEN", "gp_sk_ours")
    await peer(servers, "modern", "--log", str(tmp_path / "log")).greet()
    environment = heard(tmp_path / "log")[0]["environment"]
    environment.pop("LC_CTYPE", None)  # Python sets it for itself
    assert environment == {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "children" / "ups_raw"),
        "LANG": "C.UTF-8",
        "API_KEY": SECRET,
    }


async def test_many_calls_share_one_child_and_none_gets_anothers_answer(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "modern", "--log", str(tmp_path / "log"))
    answers = await asyncio.gather(*(outcome(child, call("echo", n=str(number))) for number in range(100)))
    assert [json.loads(text(answer))["arguments"]["n"] for answer in answers] == [str(n) for n in range(100)]
    assert sum("started" in message for message in heard(tmp_path / "log")) == 1


async def test_progress_arrives_before_the_answer(servers: StdioServers) -> None:
    exchange = peer(servers, "legacy").ask(call("progress", progress=True))
    events = [event async for event in exchange]
    assert [event.params["progress"] for event in events[:-1] if isinstance(event, Progress)] == [1, 2, 3]
    assert isinstance(events[-1], Answer)


async def test_a_legacy_server_that_asks_is_answered_and_does_not_hang(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "legacy", "--log", str(tmp_path / "log"))
    assert text(await outcome(child, call("ask"))) == "asked"
    await until(lambda: sum(str(m.get("id", "")).startswith("ask-") for m in heard(tmp_path / "log")) == 4)
    answers = {m["id"]: m for m in heard(tmp_path / "log") if str(m.get("id", "")).startswith("ask-")}
    assert answers["ask-0"]["result"] == {}
    assert {answers[f"ask-{n}"]["error"]["code"] for n in (1, 2, 3)} == {-32601}


async def test_a_call_that_is_let_go_is_cancelled_at_the_server(servers: StdioServers, tmp_path: Path) -> None:
    child = peer(servers, "modern", "--log", str(tmp_path / "log"))
    exchange = child.ask(call("slow"))
    waiting = asyncio.create_task(anext(exchange))
    await until(lambda: any(m.get("method") == "tools/call" for m in heard_if(tmp_path / "log")))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await exchange.close()
    await exchange.close()
    asked = next(m for m in heard(tmp_path / "log") if m.get("method") == "tools/call")
    await until(lambda: any(m.get("method") == "notifications/cancelled" for m in heard(tmp_path / "log")))
    told = [m["params"]["requestId"] for m in heard(tmp_path / "log") if m.get("method") == "notifications/cancelled"]
    assert told == [asked["id"]]


def heard_if(log: Path) -> list[dict[str, Any]]:
    return heard(log) if log.exists() else []


async def test_dying_in_the_middle_of_a_call_fails_it_at_once_and_the_next_call_has_a_new_child(
    servers: StdioServers, tmp_path: Path
) -> None:
    child = peer(servers, "modern", "--log", str(tmp_path / "log"))
    other = asyncio.create_task(outcome(child, call("slow")))
    await until(lambda: any(m.get("method") == "tools/call" for m in heard_if(tmp_path / "log")))
    for doomed in (outcome(child, call("die")), other):
        with pytest.raises(UpstreamFailed) as failure:
            await doomed
        assert failure.value.code == "upstream_lost"
        assert failure.value.message == "the server of `raw` has gone: it ended"
    assert text(await outcome(child, call("ask"))) == "asked"
    pids = [message["started"] for message in heard(tmp_path / "log") if "started" in message]
    assert len(pids) == 2
    await until(lambda: gone(pids[0]))


async def test_a_child_that_keeps_dying_is_given_pauses_that_grow(
    servers: StdioServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "PAUSE", 5.0)
    child = peer(servers, "modern")
    with pytest.raises(UpstreamFailed):
        await outcome(child, call("die"))
    with pytest.raises(UpstreamFailed) as failure:
        await outcome(child, call("echo"))
    assert failure.value.code == "upstream_unreachable"
    assert failure.value.message == "the server of `raw` keeps ending; it is started again later"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ('["/no/such/program"]', "the command of `raw` is not there to be started"),
        ('["true"]', "the server of `raw` has gone: it ended"),
        ('["cat"]', "the upstream did not answer as an MCP server does"),
        ("[]", "the command of `raw` is no JSON array of strings"),
        ('["sh", 1]', "the command of `raw` is no JSON array of strings"),
        ("git", "the command of `raw` is no JSON array of strings"),
    ],
)
async def test_a_command_that_is_no_server_is_an_upstream_failure(
    servers: StdioServers, target: str, message: str
) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        await peer(servers, target=target).greet()
    assert failure.value.message == message


async def test_what_a_server_said_before_it_gave_up_is_logged_for_the_operator_without_the_secret(
    servers: StdioServers, tmp_path: Path
) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import os, sys\nsys.stderr.write('x' * 5000 + ' no config for ' + os.environ['API_KEY'])\nsys.exit(4)\n"
    )
    with capture_logs() as logs, pytest.raises(UpstreamFailed) as failure:
        await peer(servers, target=json.dumps([sys.executable, str(script)])).greet()
    (entry,) = [entry for entry in logs if entry["event"] == "mcp_server_not_started"]
    assert entry["stderr"].endswith(f"no config for {'*' * len(SECRET)}")
    assert len(entry["stderr"]) <= 2048
    assert "config" not in failure.value.message, "an agent is not told"


async def test_a_server_that_never_greets_is_given_up(servers: StdioServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PROBE", 0.1)
    monkeypatch.setattr(lines, "START", 0.5)
    with pytest.raises(UpstreamFailed) as failure:
        await peer(servers, "mute").greet()
    assert failure.value.code == "upstream_timeout"


async def test_a_modern_server_that_is_slow_to_start_is_still_met_as_modern(
    servers: StdioServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PROBE", 0.0)
    assert (await peer(servers, "modern").greet()).version == "2026-07-28"


async def test_lines_that_are_no_message_are_tolerated_and_answers_to_others_are_dropped(servers: StdioServers) -> None:
    child = peer(servers, "modern")
    for name in ("garbage", "wrong_id"):
        exchange = child.ask(call(name))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(exchange), 0.3)
        await exchange.close()
    assert text(await outcome(child, call("ask"))) == "asked"


async def test_a_server_that_writes_nothing_but_noise_is_given_up(
    servers: StdioServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_STRANGE", 2)
    with pytest.raises(UpstreamFailed) as failure:
        await outcome(peer(servers, "modern"), call("garbage"))
    assert failure.value.message == "the server of `raw` has gone: it writes what is no message"


async def test_an_endless_line_ends_the_child_and_not_the_gateway(servers: StdioServers) -> None:
    child = peer(servers, "modern")
    with pytest.raises(UpstreamFailed) as failure:
        await outcome(child, call("huge"))
    assert failure.value.code == "upstream_lost"
    assert text(await outcome(child, call("ask"))) == "asked"


async def test_a_flood_on_standard_error_is_drained(servers: StdioServers) -> None:
    assert text(await outcome(peer(servers, "modern"), call("flood"))) == "flooded"


async def test_calls_beyond_the_bound_are_refused_and_nothing_of_them_is_sent(
    servers: StdioServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_UNDER_WAY", 1)
    child = peer(servers, "modern")
    first = child.ask(call("slow"))
    waiting = asyncio.create_task(anext(first))
    await until(lambda: first.sent)
    second = child.ask(call("echo"))
    with pytest.raises(UpstreamFailed) as failure:
        await anext(second)
    assert failure.value.code == "upstream_busy"
    assert not second.sent
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await first.close()


async def test_another_value_of_the_secret_is_another_child_and_the_old_one_finishes_its_call(
    servers: StdioServers, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    old = asyncio.create_task(outcome(peer(servers, "modern", "--log", str(log)), call("slow", ticks=Decimal(10))))
    await until(lambda: any(m.get("method") == "tools/call" for m in heard_if(log)))
    await outcome(peer(servers, "modern", "--log", str(log), version="2"), call("echo"))
    assert text(await old) == "slept"
    pids = [message["started"] for message in heard(log) if "started" in message]
    assert len(pids) == 2
    await until(lambda: gone(pids[0]))
    assert not gone(pids[1])


async def test_stopping_takes_the_whole_group_along_and_leaves_no_zombie(servers: StdioServers, tmp_path: Path) -> None:
    script = tmp_path / "wrapper.sh"
    start = f"exec {sys.executable} {SCRIPT} modern --log {tmp_path}/log"
    script.write_text(f"sleep 600 &\necho $! > {tmp_path}/sleeper\n{start}\n")
    await peer(servers, target=json.dumps(["sh", str(script)])).greet()
    child = heard(tmp_path / "log")[0]["started"]
    sleeper = int((tmp_path / "sleeper").read_text())
    await servers.close()
    assert gone(child)
    await until(lambda: gone(sleeper) or "Z" in Path(f"/proc/{sleeper}/stat").read_text().split()[2])


async def test_stopping_does_not_depend_on_the_childs_good_will(servers: StdioServers, tmp_path: Path) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import json, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "line = json.loads(sys.stdin.readline())\n"
        "result = {'supportedVersions': ['2026-07-28'], 'capabilities': {}}\n"
        "print(json.dumps({'jsonrpc': '2.0', 'id': line['id'], 'result': result}), flush=True)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))\n"
        "time.sleep(600)\n"
    )
    await peer(servers, target=json.dumps([sys.executable, str(script)])).greet()
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    await servers.retain(frozenset({UpstreamId("ups_other")}))
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_secret_that_no_variable_can_hold_starts_nothing(servers: StdioServers) -> None:
    child = servers.peer(upstream("modern"), secret=Plain(b"a\0b"), version="1", credential=CredentialId("crd_a"))
    with pytest.raises(ValueError, match="no variable holds NUL"):
        await child.greet()
