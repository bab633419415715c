"""Access tokens: JWTs of minutes (RFC 9068) that carry an authority in the notations of OAuth."""

from gatepass.credentials.access_tokens.claims import AccessToken, Actor, AgentClaims, Confirmation, StatusPlace
from gatepass.credentials.access_tokens.verifying import AccessTokens, Signed, SignedTokens, UnprovenToken, meant

__all__ = [
    "AccessToken",
    "AccessTokens",
    "Actor",
    "AgentClaims",
    "Confirmation",
    "Signed",
    "SignedTokens",
    "StatusPlace",
    "UnprovenToken",
    "meant",
]
