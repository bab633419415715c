"""The token service: who may have which credential, for how long."""

from gatepass.issuer.clients import Client
from gatepass.issuer.places import McpPlace, Places, RestPlace

__all__ = ["Client", "McpPlace", "Places", "RestPlace"]
