"""What a server answers over HTTP: one JSON message, or a stream of them, up to the answer that was asked for.

A server that redirects, compresses unasked, answers another request than ours, sends what is no message, or
more than is bounded, has failed. An error that it sends with a status of 400 and above is its answer.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

from collections.abc import AsyncGenerator
from typing import Final

from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.forwarding.door import HttpAnswer
from gatepass.gateway.mcp.wire.events import EventReader
from gatepass.gateway.mcp.wire.messages import Answer, Call, Message, Notice, read_from_server
from gatepass.gateway.requests import Headers

__all__ = ["REJECTIONS", "header", "messages", "only_answer"]

LARGEST: Final = 8 << 20
"""Bytes of one message."""
MOST_STRAYS: Final = 1_000
"""Messages on one stream that are neither progress nor the answer, before the stream is given up."""
OK: Final = 200
MULTIPLE_CHOICES: Final = 300
BAD_REQUEST: Final = 400
REJECTIONS: Final = frozenset({401, 403})


async def messages(answer: HttpAnswer, call: Call) -> AsyncGenerator[Message, None]:
    """What the server sends in answer to `call`, up to the answer itself. Raises `UpstreamFailed` or `Malformed`."""
    kind = header(answer.headers, b"content-type").partition(b";")[0].strip().lower()
    if answer.status in REJECTIONS:
        raise UpstreamFailed("upstream_rejects_us", f"the upstream does not take its secret: status {answer.status}")
    if header(answer.headers, b"content-encoding") not in {b"", b"identity"}:
        raise UpstreamFailed("upstream_garbled", "the upstream compressed its answer unasked")
    if kind == b"text/event-stream" and OK <= answer.status < MULTIPLE_CHOICES:
        async for message in _streamed(answer):
            if not isinstance(message, Answer):
                yield message
            elif message.id == call.id:
                yield message
                return
            else:
                raise UpstreamFailed("upstream_garbled", "the upstream answered another request than ours")
        raise UpstreamFailed("upstream_lost", "the upstream ended its stream without an answer")
    failed = answer.status >= BAD_REQUEST
    if kind != b"application/json" or not (failed or answer.status == OK):
        raise UpstreamFailed("upstream_garbled", f"the upstream gave no MCP answer: status {answer.status}")
    message = read_from_server(await _whole(answer), max_bytes=LARGEST)
    if not isinstance(message, Answer) or (failed and message.fault is None):
        raise UpstreamFailed("upstream_garbled", f"the upstream gave no MCP answer: status {answer.status}")
    # Where a request was refused before its id was read, the error may name none.
    if message.id != call.id and not (failed and message.id is None):
        raise UpstreamFailed("upstream_garbled", "the upstream answered another request than ours")
    yield message


async def _streamed(answer: HttpAnswer) -> AsyncGenerator[Message, None]:
    reader = EventReader(LARGEST)
    strays = 0
    while piece := await answer.read():
        for data in reader.feed(piece):
            message = read_from_server(data, max_bytes=LARGEST)
            strays = 0 if isinstance(message, Notice) and message.method == "notifications/progress" else strays + 1
            if strays > MOST_STRAYS:
                raise UpstreamFailed("upstream_garbled", "the upstream sends much that nobody asked for")
            yield message


async def only_answer(answer: HttpAnswer, call: Call) -> Answer:
    """The answer to a greeting. Raises `UpstreamFailed` where there is none."""
    try:
        async for message in messages(answer, call):
            if isinstance(message, Answer):
                return message
    except Malformed as fault:
        raise UpstreamFailed("upstream_garbled", f"the upstream sent what is no message: {fault.message}") from None
    raise UpstreamFailed("upstream_garbled", "the upstream did not answer as an MCP server does")


async def _whole(answer: HttpAnswer) -> bytes:
    body = bytearray()
    while piece := await answer.read():
        body += piece
        if len(body) > LARGEST:
            raise UpstreamFailed("upstream_garbled", f"the upstream's answer is larger than {LARGEST} bytes")
    return bytes(body)


def header(headers: Headers, name: bytes) -> bytes:
    """The first value of a header, or nothing."""
    return next((value for header, value in headers if header == name), b"")
