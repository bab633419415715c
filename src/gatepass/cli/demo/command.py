"""`gatepass demo`: the whole story, unattended; exit 0 only if every step went as expected.

The last word is a byte search: the real secret, in every spelling that an upstream could echo it in, must be
nowhere in what the agent received. Then the joined timeline is printed and the journal's chain verified.
"""

import base64
import json
import time
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import click

from gatepass.cli.demo.agent import Agent
from gatepass.cli.demo.prepare import Prepared, prepare
from gatepass.cli.demo.stage import Stage, staged
from gatepass.cli.demo.story import Step, story
from gatepass.client import Answer, Management

__all__ = ["demo"]

MOST_ENTRIES: Final = 200


@click.command()
@click.option("--keep", is_flag=True, help="Leave the server running until Ctrl-C, to look around.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
def demo(*, keep: bool, as_json: bool) -> int:
    """Show the whole story on real parts: one narrow token, two upstreams, refusals, limits, revocation.

    Starts an orders API, an MCP git server over a real repository and a Gatepass server, all on this machine and
    on free ports, and ends them. Each step says what was expected and what happened; exit 0 only if all agree.
    """
    began = time.monotonic()
    steps: list[Step] = []
    with staged(keep=keep) as stage:
        click.echo(f"gatepass: demo: everything is in {stage.folder}", err=True)
        prepared = prepare(stage)
        agent = Agent(stage.agents_url, prepared.token)
        steps += _told(story(stage, prepared, agent))
        timeline, verified = _joined(prepared.management, prepared)
        steps += (_searched(stage, agent), verified)
        _print(steps, timeline, time.monotonic() - began, as_json=as_json)
        if keep:
            _linger(stage)
    return 0 if all(step.held for step in steps) else 1


def _told(steps: Iterator[Step]) -> Iterator[Step]:
    for number, step in enumerate(steps, 1):
        click.echo(
            f"gatepass: demo: {number}. {step.title}: {'as expected' if step.held else 'NOT AS EXPECTED'}", err=True
        )
        yield step


def _searched(stage: Stage, agent: Agent) -> Step:
    """The secret, in everything that the agent ever received."""
    secret = stage.orders_key.encode()
    spellings = {secret, secret.hex().encode(), quote(secret, safe="").encode()}
    spellings |= {base64.b64encode(b"\0" * shift + secret)[4 if shift else 0 : -4] for shift in range(3)}
    found = sum(bytes(agent.received).count(spelling) for spelling in spellings)
    size = len(agent.received)
    expected = "0 traces of the real key"
    return Step(f"received {size} bytes altogether", expected, f"{found} traces of the real key")


def _joined(management: Management, prepared: Prepared) -> tuple[list[str], Step]:
    """The token's story from the journal, and whether the chain holds."""
    entries, _ = management.journal(credential=prepared.token_id, limit=str(MOST_ENTRIES))
    timeline = [_line(entry) for entry in sorted(entries, key=lambda entry: str(entry.get("at")))]
    report = management.verify()
    said = "the chain verifies" if report.get("intact") is True else f"the chain is broken: {report.get('faults')}"
    return timeline, Step("leaves a journal", "the chain verifies", said)


def _line(entry: Answer) -> str:
    words = (entry.get(name) for name in ("at", "event", "outcome", "code", "action", "resource", "status"))
    return "  ".join(str(word) for word in words if word not in (None, ""))


def _print(steps: list[Step], timeline: list[str], took: float, *, as_json: bool) -> None:
    held = all(step.held for step in steps)
    if as_json:
        said = [
            {"step": step.title, "expected": step.expected, "happened": step.happened, "held": step.held}
            for step in steps
        ]
        click.echo(json.dumps({"steps": said, "timeline": timeline, "held": held}))
        return
    for number, step in enumerate(steps, 1):
        click.echo(f"{number:2}. {'ok ' if step.held else 'NO '} the agent {step.title}")
        click.echo(f"       expected: {step.expected}")
        click.echo(f"       happened: {step.happened}")
    click.echo("\nWhat the journal says of this token:")
    for line in timeline:
        click.echo(f"  {line}")
    verdict = "every step went as expected" if held else "NOT every step went as expected"
    click.echo(f"\n{len(steps)} steps in {took:.1f} s: {verdict}")


def _linger(stage: Stage) -> None:
    click.echo(f"gatepass: demo: still running: {stage.server_url} for people, {stage.agents_url} for agents", err=True)
    click.echo(f"gatepass: demo: what it holds stays in {stage.folder}; Ctrl-C ends it", err=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
