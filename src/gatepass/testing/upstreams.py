"""What stands behind a deployment in memory, as a test looks at it: what reached it, what it raised."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepass.testing.traffic import Seen, ToolCall
from gatepass.testing.traffic.door import Place
from gatepass.testing.traffic.tools import Tools

__all__ = ["McpUpstream", "RestUpstream"]


@dataclass(slots=True)
class RestUpstream:
    """An application behind the deployment."""

    name: str
    _place: Place = field(repr=False)

    @property
    def seen(self) -> tuple[Seen, ...]:
        """What reached it, oldest first."""
        return tuple(self._place.seen)

    @property
    def failures(self) -> tuple[Exception, ...]:
        """What it raised."""
        return tuple(self._place.failures)

    def cut(self) -> None:
        """Let nobody reach it any more."""
        self._place.reachable = False

    def mend(self) -> None:
        """Let it be reached again."""
        self._place.reachable = True


@dataclass(slots=True)
class McpUpstream:
    """An MCP server behind the deployment, made of functions."""

    name: str
    _tools: Tools = field(repr=False)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """What reached its tools, oldest first."""
        return tuple(self._tools.calls)

    @property
    def failures(self) -> tuple[Exception, ...]:
        """What its tools raised."""
        return tuple(self._tools.failures)

    @property
    def environment(self) -> Mapping[str, str]:
        """What Gatepass put into its environment: its secret."""
        return dict(self._tools.environment)
