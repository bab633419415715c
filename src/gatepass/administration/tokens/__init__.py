"""Tokens: issuing, changing, rotating, revoking, and what each can reach."""

from gatepass.administration.tokens.issuing import Issued, Issuing, TokenForm
from gatepass.administration.tokens.revoking import Revoking
from gatepass.administration.tokens.terms import AgentLimitChanges, LimitChanges

__all__ = ["AgentLimitChanges", "Issued", "Issuing", "LimitChanges", "Revoking", "TokenForm"]
