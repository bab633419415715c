"""Tokens: issuing, changing, rotating, revoking, and what each can reach."""

from gatepass.administration.tokens.access import AccessTokens
from gatepass.administration.tokens.issuing import Issued, Issuing, TokenForm
from gatepass.administration.tokens.revoking import Revoking
from gatepass.administration.tokens.terms import AgentLimitChanges, LimitChanges

__all__ = ["AccessTokens", "AgentLimitChanges", "Issued", "Issuing", "LimitChanges", "Revoking", "TokenForm"]
