"""The token service: who may have which credential, for how long."""

from gatepass.issuer.clients import Client
from gatepass.issuer.granting import (
    CAPABILITY,
    METHOD,
    Authenticate,
    ByAssertion,
    ByCertificate,
    Grant,
    Issuance,
    TokenRequest,
    TokenService,
)
from gatepass.issuer.places import McpPlace, Places, RestPlace
from gatepass.issuer.published import Published
from gatepass.issuer.world import World

__all__ = [
    "CAPABILITY",
    "METHOD",
    "Authenticate",
    "ByAssertion",
    "ByCertificate",
    "Client",
    "Grant",
    "Issuance",
    "McpPlace",
    "Places",
    "Published",
    "RestPlace",
    "TokenRequest",
    "TokenService",
    "World",
]
