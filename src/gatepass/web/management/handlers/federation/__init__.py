"""Whom we believe, over the API: trust rules and what they would say, and agents' own keys."""

from gatepass.web.management.handlers.federation import keys, trust

__all__ = ["OPERATIONS"]

OPERATIONS = (*trust.OPERATIONS, *keys.OPERATIONS)
