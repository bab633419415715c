"""What an upstream can be asked to do: its operations file, compiled to a catalogue and to mappings."""

from gatepass.gateway.operations.mcp import McpOperation, McpOperations
from gatepass.gateway.operations.reading import Operations, read_operations
from gatepass.gateway.operations.rest import BodyUse, RestOperation, RestOperations
from gatepass.gateway.operations.rules import Parts

__all__ = [
    "BodyUse",
    "McpOperation",
    "McpOperations",
    "Operations",
    "Parts",
    "RestOperation",
    "RestOperations",
    "read_operations",
]
