"""How commands speak: output for programs and for people, prompts, and the words people type."""

from gatepass.cli.terminal.inputs import DURATION, read_secret
from gatepass.cli.terminal.output import Column, Output
from gatepass.cli.terminal.prompts import ask, confirm
from gatepass.cli.terminal.words import clean, moment

__all__ = ["DURATION", "Column", "Output", "ask", "clean", "confirm", "moment", "read_secret"]
