"""Every connection that we open, through one guarded door."""

from gatepass.outbound.door import GuardedDoor
from gatepass.outbound.stdio import StdioServers

__all__ = ["GuardedDoor", "StdioServers"]
