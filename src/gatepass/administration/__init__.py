"""What people manage: agents, roles, upstreams, secrets, credentials; the policy administration point."""

from gatepass.administration.operators import Act, Operator
from gatepass.administration.store import Record, Records, Store

__all__ = ["Act", "Operator", "Record", "Records", "Store"]
