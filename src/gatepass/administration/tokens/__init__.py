"""Tokens: issuing, changing, rotating, revoking, and what each can reach."""

from gatepass.administration.tokens.issuing import NEW_RUN, Issued, Issuing, TokenForm
from gatepass.administration.tokens.revoking import Revoking
from gatepass.administration.tokens.terms import LimitChanges

__all__ = ["NEW_RUN", "Issued", "Issuing", "LimitChanges", "Revoking", "TokenForm"]
