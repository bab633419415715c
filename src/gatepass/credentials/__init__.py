"""The shapes that carry an authority: API token, access token, capability; proofs of possession."""

from gatepass.credentials.ids import Ahead, new_id
from gatepass.credentials.lifetime import Life, check_holder, life
from gatepass.credentials.records import IssuedRecord, Rate, TokenKind, TokenLimits, TokenRecord, WithdrawnLink
from gatepass.credentials.rotation import Rotation, line, refusal, revoke, rotate
from gatepass.credentials.tokens import PATTERN, IssuedToken, UnverifiedToken, issue, issue_text

__all__ = [
    "PATTERN",
    "Ahead",
    "IssuedRecord",
    "IssuedToken",
    "Life",
    "Rate",
    "Rotation",
    "TokenKind",
    "TokenLimits",
    "TokenRecord",
    "UnverifiedToken",
    "WithdrawnLink",
    "check_holder",
    "issue",
    "issue_text",
    "life",
    "line",
    "new_id",
    "refusal",
    "revoke",
    "rotate",
]
