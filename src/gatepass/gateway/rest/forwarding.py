"""Steps 11 to 13 of one admitted REST call: the secret, the way out, the way back, the settlement.

The laws. From the moment it is admitted the call is raced against `withdrawn`: when that is set, the
connection to the upstream is cut, and nothing more is handed out. Whatever happens, the passage is finished
once: with `sent=False` only if no byte left the house. The record of a call is made before the end of its
answer is handed out. What is handed out went through redaction; there is no other way from the upstream to
the agent.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Final

from gatepass.errors import Error, Unavailable, UpstreamFailed
from gatepass.gateway.callers import described
from gatepass.gateway.forwarding.decoding import Decoder, decoder_for
from gatepass.gateway.forwarding.door import Door, HttpAnswer, HttpCall, Traffic
from gatepass.gateway.forwarding.headers import answer_headers, one
from gatepass.gateway.forwarding.redaction import Redactor, Redactors
from gatepass.gateway.passage import Passage
from gatepass.gateway.requests import Reply
from gatepass.gateway.rest.bodies import CappedBody
from gatepass.vault import Secret

__all__ = ["Forwarding"]

SMALL: Final = 1 << 16
"""Bytes up to which an answer that states its length is read whole first, so that it can fail cleanly."""
AHEAD: Final = 2
"""Pieces that are ready at once."""
FIRST_STATUS: Final = 200
PARTIAL: Final = 206
BODILESS: Final = frozenset({204, 205, 304})
NOTHING: Final = Redactor(())
"""For an upstream without a secret."""
PLAIN: Final = Decoder()
"""Before it is known in which content coding an answer comes."""


class Forwarding:
    """One admitted call on its way out and back. Also the body of its reply, where that is streamed."""

    def __init__(self, passage: Passage, call: HttpCall, door: Door, redactors: Redactors) -> None:
        self._passage = passage
        self._call = call
        self._door = door
        self._redactors = redactors
        self._traffic = Traffic()
        self._unwatch: Callable[[], None] | None = None
        self._answer: HttpAnswer | None = None
        self._redaction = NOTHING.stream()
        self._decoder = PLAIN
        self._pieces: Iterator[bytes] = iter(())
        self._ready: deque[bytes] = deque()
        self._size = 0
        self._drained = False
        self._over = False

    async def reply(self) -> Reply:
        """The reply, once its head is there. Raises the `Error` that ended the call before; it is settled then."""
        failure: Error
        try:
            redactor, answer = await self._sent()
            return await self._begun(answer, redactor)
        except Error as error:
            failure = error
        except BaseException:  # the server of the surface: the caller has gone, or we are being stopped
            await self._finish("caller_gone")
            raise
        failure = self._cause(failure)
        await self._finish(failure.code)
        raise described(failure, self._passage.caller)

    # -- the body of a streamed reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece, not empty. Raises the `Error` that broke the answer off."""
        failure: Error
        try:
            while not self._over:
                self._advance()
                if not self._ready:
                    await (self._end() if self._drained else self._read())
                    continue
                piece = self._ready.popleft()
                if self._passage.withdrawn.is_set():
                    raise self._passage.cut()
                self._size += len(piece)
                if self._drained and not self._ready:
                    await self._end()  # the record comes before the last piece
                return piece
            raise StopAsyncIteration
        except Error as error:
            failure = error
        except (asyncio.CancelledError, GeneratorExit):
            await self._finish("caller_gone")
            raise
        failure = self._cause(failure)
        await self._finish(failure.code)
        raise described(failure, self._passage.caller)

    async def aclose(self) -> None:
        """The caller reads no further."""
        if not self._over:
            await self._finish("caller_gone")

    @property
    def _source(self) -> HttpAnswer:
        assert self._answer is not None  # noqa: S101  a body is read only after its head came
        return self._answer

    # -- out: steps 11 and 12

    async def _sent(self) -> tuple[Redactor, HttpAnswer]:
        passage = self._passage
        secret = passage.inject()  # (11)
        redactor = self._redactor(secret)
        sending = self._door.send(self._call, secret, self._traffic)  # (12)
        answer = await passage.withdrawn.unless(sending, passage.cut, lambda came: came.close())
        self._answer = answer
        self._unwatch = passage.withdrawn.then(answer.close)
        return redactor, answer

    def _redactor(self, secret: Secret | None) -> Redactor:
        injection = self._call.upstream.injection
        if secret is None:
            return NOTHING
        prefix = injection.prefix if injection is not None else ""
        return secret.expose_to(lambda value: self._redactors.redactor(value, prefix))

    # -- back: step 12

    async def _begun(self, answer: HttpAnswer, redactor: Redactor) -> Reply:
        if answer.status < FIRST_STATUS or answer.status == PARTIAL:
            raise UpstreamFailed(
                "upstream_garbled", f"the upstream answered with a status ({answer.status}) not asked for"
            )
        headers = (*answer_headers(answer.headers, redactor), *self._passage.headers)
        stated = one(answer.headers, b"content-length")
        self._decoder = decoder_for(answer.headers)
        length = int(stated) if stated is not None and stated.isdigit() and self._decoder.idle else None
        if self._call.method == "HEAD" or answer.status in BODILESS:
            await self._end()
            if length is not None and self._call.method == "HEAD":
                headers = (*headers, (b"content-length", b"%d" % length))
            return Reply(answer.status, headers, _Whole(b""))
        if length is not None and length <= SMALL:
            text = redactor.whole(await self._all(answer, length))
            self._size = len(text)
            await self._end()
            return Reply(answer.status, (*headers, (b"content-length", b"%d" % len(text))), _Whole(text))
        self._redaction = redactor.stream()
        if length is not None:
            headers = (*headers, (b"content-length", b"%d" % length))
        return Reply(answer.status, headers, self)

    async def _all(self, answer: HttpAnswer, length: int) -> bytes:
        pieces: list[bytes] = []
        while piece := await answer.read():
            pieces.append(piece)
        whole = b"".join(pieces)
        if len(whole) != length:
            raise UpstreamFailed("upstream_garbled", "the upstream's answer is not as long as it says")
        return whole

    async def _read(self) -> None:
        """Wait for the next piece from the upstream."""
        raw = await self._source.read()
        self._pieces = self._decoder.feed(raw) if raw else iter(())

    def _advance(self) -> None:
        """Have two pieces ready, so that the last is known to be the last; never more, however much one grows."""
        while len(self._ready) < AHEAD and not self._drained:
            piece = next(self._pieces, None)
            if piece is not None:
                self._keep(self._redaction.feed(piece))
            elif self._source.ended:
                self._decoder.finish()
                self._keep(self._redaction.finish())
                self._drained = True
            else:
                return

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._ready.append(piece)

    # -- settled: step 13

    async def _end(self) -> None:
        """The answer is complete: settle it. Its end goes out only if that was recorded and the token still lives."""
        await self._finish(None)
        if self._passage.overtaken():
            raise self._passage.cut()

    def _cause(self, error: Error) -> Error:
        """Why the call really ended: the withdrawal that cut it, or the caller's own body, before their effects."""
        if self._passage.withdrawn.is_set():
            return self._passage.cut()
        body = self._call.body
        if isinstance(body, CappedBody) and body.failure is not None:
            return body.failure
        return error

    async def _finish(self, error: str | None) -> None:
        """Let go of the upstream, and settle, once. A cancellation does not keep the record from being made."""
        self._over = True
        if self._unwatch is not None:
            self._unwatch()
        status = None
        if self._answer is not None:
            status = self._answer.status
            self._answer.close()
        settling = self._passage.finish(status=status, bytes_out=self._size, sent=self._traffic.left, error=error)
        try:
            # What was sent is settled by its record, which is made before anything is awaited.
            await (settling if self._traffic.left else _whole(settling))
        except Unavailable as failure:
            if error is not None:
                return  # the call failed already, and says why
            if self._traffic.left:
                failure.hint = "The call was made, and its outcome could not be recorded; look before you repeat it."
            raise


class _Whole:
    """A body that is there already."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        text, self._text = self._text, b""
        if not text:
            raise StopAsyncIteration
        return text


async def _whole(settling: Coroutine[None, None, None]) -> None:
    """To its end, whoever gives up waiting."""
    settled = asyncio.ensure_future(settling)
    try:
        await asyncio.shield(settled)
    except asyncio.CancelledError:
        await asyncio.wait({settled})
        raise
