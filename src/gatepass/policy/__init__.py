"""The decision point: authority, roles and policy files in; one explained decision out."""

from gatepass.policy.deciding import decide, may
from gatepass.policy.issuing import LONGEST, Bounds, Granted, Wanted, Wish, narrowest
from gatepass.policy.roles import Bearers, RolePolicy

__all__ = ["LONGEST", "Bearers", "Bounds", "Granted", "RolePolicy", "Wanted", "Wish", "decide", "may", "narrowest"]
