"""`gatepass up`: one process, nothing else to install. Says where it listens, who is kept out, and what to do next.

The one-time sign-in code appears here and nowhere else: whoever sees this terminal is the person who started it.
In the link to the console it is the fragment, which a browser keeps to itself: opening the link spends nothing.
Everything that is announced, and the log, goes to standard error; with --json the announcement is one line on
standard output, and the log is lines of JSON.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import structlog

from gatepass.access import Json
from gatepass.cli.connection import json_option
from gatepass.cli.terminal.output import Output
from gatepass.cli.terminal.words import moment
from gatepass.client import DEFAULT_URL
from gatepass.server import Started, serve
from gatepass.settings import Settings, load

__all__ = ["up"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.  [env: GATEPASS_HOME]")
@click.option("--config", type=click.Path(path_type=Path), help="The settings file.  [env: GATEPASS_CONFIG]")
@click.option("--host", help="The address to listen on, in the place of server.host.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen on, in the place of server.port.")
@json_option
def up(*, data: Path | None, config: Path | None, host: str | None, port: int | None, as_json: bool) -> None:
    """Start Gatepass: one process, nothing else to install.

    Runs until it is interrupted. Settings are in docs/settings.md; none is needed.
    """
    options: dict[tuple[str, ...], object] = {}
    if host is not None:
        options["server", "host"] = host
    if port is not None:
        options["server", "port"] = port
    settings = load(os.environ, config=config, data=data, options=options)
    _log_to_standard_error(as_json=as_json)
    output = Output(as_json)
    serve(settings, lambda started: _announce(output, settings, started))
    output.note("Stopped.")


def _announce(output: Output, settings: Settings, started: Started) -> None:
    if output.as_json:
        output.json(_told(started))
        sys.stdout.flush()
        return
    elsewhere = started.people_url != DEFAULT_URL
    output.note(
        f"Gatepass {started.version} is up, with its data in {started.data}",
        f"  agents   {started.agents_url}/u/UPSTREAM/... and {started.agents_url}/mcp/UPSTREAM",
        f"  people   {started.people_url}/console",
        f"  custody  {'protected' if started.custody_protected else 'NOT protected'}: {started.custody}",
    )
    if settings.server.host not in _LOOPBACK:
        output.note(f"  network  {settings.server.host} is open to other machines, without TLS: put TLS in front of it")
    if started.code is not None:
        output.note("", "Sign in in a browser:", f"  {_link(started)}")
    output.note("", "Or in another terminal:" if started.code else "In another terminal:")
    if elsewhere:
        output.note(f"  export GATEPASS_URL={started.people_url}")
    if started.code is None:
        output.note('  eval "$(gatepass login --person NAME)"')
    else:
        until = moment(_instant(started.code_expires), datetime.now(UTC))
        output.note('  eval "$(gatepass login)"', "", f"One-time code for {started.person}: {started.code}")
        output.note(f"Good once, here or there, until {until}. Then set a password.")
    output.note("", "Stop it with Ctrl-C.")


def _link(started: Started) -> str | None:
    """The console, with the code where no request carries it; None where there is no code."""
    return None if started.code is None else f"{started.people_url}/console/sign-in#{started.code}"


def _told(started: Started) -> dict[str, Json]:
    return {
        "agents_url": started.agents_url,
        "people_url": started.people_url,
        "data": str(started.data),
        "person": started.person,
        "console_url": f"{started.people_url}/console",
        "sign_in_url": _link(started),
        "sign_in_code": started.code,
        "sign_in_code_expires_at": _instant(started.code_expires),
        "custody_protected": started.custody_protected,
        "custody": started.custody,
        "version": started.version,
    }


def _instant(milliseconds: int | None) -> str | None:
    """RFC 3339, as the API has it."""
    if milliseconds is None:
        return None
    at = datetime.fromtimestamp(milliseconds / 1_000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _log_to_standard_error(*, as_json: bool) -> None:
    lines = structlog.processors.JSONRenderer()
    words = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lines if as_json else words,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
