"""From a server's answer to the client's: one call on its way back.

An answer that comes at once is one JSON document; one that reports progress, or lets the client wait, is an
event stream. Whatever is handed out was read, made fit for the client's era, and redacted. Three things end
a call early: the server fails or takes too long, the client leaves, the token is withdrawn; in each case the
server is told, and the outcome is journalled. Nothing is handed out once the token is withdrawn.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Conflict, Error, LimitExceeded, Malformed, Unavailable, UpstreamFailed
from gatepass.gateway.callers import described
from gatepass.gateway.falling import Falling
from gatepass.gateway.forwarding.redaction import Redactor
from gatepass.gateway.mcp.answers import EVENT_STREAM, fault_of, reply
from gatepass.gateway.mcp.servers.peers import Exchange, Progress
from gatepass.gateway.mcp.wire.events import KEEP_ALIVE, event
from gatepass.gateway.mcp.wire.messages import Answer, Fault, Notice, RequestId, write_answer, write_notice
from gatepass.gateway.passage import Passage
from gatepass.gateway.requests import Reply

__all__ = ["Bounds", "Relay", "UnderWay", "hurried"]

T = TypeVar("T")

SOON: Final = 1_000
"""Milliseconds after which a place may be free again."""
STATUSES: Final = {-32600: 400, -32601: 404, -32602: 400, -32021: 400}
"""HTTP statuses that a modern client expects with a server's own errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long, in seconds, how much, in bytes, and how many, at most."""

    request: int = 1 << 20
    answer: int = 8 << 20
    quiet: float = 120.0
    """Without a sign of life from the server."""
    whole: float = 600.0
    """For one call, whatever progress is reported."""
    list: float = 30.0
    """For greeting a server and reading all pages of a list."""
    at_once: int = 32
    """Calls of one agent under way at one upstream."""
    patience: float = 15.0
    """Before a client that waits is given an event stream, and between two comments on it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Relay:
    """One admitted call, sent to a server. `answer` is awaited once, and finishes the passage whatever happens."""

    passage: Passage
    exchange: Exchange
    redactor: Redactor
    identifier: RequestId
    modern: bool
    translate: Callable[[Answer], Answer]
    streams: bool
    """Whether the client takes an event stream."""
    token: Json = None
    """The client's progress token, where it wants progress."""
    bounds: Bounds = field(default_factory=Bounds)
    done: list[Callable[[], None]] = field(default_factory=list)
    """Called when the call is over."""
    _cancelled: bool = False
    _deadline: float = 0.0
    _heard: float = 0.0
    _pending: "asyncio.Task[Progress | Answer] | None" = None

    async def answer(self) -> Reply:
        """The reply, as soon as its form is known. Raises the `Error` that ended the call before."""
        self._heard = self._now()
        self._deadline = self._heard + self.bounds.whole
        try:
            first = await self._first()
            if isinstance(first, Answer):
                fault, body = self._settled(first)
                await self._finish(None if fault is None else "upstream_fault", size=len(body))
                status = STATUSES.get(fault.code, 200) if fault is not None and self.modern else 200
                return reply(status, body, self.passage.headers)
        except Error as error:
            await self._finish(error.code)
            raise described(error, self.passage.caller) from None
        except BaseException:  # the server of the surface: the client has gone, or we are being stopped
            await asyncio.shield(self._finish("caller_gone"))
            raise
        return Reply(200, (*EVENT_STREAM, *self.passage.headers), _Stream(self, first))

    async def _first(self) -> Progress | Answer | None:
        """The answer, or what makes a stream of it: progress that is wanted, or None for a long silence."""
        while True:
            happened = await self.next(self.bounds.patience)
            streaming = self.streams and (happened is None or self.token is not None)
            if isinstance(happened, Answer) or streaming:
                return happened

    def cancel(self) -> None:
        """The caller wants the call no more."""
        self._cancelled = True
        self.passage.withdrawn.set()

    async def next(self, seconds: float) -> Progress | Answer | None:
        """The next event, or None after some seconds without one. Raises when the call is over."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(anext(self.exchange))
        limit = min(self._deadline, self._heard + self.bounds.quiet)
        await self._either(self._pending, max(0.0, min(seconds, limit - self._now())))
        if self.passage.withdrawn.is_set():
            raise self._stopped()
        now = self._now()
        if now >= limit and not (self._pending.done() and now < self._deadline):
            raise UpstreamFailed("upstream_timeout", "the upstream took too long")
        if not self._pending.done():
            return None
        happened, self._pending = self._pending, None
        self._heard = now
        return happened.result()

    async def _either(self, pending: "asyncio.Task[Progress | Answer]", seconds: float) -> None:
        """Return when the event is there, the token is withdrawn, or the time is up; whichever is first."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()

        def wake(*_: object) -> None:
            if not waiting.done():
                waiting.set_result(None)

        pending.add_done_callback(wake)
        take_back = self.passage.withdrawn.then(wake)
        timer = loop.call_later(seconds, wake)
        try:
            await waiting
        finally:
            timer.cancel()
            take_back()
            pending.remove_done_callback(wake)

    def reported(self, progress: Progress) -> bytes:
        """A progress notification with the client's own token."""
        notice = Notice("notifications/progress", {**progress.params, "progressToken": self.token})
        return self._redacted(write_notice(notice))

    async def last(self, answer: Answer) -> bytes:
        """The final message, once its record is made."""
        fault, body = self._settled(answer)
        await self._finish(None if fault is None else "upstream_fault", size=len(body))
        return body

    async def failed(self, error: Error) -> bytes:
        """The final message of a call that went wrong in the middle of its stream."""
        await self._finish(error.code)
        return write_answer(Answer(self.identifier, fault=fault_of(described(error, self.passage.caller))))

    async def abandoned(self) -> None:
        """The client has left the stream. Shielded: a second cancellation must not leave the call unsettled."""
        await asyncio.shield(self._finish("caller_gone"))

    def _settled(self, answer: Answer) -> tuple[Fault | None, bytes]:
        fit = self.translate(answer)
        body = write_answer(Answer(self.identifier, fit.result, fit.fault))
        return fit.fault, self._redacted(body)

    def _redacted(self, text: bytes) -> bytes:
        redacted = self.redactor.whole(text)
        if redacted is not text:
            try:
                exact.read(redacted, max_bytes=2 * self.bounds.answer + 65_536)
            except Malformed:
                raise UpstreamFailed("upstream_garbled", "the upstream's answer could not be redacted") from None
        return redacted

    def _stopped(self) -> Error:
        if self._cancelled and not self.passage.overtaken():
            return Conflict("call_cancelled", "the call was cancelled by its caller")
        return self.passage.cut()

    async def _finish(self, error: str | None, *, size: int = 0) -> None:
        """Let go of the server, settle, and only then let the answer out."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        while self.done:
            self.done.pop()()
        await self.exchange.close()
        try:
            await self.passage.finish(
                status=200 if error is None else None, bytes_out=size, sent=self.exchange.sent, error=error
            )
        except Unavailable as failure:
            if self.exchange.sent:
                failure.hint = "The call was made, and its outcome could not be recorded; look before you repeat it."
            raise
        if error is None and self.passage.overtaken():
            raise self.passage.cut()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Stream:
    """The events of a relay. An object rather than a generator: it is closed even if nobody ever read it."""

    def __init__(self, relay: Relay, first: Progress | Answer | None) -> None:
        self._relay = relay
        self._first = first
        self._over = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        try:
            return await self._frame()
        except Error as error:
            self._over = True
            return event(await self._relay.failed(error))
        except BaseException:  # the server of the surface: the client has gone, or we are being stopped
            self._over = True
            await self._relay.abandoned()
            raise

    async def aclose(self) -> None:
        if not self._over:
            self._over = True
            await self._relay.abandoned()

    async def _frame(self) -> bytes:
        while True:
            happened, self._first = self._first, None
            if happened is None:
                happened = await self._relay.next(self._relay.bounds.patience)
            if happened is None:
                return KEEP_ALIVE
            if isinstance(happened, Answer):
                last = event(await self._relay.last(happened))
                self._over = True
                return last
            if self._relay.token is not None:
                return event(self._relay.reported(happened))


@dataclass(slots=True)
class UnderWay:
    """The calls that are not over: counted, so that no agent takes all of a server's places, and some of them named."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _named: dict[tuple[str, str, RequestId], list[Relay]] = field(default_factory=dict)

    def enter(self, who: tuple[str, str], most: int) -> Callable[[], None]:
        """Take a place, and hand back how to leave it. Raises `LimitExceeded` where all are taken."""
        if self._counts[who] >= most:
            message = f"{most} calls of this agent are under way at this upstream"
            raise LimitExceeded("limit_exceeded", message, retry_after=SOON)
        self._counts[who] += 1
        left: list[bool] = []

        def leave() -> None:
            if not left:
                left.append(True)
                self._counts[who] -= 1
                if not self._counts[who]:
                    del self._counts[who]

        return leave

    def name(self, key: tuple[str, str, RequestId], relay: Relay) -> None:
        """Let a legacy client cancel the call by its id, until it is over. The id is the client's choice."""
        self._named.setdefault(key, []).append(relay)
        relay.done.append(partial(self._unname, key, relay))

    def cancel(self, key: tuple[str, str, RequestId]) -> None:
        """Cancel the one call of that name. Of two nobody knows which was meant, so neither is."""
        relays = self._named.get(key, [])
        if len(relays) == 1:
            relays[0].cancel()

    def _unname(self, key: tuple[str, str, RequestId], relay: Relay) -> None:
        relays = [other for other in self._named.get(key, []) if other is not relay]
        if relays:
            self._named[key] = relays
        else:
            self._named.pop(key, None)


async def hurried(work: Awaitable[T], withdrawn: Falling, cut: Callable[[], Error], seconds: float) -> T:
    """`work`, unless the token is withdrawn or the time is up first. Raises then, and cancels the work."""
    hurry = asyncio.timeout(seconds)
    try:
        async with hurry:
            return await withdrawn.unless(work, cut, _dropped)
    except TimeoutError:
        if not hurry.expired():
            raise
    raise UpstreamFailed("upstream_timeout", "the upstream took too long")


def _dropped(_: object) -> None:
    """What came too late holds nothing open."""
