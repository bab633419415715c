"""The words people type: spans of time, rates, and secrets, which come from standard input or a file.

A secret is never an argument: arguments are in the shell's history and in everybody's list of processes.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import click

from gatepass.cli.terminal.prompts import ask
from gatepass.errors import Malformed
from gatepass.units import instant_text, parse_duration, parse_instant

__all__ = ["DEADLINE", "DURATION", "INSTANT", "read_secret", "read_text", "whole_seconds"]

_MOST_BYTES: Final = 1 << 16
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9000


class _Duration(click.ParamType[int]):
    """`10m`, `4h`, `7d` as whole milliseconds."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """What was typed, or a usage error that says what to type."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration(str(value))
        except Malformed as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


class _Instant(click.ParamType[str]):
    """An RFC 3339 instant, or how long ago it was, as RFC 3339 in UTC."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """What was typed, or a usage error that says what to type."""
        text = str(value)
        try:
            at = datetime.now(UTC) - timedelta(milliseconds=parse_duration(text))
        except Malformed:
            try:
                at = datetime.fromisoformat(text)
            except ValueError:
                at = None
        if at is None or at.tzinfo is None or not _FIRST_YEAR < at.year < _LAST_YEAR:
            self.fail(f"`{text}` is not an instant. Write 2026-11-22T14:00:00Z, or 4h for four hours ago.", param, ctx)
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Deadline(click.ParamType[str]):
    """An RFC 3339 instant, or how far ahead it is, as RFC 3339 in UTC."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """What was typed, or a usage error that says what to type."""
        text = str(value)
        try:
            return instant_text(time.time_ns() // 1_000_000 + parse_duration(text))
        except Malformed:
            pass
        try:
            return instant_text(parse_instant(text))
        except (ValueError, OverflowError):
            self.fail(f"`{text}` is not an instant. Write 2026-12-01T00:00:00Z, or 7d for in seven days.", param, ctx)


DEADLINE: Final = _Deadline()
DURATION: Final = _Duration()
INSTANT: Final = _Instant()


def read_secret(what: str, file: str | None, *, flag: str) -> str:
    """A secret: from `file` (`-` is standard input), else from what is piped in, else asked for.

    One trailing end of line is not part of it, because files and `echo` end with one.
    """
    if file is None and sys.stdin.isatty():
        return ask(what, instead=f"{flag} FILE")
    content = sys.stdin.buffer.read(_MOST_BYTES + 1) if file in {None, "-"} else _bytes(Path(file or ""), _MOST_BYTES)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"the {what.lower()} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if len(content) > _MOST_BYTES:
        raise click.UsageError(f"the {what.lower()} is longer than {_MOST_BYTES} bytes")
    if not text:
        raise click.UsageError(f"the {what.lower()} is empty; pipe it in, or use {flag} FILE")
    return text


def read_text(path: Path, most: int = 1 << 20) -> str:
    """The text of a file that a command was pointed to, or a usage error that names it."""
    content = _bytes(path, most)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise click.UsageError(f"`{path}` line {line}: expected UTF-8") from None


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise click.UsageError(f"`{path}` cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise click.UsageError(f"`{path}` is larger than {most} bytes")
    return content


def whole_seconds(milliseconds: int | None, flag: str) -> Decimal | None:
    """A span of time as the management API takes it."""
    if milliseconds is None:
        return None
    if milliseconds % 1_000:
        raise click.UsageError(f"{flag} takes whole seconds")
    return Decimal(milliseconds // 1_000)
