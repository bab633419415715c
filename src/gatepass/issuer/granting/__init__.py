"""One request for a token, from who asks to what goes out."""

from gatepass.issuer.granting.assertions import ByAssertion
from gatepass.issuer.granting.authenticating import Authenticate, Grant
from gatepass.issuer.granting.certificates import METHOD, ByCertificate
from gatepass.issuer.granting.requests import COMPOSED, TokenRequest
from gatepass.issuer.granting.signing import CAPABILITY
from gatepass.issuer.granting.tokens import EXCHANGE, TokenService
from gatepass.issuer.issuance import Book, Issuance

__all__ = [
    "CAPABILITY",
    "COMPOSED",
    "EXCHANGE",
    "METHOD",
    "Authenticate",
    "Book",
    "ByAssertion",
    "ByCertificate",
    "Grant",
    "Issuance",
    "TokenRequest",
    "TokenService",
]
