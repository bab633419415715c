"""The issuer's endpoints: forms in, OAuth's own answers out."""

from gatepass.web.oauth.answers import json_reply, refusal_of
from gatepass.web.oauth.documents import documents_of
from gatepass.web.oauth.forms import Parameters, read_parameters
from gatepass.web.oauth.router import Document, Endpoint, OAuth, Posted
from gatepass.web.oauth.token import token_endpoint

__all__ = [
    "Document",
    "Endpoint",
    "OAuth",
    "Parameters",
    "Posted",
    "documents_of",
    "json_reply",
    "read_parameters",
    "refusal_of",
    "token_endpoint",
]
