"""Commands load when they are called: one table of dotted names, so that `gatepass --help` imports none of them.

The short help stands in the table too, because asking a command for its own would import it. A test resolves
every name and holds the two texts together.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import click

__all__ = ["COMMANDS", "LazyGroup", "LendingGroup", "find"]

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "up": ("gatepass.cli.up:up", "Start Gatepass: one process, nothing else to install."),
    "demo": ("gatepass.cli.demo.command:demo", "Show the whole story on real parts."),
    "doctor": ("gatepass.cli.doctor:doctor", "Say what is wrong, and the command that mends it."),
    "recover": (
        "gatepass.cli.machine.recover:recover",
        "Set a new password for the admin NAME, on the server's machine.",
    ),
    "status": ("gatepass.cli.session:status", "Show the server, its custody, and who you are to it."),
    "login": ("gatepass.cli.session:login", "Sign in for this shell."),
    "logout": ("gatepass.cli.session:logout", "End the session of this shell."),
    "person": ("gatepass.cli.nouns.person:person", "People who own agents and tokens."),
    "agent": ("gatepass.cli.nouns.agent:agent", "Machine identities, each in one role."),
    "role": ("gatepass.cli.nouns.role:role", "What agents may do at most, live."),
    "trust": ("gatepass.cli.nouns.trust:trust", "Whose word about agents is taken beside our own."),
    "token": ("gatepass.cli.nouns.token:token", "What agents carry instead of the real keys."),
    "capability": (
        "gatepass.cli.capability:capability",
        "Capabilities: narrowed, sealed and handed on with no server.",
    ),
    "upstream": ("gatepass.cli.nouns.upstream:upstream", "The systems behind the gateway."),
    "secret": ("gatepass.cli.nouns.secret:secret", "The real keys, in custody."),
    "apply": ("gatepass.cli.files.commands:apply", "Make agents, roles and upstreams what the files in FOLDER say."),
    "export": ("gatepass.cli.files.commands:export", "Write agents, roles and upstreams as files into FOLDER."),
    "schema": (
        "gatepass.cli.files.commands:schema",
        "Print the JSON schema of files, for editors.",
    ),
    "key": ("gatepass.cli.keys.commands:key", "The issuer's signing keys."),
    "run": ("gatepass.cli.nouns.run:run", "One task of one agent, from its start to its end."),
    "journal": ("gatepass.cli.nouns.journal:journal", "The record of everything."),
    "revoke": ("gatepass.cli.revoke:revoke", "Withdraw a TOKEN, or everything of an agent, a person, or all."),
}
"""Name, where it is, and its short help, in the order of the help page."""


def find(dotted: str) -> Any:  # noqa: ANN401 - whatever stands there
    """What `package.module:name` names."""
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


class LazyGroup(click.Group):
    """The root command: its help page is made from the table alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command = find(COMMANDS[cmd_name][0])
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name from the table when there is none of that name."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands on the help page."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


class LendingGroup(click.Group):
    """A group with commands that live elsewhere and load when they are called."""

    lent: Mapping[str, str] = MappingProxyType({"narrow": "gatepass.cli.capability.commands:narrow_command"})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Its own, and those that are lent to it."""
        return sorted({*super().list_commands(ctx), *self.lent})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; a lent one is imported now."""
        if cmd_name not in self.lent:
            return super().get_command(ctx, cmd_name)
        command = find(self.lent[cmd_name])
        return command if isinstance(command, click.Command) else None
