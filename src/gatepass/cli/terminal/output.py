"""Data for programs goes to standard output, everything for people to standard error.

A command shows its result through one `Output`, which knows whether a program asked (`--json`: one JSON value
on one line, keys sorted, exact numbers, and silence on standard error) or a person did (a table, or a list of
what a thing has). Tables are drawn with rich on a terminal and plainly everywhere else.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import click

from gatepass.access import Json
from gatepass.cli.lazy import find
from gatepass.cli.terminal.words import clean, shown, visible_json

__all__ = ["Column", "Item", "Output", "decorated"]

Item: TypeAlias = Mapping[str, Json]

_DRAWING: Final = "gatepass.cli.terminal.drawing:draw"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its title, and what it shows of an item."""

    title: str
    show: Callable[[Item], str]

    @classmethod
    def of(cls, title: str, member: str) -> "Column":
        """The column that shows one member."""
        return cls(title, lambda item: shown(item.get(member)))


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command says what it has to say."""

    as_json: bool = False

    def json(self, value: Json) -> None:
        """One value on one line of standard output."""
        click.echo(visible_json(value))

    def line(self, text: str) -> None:
        """A result for whoever reads standard output, a program or a person."""
        click.echo(clean(text))

    def text(self, text: str) -> None:
        """Text of many lines, such as a file that is stored; its line ends stay."""
        for line in text.splitlines():
            click.echo(clean(line))

    def marked(self, text: str, colour: str | None) -> None:
        """A line that is coloured where somebody sees it."""
        said = clean(text)
        click.echo(click.style(said, fg=colour) if colour and decorated() else said)

    def note(self, *lines: str) -> None:
        """What a person should know; nothing with `--json`."""
        if not self.as_json:
            for line in lines:
                click.echo(clean(line), err=True)

    def items(self, items: Sequence[Item], columns: Sequence[Column], *, empty: str, following: Json = None) -> None:
        """A list. `empty` says what to do when there is nothing, `following` where the rest begins."""
        if self.as_json:
            self.json({"items": tuple(items), "next": following})
        elif not items:
            self.note(empty)
        else:
            self.table([column.title for column in columns], [[c.show(item) for c in columns] for item in items])

    def thing(self, item: Item, rows: Iterable[tuple[str, str]]) -> None:
        """One thing: `rows` are what a person sees of it."""
        if self.as_json:
            self.json(item)
            return
        pairs = list(rows)
        width = max((len(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            first, *rest = value.split("\n")
            click.echo(f"{clean(name):<{width}}  {clean(first)}".rstrip())
            for line in rest:
                click.echo(f"{'':<{width}}  {clean(line)}")

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows of text under titles."""
        if decorated():
            find(_DRAWING)(titles, rows)
            return
        widths = [max(len(row[place]) for row in (titles, *rows)) for place in range(len(titles))]
        for row in (titles, *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            click.echo("  ".join(cells).rstrip())


def decorated() -> bool:
    """Whether standard output is a terminal that wants more than plain text."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
