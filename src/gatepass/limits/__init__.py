"""Rates and budgets as pure functions over stored state; reserve, settle, release."""

from gatepass.limits.ledger import Drawn, Exhausted, Ledger, Level

__all__ = ["Drawn", "Exhausted", "Ledger", "Level"]
