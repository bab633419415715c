"""HTTP/1.1 as a server speaks it who trusts nobody: bounded heads, bodies at their pace, answers whole or cut."""

from gatepass.web.http.connection import Connection, House
from gatepass.web.http.turn import Turn

__all__ = ["Connection", "House", "Turn"]
