"""The decision point: authority, roles and policy files in; one explained decision out."""

from gatepass.policy.deciding import decide, may
from gatepass.policy.roles import RolePolicy

__all__ = ["RolePolicy", "decide", "may"]
