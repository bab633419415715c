"""Where the rooms are wired together by hand, in one place, out of parts that are handed in."""

from gatepass.server.assembly import Deployment
from gatepass.server.parts import Parts, Records
from gatepass.server.running import Started, serve

__all__ = ["Deployment", "Parts", "Records", "Started", "serve"]
