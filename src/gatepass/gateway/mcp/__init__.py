"""MCP, enforced: both eras on either side, what may be called is what is listed, nothing unmapped gets through."""

from gatepass.gateway.mcp.behind import Behind
from gatepass.gateway.mcp.relay import Bounds
from gatepass.gateway.mcp.results import Seal
from gatepass.gateway.mcp.surface import McpSurface

__all__ = ["Behind", "Bounds", "McpSurface", "Seal"]
