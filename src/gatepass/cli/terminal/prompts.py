"""Questions to a person at a terminal. Without a terminal nothing is asked: the flag that answers is named.

What is typed in answer to a question about a secret is not shown. Questions go to standard error, so that
`eval "$(gatepass login)"` can ask.
"""

import sys

import click

__all__ = ["ask", "confirm"]


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, instead: str) -> str:
    """Ask for something secret. `instead` is how to say it without a terminal."""
    if not _interactive():
        raise click.UsageError(f"no terminal to ask for the {question[:1].lower()}{question[1:]} at; use {instead}")
    answer: str = click.prompt(question, hide_input=True, err=True)
    return answer.strip()


def confirm(question: str, *, yes: bool) -> None:
    """Go on if the person says yes, or said so before with `--yes`. Otherwise stop, having done nothing."""
    if yes:
        return
    if not _interactive():
        raise click.UsageError("no terminal to ask at whether you are sure; use --yes")
    if not click.confirm(question, err=True):
        raise click.Abort
