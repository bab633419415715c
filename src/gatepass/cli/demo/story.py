"""The story, step by step: what was expected, what happened, and who says so.

Refusals are judged by the upstream's own log as much as by the answer: a call that was refused must not be
in it, a call that went through must be in it with the real key.
"""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from typing import Final

from gatepass.cli.demo.agent import Agent
from gatepass.cli.demo.prepare import CALLS, EVENTS, ORDER, REFUNDS, Prepared
from gatepass.cli.demo.stage import Stage

__all__ = ["Step", "story"]

REFILLED: Final = 0.5
"""Seconds until a loosened rate, which was used up, has room again: loosening changes the pace from now on."""

LISTENED: Final = 0.5
"""Seconds for which the stream flows before the token is revoked."""

READING: Final = ["git_log", "git_status"]
"""The tools that the token opens, of the dozen that the MCP server has."""

SOON: Final = 2.0
"""Seconds after which a revoked stream that still runs has failed the demo."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story and how it went."""

    title: str
    expected: str
    happened: str

    @property
    def held(self) -> bool:
        """Whether what happened is what was expected."""
        return self.expected == self.happened


def story(stage: Stage, prepared: Prepared, agent: Agent) -> Iterator[Step]:
    """Everything that the agent tries, one step at a time."""
    yield _tools(agent)
    yield _reads(stage, agent)
    yield from _refunds(stage, agent)
    yield _foreign_tool(stage, agent)
    yield _rate(agent)
    yield _revoked_in_stream(stage, prepared, agent)
    yield _dead_everywhere(agent)


def _tools(agent: Agent) -> Step:
    answer = agent.mcp("repository", "tools/list")
    named = sorted(tool["name"] for tool in answer.body["result"]["tools"])
    return Step("lists the tools of the MCP git server", f"sees {READING} only", f"sees {named} only")


def _reads(stage: Stage, agent: Agent) -> Step:
    answer = agent.mcp("repository", "tools/call", name="git_log", arguments={"repo_path": str(stage.repository)})
    text = json.dumps(answer.body.get("result", {}))
    found = "Refunds above 50 USD need a person." in text
    return Step("reads the history of the repository", "the commit is there", f"the commit is {_there(found)}")


def _refunds(stage: Stage, agent: Agent) -> Iterator[Step]:
    refused = "403 scope_missing, nothing upstream"
    went = _refund(stage, agent, "order-12345", 49.5)
    yield Step("refunds 49.50 on its order", "201, with the real key upstream", went)
    yield Step("tries to refund 51", refused, _refund(stage, agent, "order-12345", 51))
    yield Step("tries another order", refused, _refund(stage, agent, "order-99999", 49.5))


def _refund(stage: Stage, agent: Agent, order: str, amount: float) -> str:
    """What the agent was answered, and what the orders API says it saw."""
    before = len(stage.orders_saw())
    answer = agent.rest("POST", REFUNDS.format(order=order), {"amount": amount, "currency": "USD"})
    new = stage.orders_saw()[before:]
    upstream = "nothing upstream"
    if new:
        upstream = "with the real key upstream" if all(line["key"] == "right" for line in new) else "without the key"
    said = f"{answer.status} {answer.code}".strip()
    return f"{said}, {upstream}"


def _foreign_tool(stage: Stage, agent: Agent) -> Step:
    arguments = {"repo_path": str(stage.repository), "message": "not mine to write"}
    answer = agent.mcp("repository", "tools/call", name="git_commit", arguments=arguments)
    return Step("calls a tool outside its list", "403 scope_missing", f"{answer.status} {answer.code}".strip())


def _rate(agent: Agent) -> Step:
    """Ask until the token's own rate says no; it has to, within the calls that it allows."""
    for number in range(1, CALLS + 2):
        answer = agent.rest("GET", ORDER)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            waits = "retry-after" in answer.headers
            return Step(
                "reads in a loop until its own rate says no",
                "429 limit_exceeded, told how long to wait",
                f"429 {answer.code}, {'told' if waits else 'not told'} how long to wait",
            )
        if answer.status != HTTPStatus.OK:
            return Step("reads in a loop", "429 limit_exceeded", f"{answer.status} {answer.code} at call {number}")
    return Step("reads in a loop", "429 limit_exceeded", "no limit held")


def _revoked_in_stream(stage: Stage, prepared: Prepared, agent: Agent) -> Step:
    """Open a stream that never ends by itself, revoke the token while events flow, count what still arrives."""
    title = "is revoked in the middle of a stream"
    expected = "events before, 0 bytes after, cut within a second, closed by the caller as the upstream saw it"
    prepared.loosen()
    time.sleep(REFILLED)
    with agent.stream(EVENTS) as response:
        if response.status != HTTPStatus.OK:
            return Step(title, expected, f"the stream did not open: {response.status}")
        arrivals: list[tuple[float, int]] = []
        reader = Thread(target=_listen, args=(response, arrivals), daemon=True)
        reader.start()
        time.sleep(LISTENED)
        prepared.revoke("the demo's own leak drill")
        revoked = time.monotonic()
        reader.join(SOON)
        took = time.monotonic() - revoked
        still_open = reader.is_alive()
    before = "events before" if any(at <= revoked for at, _ in arrivals) else "no events before"
    late = sum(size for at, size in arrivals if at > revoked)
    cut = "cut within a second" if took < 1 and not still_open else f"still open after {took:.1f} s"
    return Step(title, expected, f"{before}, {late} bytes after, {cut}, {_closing(stage)} as the upstream saw it")


def _listen(response: http.client.HTTPResponse, arrivals: list[tuple[float, int]]) -> None:
    """Note when bytes arrive and how many, until the stream ends or breaks."""
    while True:
        try:
            piece = response.read1(65536)
        except (OSError, ValueError, http.client.HTTPException):
            return
        if not piece:
            return
        arrivals.append((time.monotonic(), len(piece)))


def _closing(stage: Stage) -> str:
    """Who closed the stream, in the upstream's own words. Its last line is written when it notices."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        for line in reversed(stage.orders_saw()):
            if line["path"].endswith("/events"):
                return f"closed {line.get('closed', 'by the upstream itself')}"
        time.sleep(0.02)
    return "not closed"


def _dead_everywhere(agent: Agent) -> Step:
    rest = agent.rest("GET", ORDER)
    mcp = agent.mcp("repository", "tools/list")
    expected = "REST 401 credential_invalid, MCP 401 credential_invalid"
    happened = f"REST {rest.status} {rest.code}, MCP {mcp.status} {mcp.code}"
    return Step("tries again on both surfaces", expected, happened)


def _there(found: bool) -> str:  # noqa: FBT001 - a word for a truth
    return "there" if found else "missing"
