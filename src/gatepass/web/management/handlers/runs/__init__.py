"""Runs over the management API: opened for an agent, listed, shown, ended."""

from gatepass.web.management.handlers.runs.operations import OPERATIONS

__all__ = ["OPERATIONS"]
