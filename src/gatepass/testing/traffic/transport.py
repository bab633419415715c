"""Requests of httpx2 clients, answered by a deployment in this process: blocking clients and asynchronous ones.

The whole way through the deployment is the real one, from the bytes of the path on; only the socket is missing.
Answers stream, and a client that closes one early has gone away, as it would have from a socket.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from urllib.parse import unquote

import httpx2

from gatepass.testing.traffic.asgi import Application, Broken, Conversation, pieces
from gatepass.testing.traffic.loop import LoopThread

__all__ = ["InProcess"]


class _Streamed(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of an answer, taken piece by piece out of the deployment's loop."""

    def __init__(self, loop: LoopThread, conversation: Conversation) -> None:
        self._loop, self._conversation = loop, conversation

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self._loop.run(self._conversation.read()):
                yield piece
        except Broken:
            raise httpx2.RemoteProtocolError("the answer broke off") from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await asyncio.wrap_future(self._loop.submit(self._conversation.read())):
                yield piece
        except Broken:
            raise httpx2.RemoteProtocolError("the answer broke off") from None

    def close(self) -> None:
        self._loop.call(self._conversation.close)

    async def aclose(self) -> None:
        self.close()


class InProcess(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """An httpx2 transport, for either kind of client.

    `source` is the address that requests come from. `authorization` is asked, in the deployment's loop, for the
    header of each request; without it, requests carry their own.
    """

    def __init__(
        self,
        loop: LoopThread,
        app: Application,
        *,
        source: str = "127.0.0.1",
        authorization: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._loop, self._app, self._source, self._authorization = loop, app, source, authorization

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request of a blocking client."""
        return self._loop.run(self._sent(request, request.read()))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request of an asynchronous client."""
        body = await request.aread()
        return await asyncio.wrap_future(self._loop.submit(self._sent(request, body)))

    async def _sent(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        if self._authorization is not None:
            headers = [header for header in headers if header[0] != b"authorization"]
            headers.append((b"authorization", (await self._authorization()).encode()))
        path, _, query = request.url.raw_path.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "root_path": "",
            "query_string": query,
            "headers": headers,
            "client": (self._source, 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        conversation = Conversation(self._app, scope, pieces(body))
        try:
            status, answered = await conversation.answered()
        except Broken:
            raise httpx2.RemoteProtocolError("the deployment did not answer") from None
        stream = _Streamed(self._loop, conversation)
        return httpx2.Response(status, headers=list(answered), stream=stream, request=request)
