"""What may be done to which resources: patterns, limits, permissions, and their text and JSON forms."""

from gatepass.authority.scopes.details import from_details, scopes_from_details, to_details
from gatepass.authority.scopes.notation import Limit
from gatepass.authority.scopes.patterns import Pattern
from gatepass.authority.scopes.permissions import Permission, Scope

__all__ = ["Limit", "Pattern", "Permission", "Scope", "from_details", "scopes_from_details", "to_details"]
