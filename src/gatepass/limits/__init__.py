"""Rates and budgets as pure functions over stored state; reserve, settle, release."""

from gatepass.limits.account import allot, left
from gatepass.limits.amounts import Counted, Key, counted_of
from gatepass.limits.headers import rate_limit_fields, retry_after_seconds
from gatepass.limits.ledger import Drawn, Exhausted, Ledger, Level
from gatepass.limits.spent import Spent, restored, spent_by
from gatepass.limits.steady import Steady
from gatepass.limits.token_meters import attempts, drawn_by_call

__all__ = [
    "Counted",
    "Drawn",
    "Exhausted",
    "Key",
    "Ledger",
    "Level",
    "Spent",
    "Steady",
    "allot",
    "attempts",
    "counted_of",
    "drawn_by_call",
    "left",
    "rate_limit_fields",
    "restored",
    "retry_after_seconds",
    "spent_by",
]
