"""JSON-RPC over a child's pipes: many requests at once, told apart by our own ids.

What a child writes is its own word. Lines that are no message are tolerated up to a bound, answers that
nobody waits for are dropped, what it asks of us is declined at once, and when it ends, everybody who still
waits is told so.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Self

import structlog

from gatepass.access import Json
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.mcp.servers.peers import (
    UNSUPPORTED_VERSION,
    Greeting,
    Outgoing,
    Progress,
    after_discover,
    after_initialize,
    answer_to,
    discover,
    framed,
    initialize,
    progress,
)
from gatepass.gateway.mcp.wire.messages import (
    Answer,
    Call,
    Notice,
    integer,
    read_from_server,
    write_answer,
    write_call,
    write_notice,
)
from gatepass.outbound.child import Child, Command

__all__ = ["Inbox", "LineServer"]

LONGEST_LINE: Final = 8 << 20
MOST_UNDER_WAY: Final = 1_024
MOST_PROGRESS: Final = 64
"""Progress that waits for a slow reader; what comes after it is dropped, as progress may be."""
MOST_STRANGE: Final = 1_000
"""Lines in a row that are no message, before the child is given up."""
MOST_REPLIES: Final = 32
"""Our own answers that may wait to be written to a child that asks without reading."""

PROBE: Final = 5.0
"""Seconds that a server has to answer as a modern one does, before the legacy greeting is tried beside it."""
START: Final = 60.0
"""Seconds for a child to come up and greet: an installer may run first."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Inbox:
    """What has come for one request."""

    call: Call
    _events: deque[Progress | Answer | UpstreamFailed] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self) -> Progress | Answer | UpstreamFailed:
        """The next event, in the order of arrival."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def put(self, event: Progress | Answer | UpstreamFailed) -> None:
        """Take an event; progress that nobody collects is dropped."""
        if isinstance(event, Progress) and len(self._events) >= MOST_PROGRESS:
            return
        self._events.append(event)
        self._arrived.set()


@dataclass(slots=True, kw_only=True, eq=False)
class LineServer:
    """An MCP server on the other end of two pipes."""

    name: str
    greeting: Greeting = field(default_factory=lambda: Greeting(""))
    dead: str | None = None
    """Why no more will come."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no request is under way."""
    _child: Child | None = None
    _pending: dict[int, Inbox] = field(default_factory=dict)
    _last: int = 0
    _strange: int = 0
    _replies: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def start(
        cls, command: Command, name: str, *, last_words: Callable[[bytes], None], probe: bool = True
    ) -> Self:
        """Start the child and greet it. Raises `UpstreamFailed`; nothing is left running then.

        With `probe`, the modern greeting is tried first. `upstream_lost` means that the child ended meanwhile.
        `last_words` gets the end of what a child that did not come up wrote to its standard error.
        """
        server = cls(name=name)
        server.idle.set()
        try:
            server._child = await Child.start(command, hear=server._hear, ended=server._end, longest=LONGEST_LINE)
        except (OSError, ValueError):
            raise UpstreamFailed("upstream_unreachable", f"the command of `{name}` cannot be started") from None
        try:
            async with asyncio.timeout(START):
                server.greeting = await server._greet(probe=probe)
        except TimeoutError:
            await server.stop()
            last_words(server._child.prove())
            raise UpstreamFailed("upstream_timeout", f"the server of `{name}` did not greet in time") from None
        except BaseException:  # the child is somebody else's program, or we are being stopped
            await server.stop()
            last_words(server._child.prove())
            raise
        server._child.prove()
        return server

    def enter(self, outgoing: Outgoing) -> Inbox:
        """Give a request its id. Raises `UpstreamFailed` when the server is busy or gone."""
        if len(self._pending) >= MOST_UNDER_WAY:
            raise UpstreamFailed("upstream_busy", f"{MOST_UNDER_WAY} calls are under way at `{self.name}`")
        return self._open(framed(outgoing, self._last + 1, self.greeting))

    async def send(self, inbox: Inbox) -> None:
        """Write a request. What goes wrong is put into its inbox."""
        await self._say(write_call(inbox.call))

    def cancel(self, inbox: Inbox) -> None:
        """Forget a request, and tell the server."""
        identifier = inbox.call.id
        if isinstance(identifier, int) and self._pending.pop(identifier, None) is not None:
            self._settle()
            params: dict[str, Json] = {"requestId": Decimal(identifier), "reason": "the caller has gone"}
            self._later(self._say(write_notice(Notice("notifications/cancelled", params))))

    async def stop(self) -> None:
        """End the child and whoever waits for it."""
        self._end("it was stopped", wanted=True)
        if self._child is not None:
            await self._child.stop()
        for task in self._replies:
            task.cancel()
        await asyncio.gather(*self._replies, return_exceptions=True)

    # -- greeting

    async def _greet(self, *, probe: bool) -> Greeting:
        """The server's era: ask as a modern client does; fall back, and still listen for a late modern answer."""
        if not probe:
            return await self._legacy(await self._question(initialize(self._last + 1)))
        modern = asyncio.create_task(self._question(discover(self._last + 1)))
        legacy: asyncio.Task[Answer] | None = None
        try:
            await asyncio.wait({modern}, timeout=PROBE)
            if modern.done() and (greeting := after_discover(modern.result())):
                return greeting
            legacy = asyncio.create_task(self._question(initialize(self._last + 1)))
            return await self._first(modern, legacy)
        finally:
            questions = [task for task in (modern, legacy) if task is not None]
            for task in questions:
                task.cancel()
            await asyncio.gather(*questions, return_exceptions=True)

    async def _first(self, modern: asyncio.Task[Answer], legacy: asyncio.Task[Answer]) -> Greeting:
        """Whichever greeting is understood. A server that was only slow refuses `initialize` by naming its versions."""
        waiting = {legacy} if modern.done() else {modern, legacy}
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if modern in done and (greeting := after_discover(modern.result())):
                return greeting
            if legacy in done:
                fault = legacy.result().fault
                if fault is None or fault.code != UNSUPPORTED_VERSION:
                    return await self._legacy(legacy.result())
        greeting = after_discover(await self._question(discover(self._last + 1)))
        if greeting is None:
            raise UpstreamFailed("upstream_garbled", f"the server of `{self.name}` does not answer as an MCP server")
        return greeting

    async def _legacy(self, answer: Answer) -> Greeting:
        greeting = after_initialize(answer)
        await self._say(write_notice(Notice("notifications/initialized", {})))
        return greeting

    async def _question(self, call: Call) -> Answer:
        inbox = self._open(call)
        try:
            await self.send(inbox)
            while True:
                event = await inbox.next()
                if isinstance(event, UpstreamFailed):
                    raise event
                if isinstance(event, Answer):
                    return event
        finally:
            self._pending.pop(int(call.id), None)
            self._settle()

    # -- lines

    def _open(self, call: Call) -> Inbox:
        if self.dead is not None:
            raise UpstreamFailed("upstream_unreachable", f"the server of `{self.name}` has gone: {self.dead}")
        inbox = Inbox(call)
        self._last += 1
        self._pending[self._last] = inbox
        self.idle.clear()
        return inbox

    async def _say(self, line: bytes) -> None:
        try:
            if self._child is not None:
                await self._child.say(line)
        except (OSError, RuntimeError):
            self._end("it takes no more")

    def _hear(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = read_from_server(line, max_bytes=LONGEST_LINE)
            understood = self._take(message)
        except Malformed:
            understood = False
        self._strange = 0 if understood else self._strange + 1
        if self._strange >= MOST_STRANGE and self._child is not None:
            self._end("it writes what is no message")
            self._child.kill()

    def _take(self, message: Call | Notice | Answer) -> bool:
        """Hand a message to whom it concerns. False where it makes no sense."""
        if isinstance(message, Answer):
            if not isinstance(message.id, int) or not 0 < message.id <= self._last:
                return False
            inbox = self._pending.pop(message.id, None)
            if inbox is not None:
                inbox.put(message)
                self._settle()
            return True
        if isinstance(message, Notice):
            token = integer(message.params.get("progressToken"))
            inbox = self._pending.get(token) if token is not None else None
            report = progress(message, token) if token is not None else None
            if inbox is not None and report is not None:
                inbox.put(report)
            return True
        if self.greeting.modern or len(self._replies) >= MOST_REPLIES:
            return False
        self._later(self._say(write_answer(answer_to(message))))
        return True

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    def _settle(self) -> None:
        if not self._pending:
            self.idle.set()

    def _end(self, reason: str, *, wanted: bool = False) -> None:
        if self.dead is None:
            self.dead = reason
            if self.greeting.version and not wanted:
                _log.warning("mcp_server_ended", upstream=self.name, reason=reason)
        waiting, self._pending = self._pending, {}
        for inbox in waiting.values():
            inbox.put(UpstreamFailed("upstream_lost", f"the server of `{self.name}` has gone: {reason}"))
        self.idle.set()
