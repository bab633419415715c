"""One request to an ASGI application: management, pages and whatever is no surface.

As `turn` keeps its laws, so does this: what an application began and did not end is cut, and what it raises is told
to nobody but the log.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from gatepass.errors import Malformed
from gatepass.gateway.requests import Headers
from gatepass.web.exchange import Gone
from gatepass.web.http.heads import answer_head, stated_length
from gatepass.web.http.intake import Intake
from gatepass.web.http.parsing import Head

if TYPE_CHECKING:
    from gatepass.web.http.connection import Connection

__all__ = ["Cycle"]

_FAULT: Final = b"Internal Server Error"
_BODILESS: Final = frozenset({204, 304})


class Cycle:
    """One request and its answer, as ASGI has them."""

    __slots__ = (
        "_app", "_chunked", "_fault", "_left", "_line", "_lost", "_over", "_read", "_task", "_waiting",
        "finished", "head", "intake", "keep", "started",
    )  # fmt: skip

    def __init__(
        self,
        line: "Connection",
        head: Head,
        intake: Intake | None,
        app: ASGIApp,
        fault: Callable[[BaseException], None],
    ) -> None:
        self._line = line
        self._app = app
        self._fault = fault
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._lost = False
        self._read = False
        self._left: int | None = None
        self._chunked = False
        self._waiting = b""
        self.head = head
        self.intake = intake
        self.keep = head.keep_alive
        self.started = False
        self.finished = False

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """What answers it."""
        return self._task

    # -- the connection's side

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """It is this request's turn."""
        self._task = loop.create_task(self._run())

    def lost(self, _: asyncio.AbstractEventLoop) -> None:
        """The caller went away: the application learns of it when it asks."""
        self._lost = True
        if self.intake is not None:
            self.intake.fail(Malformed("malformed_request", "the connection closed before the body ended"))
        self._over.set()

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self._task is not None:
            self._task.cancel()

    # -- the application's side

    async def receive(self) -> Message:
        """ASGI."""
        if not self._read and not self.finished and not self._lost:
            return await self._piece()
        if not self.finished and not self._lost:
            await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI."""
        if self._lost:
            return
        if message["type"] == "http.response.start" and not self.started:
            self._begin(int(message["status"]), tuple((bytes(n).lower(), bytes(v)) for n, v in message["headers"]))
        elif message["type"] == "http.response.body" and self.started and not self.finished:
            await self._go_on(bytes(message.get("body", b"")), more=bool(message.get("more_body", False)))
        else:
            raise RuntimeError(f"`{message['type']}` is not what an answer goes on with here")

    # -- inside

    async def _run(self) -> None:
        try:
            await self._app(self._scope(), self.receive, self.send)
        except Gone:
            pass
        except Exception as fault:  # noqa: BLE001  the application's code: its text may hold anything, so none is shown
            self._fault(fault)
        finally:
            if not self.started and not self._lost:
                self.keep = False
                self._begin(500, ((b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_FAULT))))
                self._line.write(self._waiting + _FAULT)
                self.finished = True
            self._over.set()
            self._line.over(self)

    async def _piece(self) -> Message:
        piece = b""
        if self.intake is not None:
            try:
                piece = await anext(self.intake, b"")
            except Malformed as failure:
                if self._lost:
                    return {"type": "http.disconnect"}
                self._read = True
                raise failure from None
        self._read = self.intake is None or self.intake.at_end
        return {"type": "http.request", "body": piece, "more_body": not self._read}

    def _begin(self, status: int, headers: Headers) -> None:
        more = [self._line.date()]
        bare = self.head.method == "HEAD" or status in _BODILESS
        self._left = stated_length(headers)
        if bare:
            self._left = 0
        elif self._left is None and self.head.version == "1.1":
            self._chunked = True
            more.append(b"transfer-encoding: chunked\r\n")
        said = [value.lower() for name, value in headers if name == b"connection"]
        if self._left is None and not self._chunked:
            self.keep = False
        if (self.intake is not None and self.intake.awaited) or b"close" in said or not self._line.staying:
            self.keep = False
        if not self.keep and not said:
            more.append(b"connection: close\r\n")
        head = answer_head(status, headers, *more)
        self.started = True
        if self._left is None:
            self._line.write(head)
        else:
            self._waiting = head

    async def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.head.method == "HEAD":
            body = b""
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise ValueError("the answer is not as long as it says")
        data = b"%x\r\n%b\r\n" % (len(body), body) if self._chunked and body else body
        if not more:
            self.finished = True
            data += b"0\r\n\r\n" if self._chunked else b""
        waiting, self._waiting = self._waiting, b""
        if waiting or data:
            self._line.write(waiting + data)
        if more:
            await self._line.drained()

    def _scope(self) -> dict[str, Any]:
        head = self.head
        client, server = self._line.ends
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "server": server,
            "client": client,
            "scheme": "https" if self._line.secure else "http",
            "root_path": "",
            "headers": list(head.headers),
            "state": {},
            "method": head.method,
            "path": unquote(head.path.decode("ascii")),
            "raw_path": head.path,
            "query_string": head.query,
        }
