"""An upstream as a plain function: what it is handed, what it may return, and what everybody may look at afterwards.

What reached an upstream holds the real key, because that is what upstreams get; so what prints of it is the method
and the path.
"""

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl

from gatepass.testing.traffic.asgi import Application, Receive, Scope, Send

__all__ = ["Answer", "Function", "Seen", "application"]


@dataclass(slots=True)
class Seen:
    """A request as it reached an upstream."""

    method: str
    path: str
    """Behind the target's host, as it was sent: nothing decoded."""
    raw_query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By their names in lower case. The upstream's real key is among them."""
    body: bytes = field(default=b"", repr=False)
    """As much of it as the upstream has read."""

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that is named twice, the last."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def json(self) -> Any:  # noqa: ANN401  whatever the agent sent
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an upstream answers. `body` is bytes, text, or anything that JSON can say."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Function: TypeAlias = Callable[[Seen], Any]
"""Takes what arrived; returns an `Answer`, or just its body. May be `async`; one that is not runs in a thread."""


def application(upstream: Function | Application) -> Application:
    """An ASGI application out of either: one that takes three things is one already."""
    takes = [
        parameter
        for parameter in inspect.signature(upstream).parameters.values()
        if parameter.default is parameter.empty and parameter.kind in {0, 1}
    ]
    if len(takes) == 1:
        return _answering(cast("Function", upstream))
    return cast("Application", upstream)


def _answering(function: Function) -> Application:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError("a function answers requests and nothing else")
        while (await receive()).get("more_body"):
            pass
        answer = await called(function, scope["gatepass.seen"])
        answer = answer if isinstance(answer, Answer) else Answer(body=answer)
        kind, body = _written(answer.body)
        headers = {"content-type": kind, "content-length": str(len(body)), **_lower(answer.headers)}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    return app


async def called(function: Callable[..., Any], *arguments: object, **named: object) -> Any:  # noqa: ANN401  theirs
    """What a function of the test's returns, whether it is `async` or not."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments, **named)
    returned = await asyncio.to_thread(function, *arguments, **named)
    return await returned if inspect.isawaitable(returned) else returned


def _written(body: object) -> tuple[str, bytes]:
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    return "application/json", json.dumps(body).encode()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
