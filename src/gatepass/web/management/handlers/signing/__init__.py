"""The issuer's signing keys over the management API: listed, rotated, withdrawn."""

from gatepass.web.management.handlers.signing.operations import OPERATIONS

__all__ = ["OPERATIONS"]
