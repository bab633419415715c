"""The command line, one module a noun."""

from gatepass.cli.program import main

__all__ = ["main"]
