"""What stands where sockets stand otherwise: applications, tools and clients in one process."""

from gatepass.testing.traffic.asgi import Application
from gatepass.testing.traffic.door import LocalDoor
from gatepass.testing.traffic.functions import Answer, Seen
from gatepass.testing.traffic.loop import LoopThread
from gatepass.testing.traffic.tools import LocalServers, ToolCall
from gatepass.testing.traffic.transport import InProcess

__all__ = ["Answer", "Application", "InProcess", "LocalDoor", "LocalServers", "LoopThread", "Seen", "ToolCall"]
