"""The issuer's own name, and the names of the surfaces that its tokens are for.

The law: a place has one name, made here and compared as text. The issuer's identifier is the base itself; an audience
is the canonical URL of one surface of one upstream. Another spelling of it (RFC 3986 has many) is another place, with
one exception for what clients were told to write down: the header-only path of MCP means the place of MCP.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["McpPlace", "Place", "Places", "RestPlace"]

_NAME: Final = r"([a-z0-9]+(?:[.-][a-z0-9]+)*)"
_REST: Final = re.compile(rf"/u/{_NAME}/?", re.ASCII)
_MCP: Final = re.compile(rf"/mcp/{_NAME}", re.ASCII)
_HEADER_ONLY: Final = re.compile(rf"/k/{_NAME}/mcp", re.ASCII)
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class RestPlace:
    """The REST surface of an upstream."""

    upstream: str


@dataclass(frozen=True, slots=True)
class McpPlace:
    """The MCP surface of an upstream."""

    upstream: str


Place: TypeAlias = RestPlace | McpPlace


@dataclass(frozen=True, slots=True)
class Places:
    """Every name under one base, such as `http://127.0.0.1:8420`: an origin, without a slash at its end."""

    base: str

    @property
    def issuer(self) -> str:
        """The issuer's identifier, byte for byte, wherever it stands."""
        return self.base

    @property
    def token(self) -> str:
        """The token endpoint, which proofs and assertions are made for."""
        return f"{self.base}/oauth2/token"

    def status_list(self, number: int) -> str:
        """Where a status list is read."""
        return f"{self.base}/oauth2/status/{number}"

    @property
    def authorize(self) -> str:
        """Where somebody would sign in, if anybody did."""
        return f"{self.base}/oauth2/authorize"

    def audience(self, place: Place) -> str:
        """The one name of a surface, as it stands in `aud`."""
        return f"{self.base}{self.path(place)}"

    @staticmethod
    def path(place: Place) -> str:
        """The path of a surface."""
        return f"/u/{place.upstream}" if isinstance(place, RestPlace) else f"/mcp/{place.upstream}"

    def find(self, audience: str) -> Place | None:
        """The surface that a request for a token names (RFC 8707), if it is one of ours."""
        if len(audience) > _LONGEST or not audience.startswith(f"{self.base}/"):
            return None
        return self.at(audience.removeprefix(self.base))

    @staticmethod
    def at(path: str) -> Place | None:
        """The surface at a path."""
        if found := _REST.fullmatch(path):
            return RestPlace(found[1])
        found = _MCP.fullmatch(path) or _HEADER_ONLY.fullmatch(path)
        return McpPlace(found[1]) if found else None
