"""What an agent's code imports: its key, a pass for each call, and the calls that carry both."""

from gatepass.client.holding.calling import Calls, headers_for
from gatepass.client.holding.identity import ApiToken, Delegated, Identity, SignedAssertion, Workload
from gatepass.client.holding.issuing import Issuer
from gatepass.client.holding.keys import HolderKey, make_key, new_key, read_key
from gatepass.client.holding.wanted import Pass, Wanted

__all__ = [
    "ApiToken",
    "Calls",
    "Delegated",
    "HolderKey",
    "Identity",
    "Issuer",
    "Pass",
    "SignedAssertion",
    "Wanted",
    "Workload",
    "headers_for",
    "make_key",
    "new_key",
    "read_key",
]
