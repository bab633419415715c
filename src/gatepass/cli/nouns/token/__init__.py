"""Tokens: making them, taking them away, and saying what they can do."""

from gatepass.cli.nouns.token.commands import token

__all__ = ["token"]
