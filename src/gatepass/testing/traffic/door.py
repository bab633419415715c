"""The door of a deployment in memory: calls leave for applications of the test's, and for nothing else.

What leaves is what would leave a real door, written by the same function; only the connection is missing. There is
no way to a network: a target that nobody has registered is one that cannot be reached.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from gatepass.errors import UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed, HttpCall, Traffic
from gatepass.gateway.requests import Headers
from gatepass.outbound.writing import Target, written
from gatepass.testing.traffic.asgi import Application, Broken, Conversation, Lifespan, pieces
from gatepass.testing.traffic.functions import Seen

__all__ = ["LocalDoor", "Place"]


@dataclass(slots=True)
class Place:
    """One upstream's application, and what reached it."""

    app: Application
    seen: list[Seen] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """What the application raised, which agents see as a 500."""
    reachable: bool = True
    lifespan: Lifespan | None = None


class _Answered:
    """A `gateway.forwarding.door.HttpAnswer`."""

    def __init__(self, conversation: Conversation, status: int, headers: Headers) -> None:
        self._conversation = conversation
        self.status = status
        self.headers = headers

    async def read(self) -> bytes:
        try:
            return await self._conversation.read()
        except Broken:
            pass
        raise UpstreamFailed("upstream_garbled", "the upstream's answer broke off or could not be read")

    @property
    def ended(self) -> bool:
        return self._conversation.ended

    def close(self) -> None:
        self._conversation.close()


@dataclass(slots=True)
class LocalDoor:
    """A `gateway.forwarding.door.Door`."""

    _places: dict[str, Place] = field(default_factory=dict)
    _under_way: set[Conversation] = field(default_factory=set)

    async def open(self, origin: str, app: Application) -> Place:
        """Have an application answer for an origin, once it has started."""
        place = self._places[origin] = Place(app, lifespan=Lifespan(app))
        if place.lifespan is not None:
            await place.lifespan.started()
        return place

    async def send(self, call: HttpCall, secret: Exposed | None, traffic: Traffic) -> _Answered:
        """Send a call, and return when the answer's head is there. `gateway.forwarding.door` says what it raises."""
        target = Target.of(call.upstream)
        place = self._places.get(target.origin)
        leaving = written(target, call, secret)
        if place is None or not place.reachable:
            raise UpstreamFailed("upstream_unreachable", "no connection to the upstream could be made")
        headers = [(name.decode("ascii"), value.decode("utf-8")) for name, value in leaving.headers]
        headers.insert(0, ("host", target.authority.decode("ascii")))
        if isinstance(call.body, bytes):
            headers.append(("content-length", str(len(call.body))))
        seen = Seen(call.method, leaving.path.decode("ascii"), leaving.query.decode("ascii"), dict(headers))
        place.seen.append(seen)
        traffic.left = True
        body = pieces(call.body or b"") if isinstance(call.body, bytes | None) else call.body
        self._under_way = {one for one in self._under_way if not one.ended}
        conversation = Conversation(place.app, _scope(seen, headers), _noted(seen, body), place.failures.append)
        self._under_way.add(conversation)
        status, answered = await _head(conversation, call.patience.first)
        return _Answered(conversation, status, answered)

    async def close(self) -> None:
        """Cut every call, and stop every application."""
        for conversation in self._under_way:
            await conversation.stopped()
        for place in self._places.values():
            if place.lifespan is not None:
                await place.lifespan.stopped()


async def _head(conversation: Conversation, patience: float) -> tuple[int, Headers]:
    try:
        async with asyncio.timeout(patience):
            return await conversation.answered()
    except TimeoutError:
        failure = UpstreamFailed("upstream_timeout", "the upstream did not answer in time")
    except Broken:
        failure = UpstreamFailed("upstream_lost", "the connection to the upstream was lost before its answer")
    except BaseException:  # whoever sends the body, or waits for the answer, has gone
        conversation.close()
        raise
    conversation.close()
    raise failure


async def _noted(seen: Seen, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in body:
        seen.body += piece
        yield piece


def _scope(seen: Seen, headers: list[tuple[str, str]]) -> dict[str, object]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": seen.method,
        "scheme": "https",
        "path": unquote(seen.path),
        "raw_path": seen.path.encode("ascii"),
        "root_path": "",
        "query_string": seen.raw_query.encode("ascii"),
        "headers": [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": (seen.headers["host"].rpartition(":")[0], 443),
        "state": {},
        "gatepass.seen": seen,
    }
