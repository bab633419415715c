"""The issuer's endpoints: forms in, OAuth's own answers out."""

from gatepass.web.oauth.answers import json_reply, refusal_of
from gatepass.web.oauth.documents import documents_of
from gatepass.web.oauth.forms import Parameters, read_parameters
from gatepass.web.oauth.router import Document, Endpoint, OAuth, Posted
from gatepass.web.oauth.runs import run_ending, run_opening
from gatepass.web.oauth.standing import introspection_endpoint, revocation_endpoint
from gatepass.web.oauth.status import list_of_lists, status_list
from gatepass.web.oauth.token import authenticating, token_endpoint

__all__ = [
    "Document",
    "Endpoint",
    "OAuth",
    "Parameters",
    "Posted",
    "authenticating",
    "documents_of",
    "introspection_endpoint",
    "json_reply",
    "list_of_lists",
    "read_parameters",
    "refusal_of",
    "revocation_endpoint",
    "run_ending",
    "run_opening",
    "status_list",
    "token_endpoint",
]
