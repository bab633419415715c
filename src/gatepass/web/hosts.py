"""Which host names we answer to, and for whom: the guard against DNS rebinding and against shared origins.

A browser that was lured to a name of somebody else's, which resolves to us, still sends that name: whoever
asks for a name that is not ours is refused before anything else. Agents and people have different names,
because what upstreams answer is relayed on the agents' name, and no page of ours may share an origin with
it. Ports are not compared: they isolate nothing, and forwarding changes them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gatepass.errors import Malformed

__all__ = ["Audience", "Hosts"]

_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")


class Audience(StrEnum):
    """Whom a path is for."""

    AGENTS = "agents"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The host names of agents and of people, in lower case, without ports."""

    agents: frozenset[str]
    people: frozenset[str]

    def names(self, headers: Iterable[tuple[bytes, bytes]], audience: Audience) -> bool:
        """Whether a request names the host of `audience`."""
        return _named(headers) in (self.agents if audience is Audience.AGENTS else self.people)

    def require(self, headers: Iterable[tuple[bytes, bytes]], audience: Audience) -> None:
        """Let a request for `audience` pass, or raise `Malformed` (`misdirected`)."""
        name = _named(headers)
        wanted = self.agents if audience is Audience.AGENTS else self.people
        if name in wanted:
            return
        if name not in self.agents | self.people:
            raise Malformed("misdirected", "the Host header does not name this deployment")
        others = ", ".join(f"`{other}`" for other in sorted(wanted))
        raise Malformed("misdirected", f"this path is for {audience}: use the host name {others}")


def _named(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The one name in the one `Host` header, or None."""
    values = [value for name, value in headers if name == b"host"]
    found = _HOST.fullmatch(values[0].strip()) if len(values) == 1 else None
    return found[1].decode("ascii").lower() if found else None
