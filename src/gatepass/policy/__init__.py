"""The decision point: authority, roles and policy files in; one explained decision out."""

from gatepass.policy.deciding import decide, may
from gatepass.policy.roles import Bearers, RolePolicy

__all__ = ["Bearers", "RolePolicy", "decide", "may"]
