"""The issuer's signing keys: made, sealed, published before they sign, retired after, withdrawn at once."""

from gatepass.keys.issuing.custody import IssuerKeys
from gatepass.keys.issuing.records import OVERLAP, IssuerKey, KeyState
from gatepass.keys.issuing.schedule import promoted, scheduled, signing_now

__all__ = ["OVERLAP", "IssuerKey", "IssuerKeys", "KeyState", "promoted", "scheduled", "signing_now"]
