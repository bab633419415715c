"""Prints the reference of every command, as it stands in docs/cli.md; a test holds the two together.

python scripts/cli_reference.py --write
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gatepass.cli.program import root

DOCUMENT = Path(__file__).parents[1] / "docs" / "cli.md"
HEADING = "## Every command\n"


def reference() -> str:
    """The part of the document that is made from the commands themselves."""
    parts = [HEADING]
    for path, command in commands(root, ("gatepass",)):
        name = " ".join(path)
        context = click.Context(command, info_name=name, max_content_width=80, terminal_width=80)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"### {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, groups before what is in them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from commands(inner, (*path, name))


def main() -> None:
    """Print the reference, or with --write put it into the document."""
    if "--write" not in sys.argv:
        sys.stdout.write(reference())
        return
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(text[: text.index(HEADING)] + reference())


if __name__ == "__main__":
    main()
