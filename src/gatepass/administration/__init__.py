"""What people manage: agents, roles, upstreams, secrets, credentials; the policy administration point."""

from gatepass.administration.operators import Act, Operator
from gatepass.administration.store import KeptSecret, Record, Records, Store

__all__ = ["Act", "KeptSecret", "Operator", "Record", "Records", "Store"]
