"""Pages for people."""

from gatepass.console.application import Console

__all__ = ["Console"]
