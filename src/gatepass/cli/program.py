"""The root command, and how every command ends.

Exit codes: 0 done, 1 refused or found something, 2 usage, 130 interrupted. An error is two lines on standard
error, `gatepass: error: …` and `gatepass: hint: …`, or with `--json` one JSON object. A defect of ours says so
without a traceback, which could show what was typed; GATEPASS_TRACEBACK=1 shows it.
"""

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import click

from gatepass import __version__
from gatepass.access import Json
from gatepass.cli.lazy import LazyGroup
from gatepass.cli.terminal.words import clean, visible_json
from gatepass.errors import Error, LimitExceeded

__all__ = ["main", "root"]

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

_SIGN_IN: Final = 'Sign in for this shell first: eval "$(gatepass login)"'
_HINTS: Final[Mapping[str, str]] = {
    "credential_missing": _SIGN_IN,
    "credential_invalid": f"GATEPASS_TOKEN is unknown, expired or withdrawn. {_SIGN_IN}",
    "reauthentication_required": 'Sign in again: eval "$(gatepass login)"',
    "person_required": _SIGN_IN,
}
"""What to do at a command line, where the server's own hint speaks to whoever writes HTTP."""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Environment: GATEPASS_URL, GATEPASS_TOKEN, GATEPASS_CONFIG, GATEPASS_HOME. Every command takes --json.",
)
@click.version_option(__version__, prog_name="gatepass", message="%(prog)s %(version)s")
def root() -> None:
    """Narrow, short-lived, revocable passes for agents, in front of the real keys."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Never raises."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_print(stream)
    as_json = "--json" in itertools.takewhile(lambda argument: argument != "--", arguments)
    try:
        return _run(arguments, as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _run(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        code = root.main(list(arguments), prog_name="gatepass", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        return _show_help(error, as_json=as_json)
    except click.ClickException as error:
        _complain("usage", *_usage(error), as_json=as_json)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted", "interrupted", "Nothing more was done.", as_json=as_json)
        return INTERRUPTED
    except Error as error:
        _complain(error.code, error.message, _hint(error), details=_details(error), as_json=as_json)
        return REFUSED
    except BrokenPipeError:
        raise
    except Exception as error:  # our own defects: what they say may hold what was typed
        if os.environ.get("GATEPASS_TRACEBACK"):
            raise
        hint = "This is a defect: run it again with GATEPASS_TRACEBACK=1 and report what it shows."
        _complain("internal", f"unexpected {type(error).__name__}", hint, as_json=as_json)
        return REFUSED
    return code if isinstance(code, int) else DONE


def _show_help(error: click.exceptions.NoArgsIsHelpError, *, as_json: bool) -> int:
    """A group without a command was meant as a question, and is no command."""
    if as_json:
        _complain("usage", "the command is missing", "Run it with --help.", as_json=True)
    else:
        click.echo(error.format_message(), err=True)
    return USAGE


def _usage(error: click.ClickException) -> tuple[str, str]:
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message().rstrip(".")
    return message[:1].lower() + message[1:], f"Run `{context.command_path if context else 'gatepass'} --help`."


def _hint(error: Error) -> str:
    return _HINTS.get(error.code, error.hint)


def _details(error: Error) -> Mapping[str, str]:
    if isinstance(error, LimitExceeded) and error.retry_after is not None:
        return {**error.details, "retry_after": str(error.retry_after)}
    return error.details


def _complain(code: str, message: str, hint: str, *, details: Mapping[str, str] | None = None, as_json: bool) -> None:
    if as_json:
        said: dict[str, Json] = {**(details or {}), "code": code, "message": message, "hint": hint}
        click.echo(visible_json({"error": said}), err=True)
        return
    click.echo(f"gatepass: error: {clean(message)}", err=True)
    if hint:
        click.echo(f"gatepass: hint: {clean(hint)}", err=True)


def _never_fail_to_print(stream: object) -> None:
    """A name that the terminal's encoding lacks is shown as an escape instead of stopping the command."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
