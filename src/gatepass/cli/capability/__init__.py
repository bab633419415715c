"""Capabilities in their holder's hands: shown in words, narrowed, sealed and handed on, with no server."""

from gatepass.cli.capability.commands import capability

__all__ = ["capability"]
