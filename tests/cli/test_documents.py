"""The references are what the program says of itself: every command with its help, every setting with its default."""

import re

import pytest
from scripts import cli_reference, settings_reference

from gatepass.cli.program import root

COMMANDS = [" ".join(path) for path, _ in cli_reference.commands(root, ("gatepass",))]


def test_the_commands_are_documented_as_they_are() -> None:
    text = cli_reference.DOCUMENT.read_text()
    assert text.endswith(cli_reference.reference()), "run: python scripts/cli_reference.py --write"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_place(command: str) -> None:
    assert re.search(f"^### {re.escape(command)}$", cli_reference.DOCUMENT.read_text(), re.MULTILINE)


def test_the_settings_are_documented_as_they_are() -> None:
    text = settings_reference.DOCUMENT.read_text()
    assert text.endswith(settings_reference.reference()), "run: python scripts/settings_reference.py --write"


def test_every_setting_has_a_sentence() -> None:
    for name, field in settings_reference.settings():
        assert field.description, name
        assert field.description.endswith("."), name
