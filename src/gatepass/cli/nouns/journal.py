"""`gatepass journal`: the record of everything, searched, joined, exported, and checked.

Checking needs to trust nobody: an export and a head that was kept elsewhere are checked here, line by line,
with the same code that the server uses, and no server is asked.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

import click

from gatepass import exact
from gatepass.access import Json
from gatepass.audit import Checkpoint, Report, Row, Verifier, read_checkpoint, read_line
from gatepass.cli.connection import connect, json_option, talking
from gatepass.cli.nouns.run import show_story
from gatepass.cli.terminal.inputs import INSTANT, read_text
from gatepass.cli.terminal.output import Column, Item, Output
from gatepass.cli.terminal.progress import counting
from gatepass.cli.terminal.words import moment, shown
from gatepass.client import Management
from gatepass.errors import Malformed

__all__ = ["journal"]

_LONGEST_LINE: Final = 1 << 20
_OFTEN: Final = 1_000
"""Lines between two movements of the progress bar."""


def _what(item: Item) -> str:
    """What an entry is about, in one column."""
    parts = [item.get("action"), item.get("resource"), item.get("subject")]
    code = item.get("code")
    if code is not None and code != "ok":
        parts.append(code)
    return " ".join(shown(part) for part in parts if part is not None) or "-"


_COLUMNS: Final = (
    Column("AT", lambda item: moment(item.get("at"))),
    Column.of("EVENT", "event"),
    Column.of("OUTCOME", "outcome"),
    Column("WHAT", _what),
)


@click.group()
def journal() -> None:
    """The record of everything."""


@journal.command("search")
@click.option("--credential", metavar="ID", help="Under this token, or about it.")
@click.option("--agent", metavar="NAME", help="By this agent.")
@click.option("--run", metavar="ID", help="In this run.")
@click.option("--decision", metavar="ID", help="The decision that an answer's Gatepass-Decision names.")
@click.option("--event", metavar="NAME", help="Of this kind, such as call.decided or token.revoked.")
@click.option("--outcome", type=click.Choice(["permit", "deny", "step_up"]), help="That came to this.")
@click.option("--since", type=INSTANT, help="Not before this instant, or this long ago: 2026-11-22T14:00:00Z, or 4h.")
@click.option("--until", type=INSTANT, help="Before this instant, or this long ago.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many entries.")
@click.option("--cursor", help="Go on where an earlier page ended.")
@talking
def search(api: Management, output: Output, /, *, limit: int, **filters: str | None) -> None:
    """Find entries, the newest first. Every filter that is given has to hold."""
    items, following = api.journal(limit=str(limit), **filters)
    output.items(items, _COLUMNS, empty="No entry is like that.", following=following)
    if following is not None:
        output.note(f"There is more: add --cursor {following}")


@journal.command("run")
@click.argument("run")
@talking
def run(api: Management, output: Output, /, *, run: str) -> None:
    """Tell what happened in one RUN: which tokens took part, and every call under them with its outcome."""
    show_story(output, api.run(run))


@journal.command("head")
@talking
def head(api: Management, output: Output, /) -> None:
    """Print where the journal stands. Keep it where its owner cannot reach it: gatepass journal head > head.txt."""
    answer = api.head()
    text = answer.get("text")
    if output.as_json or not isinstance(text, str):
        output.json(answer)
    else:
        output.text(text)


@journal.command("export")
@click.option("--file", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE instead of printing.")
@talking
def export(api: Management, output: Output, /, *, file: Path | None) -> None:
    """Print every entry as it is stored, one JSON line each, in order."""
    if file is None and sys.stdout.isatty():
        raise click.UsageError("an export does not belong on the screen; use --file FILE, or > FILE")
    written = 0
    with _target(file) as stream, api.export() as lines, counting("Exporting", _total(api)) as progress:
        for line in lines:
            stream.write(line + b"\n")
            written += 1
            progress(written)
    output.note(f"{written} entries.")


@journal.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="HEAD",
    type=click.Path(path_type=Path),
    help="A head that was kept, from gatepass journal head: finds what was cut off, too.",
)
@json_option
@click.pass_context
def verify(context: click.Context, *, file: Path | None, against: Path | None, as_json: bool) -> None:
    """Check the journal, or with FILE an export of it, without asking any server. Exits 1 if anything is wrong.

    Names each entry that was changed, dropped, moved or put in, and with --against a head those that were cut off.
    """
    output = Output(as_json)
    kept = None if against is None else _kept(against)
    if file is not None:
        told = _told(_check_file(file, kept))
    else:
        with connect(timeout=600.0) as transport:
            api = Management(transport)
            told = api.verify() if kept is None else _told(_check_stream(api, kept))
    context.exit(_tell(output, told, against=against))


def _kept(path: Path) -> Checkpoint:
    """A head as `journal head` prints it, or with --json."""
    text = read_text(path)
    try:
        if text.startswith("{"):
            told = exact.read(text)
            text = str(told.get("text")) if isinstance(told, Mapping) else ""
        return read_checkpoint(text)
    except Malformed as error:
        raise Malformed(error.code, f"`{path}`: {error.message}", hint=error.hint) from None


def _check_file(path: Path, kept: Checkpoint | None) -> Report:
    try:
        with path.open("rb") as stream, counting("Checking", path.stat().st_size) as progress:
            return _check(_rows(path, stream, lambda: progress(stream.tell())), kept)
    except OSError as error:
        raise click.UsageError(f"`{path}` cannot be read: {error.strerror}") from None


def _check_stream(api: Management, kept: Checkpoint) -> Report:
    with api.export() as lines, counting("Checking", _total(api)) as progress:
        counted = ((read_line(line + b"\n"), progress(number)) for number, line in enumerate(lines, start=1))
        return _check((row for row, _ in counted), kept)


def _check(rows: Iterable[Row], kept: Checkpoint | None) -> Report:
    verifier = Verifier(() if kept is None else kept.heads)
    verifier.see(rows)
    return verifier.finish()


def _rows(path: Path, stream: BinaryIO, seen: Callable[[], None]) -> Iterator[Row]:
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        try:
            yield read_line(line)
        except Malformed:
            raise Malformed(
                "malformed_json",
                f"`{path}` line {number} is not a line of an exported journal",
                hint="The file was changed, cut off in the middle of a line, or is something else.",
            ) from None
        if number % _OFTEN == 0:
            seen()


def _told(report: Report) -> Mapping[str, Json]:
    """A report as the API tells it."""
    head = report.head
    return {
        "entries": Decimal(report.entries),
        "intact": report.intact,
        "faults": tuple(
            {"kind": fault.kind.value, "first": Decimal(fault.first), "last": Decimal(fault.last), "says": str(fault)}
            for fault in report.faults
        ),
        "unnamed": Decimal(report.unnamed),
        "head": None if head is None else {"writer": head.writer, "seq": Decimal(head.seq), "hash": head.hash.hex()},
    }


def _tell(output: Output, told: Item, *, against: Path | None) -> int:
    intact = told.get("intact") is True
    if output.as_json:
        output.json(told)
        return int(not intact)
    faults = told.get("faults")
    for fault in faults if isinstance(faults, tuple) else ():
        output.line(shown(fault.get("says")) if isinstance(fault, Mapping) else shown(fault))
    if told.get("unnamed"):
        output.line(f"and {shown(told.get('unnamed'))} more faults")
    if intact:
        output.line(f"{shown(told.get('entries'))} entries, nothing changed, dropped, moved or put in")
        if against is None:
            output.note("What was cut off at the end shows only --against a head that was kept: gatepass journal head")
    else:
        output.note(
            "gatepass: error: the journal is broken",
            "gatepass: hint: Keep this copy as it is, and compare it with an earlier export.",
        )
    return int(not intact)


def _total(api: Management) -> int | None:
    """How many entries there are, for the progress bar."""
    entries = api.head().get("seq")
    return int(entries) if isinstance(entries, Decimal) else None


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a new file, closed to others, that appears under its name only when it is whole."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise _unwritable(file, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        Path(partial).replace(file)
    except OSError as error:
        raise _unwritable(file, error) from None
    finally:
        Path(partial).unlink(missing_ok=True)


def _unwritable(file: Path, error: OSError) -> click.UsageError:
    return click.UsageError(f"`{file}` cannot be written: {error.strerror}")
