"""An upstream's answer, read piece by piece under bounds of time, and given up at any moment."""

import asyncio
from collections.abc import Callable

import aiohttp

from gatepass.errors import UpstreamFailed
from gatepass.gateway.requests import Headers

__all__ = ["Answer"]


class Answer:
    """A `gateway.forwarding.door.HttpAnswer`."""

    __slots__ = ("_idle", "_let_go", "_response", "_until", "headers", "status")

    def __init__(
        self, response: aiohttp.ClientResponse, *, idle: float, until: float, let_go: Callable[[], None]
    ) -> None:
        """`idle` is the longest wait for a piece in seconds; `until` the end of the loop's time for all of it."""
        self._response = response
        self._idle = idle
        self._until = until
        self._let_go: Callable[[], None] | None = let_go
        self.status = response.status
        self.headers: Headers = tuple((name.lower(), value) for name, value in response.raw_headers)

    async def read(self) -> bytes:
        """The next piece of the body, not empty; `b""` at its end. Raises `UpstreamFailed`."""
        failure: UpstreamFailed
        content = self._response.content
        try:
            if piece := content.read_nowait():  # it is here already: nothing to wait for, and no clock to set
                return piece
            if content.at_eof():
                return b""
            async with asyncio.timeout_at(min(self._until, asyncio.get_running_loop().time() + self._idle)):
                while not (piece := await content.readany()):
                    if content.at_eof():
                        return b""
                return piece
        except TimeoutError:
            failure = UpstreamFailed("upstream_timeout", "the upstream stopped in the middle of its answer")
        except (aiohttp.ClientError, OSError, ValueError):  # the library's ways to fail; their texts may hold a URL
            failure = UpstreamFailed("upstream_garbled", "the upstream's answer broke off or could not be read")
        self.close()
        raise failure

    @property
    def ended(self) -> bool:
        """Whether the end has arrived already."""
        return self._response.content.at_eof()

    def close(self) -> None:
        """Let go of the connection: kept if the answer was read to its end, cut otherwise. Idempotent."""
        if self._let_go is None:
            return
        let_go, self._let_go = self._let_go, None
        if self._response.content.at_eof():
            self._response.release()
        self._response.close()
        let_go()
