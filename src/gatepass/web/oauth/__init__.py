"""The issuer's endpoints: forms in, OAuth's own answers out."""

from gatepass.web.oauth.answers import json_reply, refusal_of
from gatepass.web.oauth.forms import Parameters, read_parameters
from gatepass.web.oauth.router import Document, Endpoint, OAuth, Posted

__all__ = [
    "Document",
    "Endpoint",
    "OAuth",
    "Parameters",
    "Posted",
    "json_reply",
    "read_parameters",
    "refusal_of",
]
