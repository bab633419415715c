"""How a command reaches the server: GATEPASS_URL and GATEPASS_TOKEN, and nothing else.

No file is looked at and no session is kept: whoever may do something has a token in this shell's environment,
put there by `eval "$(gatepass login)"`. See docs/adr/0080.
"""

import functools
import os
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click

from gatepass.cli.terminal.output import Output
from gatepass.client import DEFAULT_URL, Management, Transport

__all__ = ["connect", "json_option", "talking"]

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds between two pieces of an answer."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value for programs.")


def connect(*, timeout: float = _PATIENCE, token: bool = True) -> Transport:
    """A connection to the server that the environment names."""
    return Transport(
        os.environ.get("GATEPASS_URL") or DEFAULT_URL,
        (os.environ.get("GATEPASS_TOKEN") or None) if token else None,
        timeout=timeout,
        unsafe_http=os.environ.get("GATEPASS_UNSAFE_HTTP") == "1",
    )


def talking(command: Callable[Concatenate[Management, Output, P], T]) -> Callable[..., T]:
    """Give a command the management API and a place to speak, and the option `--json`."""

    @json_option
    @click.pass_context
    @functools.wraps(command)
    def wrapper(context: click.Context, /, *args: Any, as_json: bool, **kwargs: Any) -> T:  # noqa: ANN401 - click's
        transport = context.with_resource(connect())
        return command(Management(transport), Output(as_json), *args, **kwargs)

    return wrapper
