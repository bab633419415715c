"""A whole deployment in memory with a clock turned by hand, for us and for our users."""

from gatepass.testing.agents import Agent, McpClient, Pass, ToolResult, code_of
from gatepass.testing.clock import Clock, Numbered
from gatepass.testing.deployment import LocalDeployment, Served
from gatepass.testing.journal import JournalEntry, LocalJournal
from gatepass.testing.traffic import Answer, Seen, ToolCall
from gatepass.testing.upstreams import McpUpstream, RestUpstream

__all__ = [
    "Agent",
    "Answer",
    "Clock",
    "JournalEntry",
    "LocalDeployment",
    "LocalJournal",
    "McpClient",
    "McpUpstream",
    "Numbered",
    "Pass",
    "RestUpstream",
    "Seen",
    "Served",
    "ToolCall",
    "ToolResult",
    "code_of",
]
