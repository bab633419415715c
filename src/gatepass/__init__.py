"""Gatepass: the credential layer between AI agents and everything that they touch."""

__all__ = ["__version__"]

__version__ = "0.1.0.dev0"
