"""`gatepass doctor`: what is wrong here, and the command that mends it.

Looks at the settings, the data folder, the sealing key, the disk, the clock, the port and the server that
GATEPASS_URL names. Changes nothing. Exits 1 when something is wrong; what is only worth knowing is a warning.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from gatepass.cli import probes
from gatepass.cli.connection import connect, json_option
from gatepass.cli.probes import Finding, State
from gatepass.cli.terminal.output import Output
from gatepass.client import Health
from gatepass.errors import Error
from gatepass.settings import Problem, Settings, read

__all__ = ["doctor"]

_MARKS = {State.OK: "ok", State.WARNING: "warning", State.WRONG: "WRONG"}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.  [env: GATEPASS_HOME]")
@click.option("--config", type=click.Path(path_type=Path), help="The settings file.  [env: GATEPASS_CONFIG]")
@json_option
@click.pass_context
def doctor(context: click.Context, data: Path | None, config: Path | None, *, as_json: bool) -> None:
    """Say what is wrong, and the command that mends it."""
    settings = read(os.environ, config=config, data=data)
    findings = list(_look(settings))
    output = Output(as_json)
    if as_json:
        members = ("check", "state", "said", "mend")
        output.json({"findings": tuple({name: getattr(finding, name) for name in members} for finding in findings)})
    else:
        _tell(output, findings)
    context.exit(any(finding.state is State.WRONG for finding in findings))


def _look(settings: Settings | tuple[Problem, ...]) -> Iterator[Finding]:
    health, unreachable = _health()
    if isinstance(settings, Settings):
        yield Finding("settings", State.OK, "every value is understood")
        yield from probes.data_folder(settings.data)
        yield probes.key(settings, os.environ)
        yield probes.lock(settings.data)
        yield probes.disk(settings.data)
        yield probes.sqlite()
        yield probes.clock(settings.data, datetime.now(UTC), health.date if health else None)
        yield probes.port(settings, ours=health is not None)
    else:
        for problem in settings:
            yield Finding("settings", State.WRONG, str(problem), "correct the named place")
    yield _server(health, unreachable)
    if isinstance(settings, Settings):
        yield probes.custody(settings.data)


def _health() -> tuple[Health | None, Error | None]:
    try:
        with connect(timeout=3.0, token=False) as transport:
            return transport.health(), None
    except Error as error:
        return None, error


def _server(health: Health | None, unreachable: Error | None) -> Finding:
    if health is None:
        said = unreachable.message if unreachable is not None else "no answer"
        return Finding("server", State.WARNING, said, "gatepass up")
    if health.refusal is not None:
        return Finding(
            "server", State.WRONG, f"{health.url} is not ready: {health.refusal}", "look at its terminal or log"
        )
    return Finding("server", State.OK, f"{health.url} is ready")


def _tell(output: Output, findings: list[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        output.line(f"{_MARKS[finding.state]:<7}  {finding.check:<{width}}  {finding.said}")
        if finding.mend is not None:
            output.line(f"{'':<7}  {'':<{width}}  -> {finding.mend}")
