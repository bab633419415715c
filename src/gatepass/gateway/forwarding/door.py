"""The way out over HTTP, as the gateway sees it. `outbound` has the one that opens sockets.

What is handed to a door is exactly what leaves: path and query byte for byte, the headers listed, the body
as it is; a door adds `Host`, the framing, and the upstream's secret, which it puts on nothing but a
connection to the upstream's own origin. It follows no redirect and decodes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from gatepass.gateway.requests import Body, Headers
from gatepass.registry import Upstream

__all__ = ["Door", "Exposed", "HttpAnswer", "HttpCall", "Patience", "Traffic"]

T = TypeVar("T")


class Exposed(Protocol):
    """An opened secret as a door sees it: `vault.Secret`, which only the gateway may import."""

    @property
    def origin(self) -> str:
        """The one origin that it may be sent to: `https://api.example:443`."""
        ...

    def expose_to(self, use: Callable[[bytes], T]) -> T:
        """Give the plaintext to `use`, once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call may take, in seconds."""

    connect: float = 5.0
    """For a name, a connection and TLS together."""
    first: float = 60.0
    """From the last byte that left to the first of the answer's head."""
    idle: float = 120.0
    """Between two pieces of an answer."""
    whole: float = 3600.0
    """For all of it. A stream that goes on is ended then."""


class HttpCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request ready to leave, but for the secret."""

    upstream: Upstream
    method: str
    path: bytes
    """What stands behind the target's base path; empty, or beginning with `/`."""
    query: bytes = b""
    headers: Headers = ()
    body: bytes | Body | None = None
    """Whole; or as it arrives, and then framed by a `content-length` among the headers, or in chunks."""
    patience: Patience = Patience()


@dataclass(slots=True)
class Traffic:
    """What can be said of a call afterwards, however it ended."""

    left: bool = False
    """Set before a byte of the request may leave the house, and never unset."""


class HttpAnswer(Protocol):
    """An answer of which the head has arrived. Whoever got it closes it."""

    @property
    def status(self) -> int:
        """The status, from 200."""
        ...

    @property
    def headers(self) -> Headers:
        """In the order received, names in lower case."""
        ...

    async def read(self) -> bytes:
        """The next piece of the body, not empty; `b""` at its end. Raises `UpstreamFailed`."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the end has arrived already, so that nothing more will be read."""
        ...

    def close(self) -> None:
        """Let go: the connection is kept if the answer was read to its end, and cut otherwise. Idempotent."""
        ...


class Door(Protocol):
    """Sends calls."""

    async def send(self, call: HttpCall, secret: Exposed | None, traffic: Traffic) -> HttpAnswer:
        """Send, and return when the answer's head is there.

        Raises `UpstreamFailed`: `upstream_unreachable` and `upstream_forbidden_address` when nothing has
        left; `upstream_timeout`, `upstream_lost` and `upstream_garbled` when the outcome is unknown.
        Raises `Unavailable` (`secret_unusable`) when the secret cannot be put where it belongs.
        """
        ...

    async def close(self) -> None:
        """Cut every connection."""
        ...
