"""One connection to one Gatepass server: where it may go, what it may carry, how much it reads.

A token goes to the server that was named and nowhere else: no redirect is followed, no proxy and no `.netrc`
of the environment is used, and plain HTTP beyond this machine is refused unless somebody says `unsafe_http`.
Answers are bounded, and errors are ours: whoever calls sees `gatepass.errors` and nothing of the HTTP library.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import httpx2

from gatepass import exact
from gatepass.access import Json
from gatepass.client.addresses import DEFAULT_URL, checked_url, pinned, trust
from gatepass.client.problems import error_from
from gatepass.errors import Error, Malformed, Unavailable, UpstreamFailed

__all__ = ["DEFAULT_URL", "Health", "Transport", "segment"]

_MOST_BYTES: Final = 16 << 20
_MOST_LINE: Final = 1 << 20
_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """What a server says about itself to anybody."""

    url: str
    refusal: str | None
    """Why it cannot serve now; None when it can."""
    date: datetime | None
    """What its clock says, to the second."""


class Transport:
    """Sends requests to one server, in the order in which they are made. Not for several threads at once.

    `timeout` is in seconds and bounds the wait for each piece of an answer. `through` carries requests in the place
    of sockets, to a server in this very process. Raises `Malformed` for a URL or a token that cannot be one.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        unsafe_http: bool = False,
        through: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = checked_url(url, unsafe_http=unsafe_http)
        self._origin, host = pinned(self.url)
        headers = {
            "host": host,
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "gatepass",
        }
        if token is not None:
            headers["authorization"] = f"Bearer {_checked_token(token)}"
        self._broke = False  # whether the last request ended with its connection
        self._client = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(timeout, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=trust(self.url),
            transport=through,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        key: str | None = None,
        seen: str | None = None,
        anew: bool = False,
    ) -> Json:
        """Send one request and read the whole answer: None for an empty one. Raises the error that it tells of.

        With a `key` (`Idempotency-Key`) it is sent once more after a connection that broke: the server does it once.
        With `seen`, the tag of a state that was read, it is done only if that state still stands; `anew`, only if
        nothing is there yet.
        """
        headers = {"idempotency-key": f'"{key}"'} if key is not None else {}
        headers |= {"if-match": seen} if seen is not None else {}
        headers |= {"if-none-match": "*"} if anew else {}
        try:
            return self._ask(method, path, query, body, headers)[0]
        except Unavailable:
            if key is None or not self._broke:
                raise
            return self._ask(method, path, query, body, headers)[0]

    def look(self, path: str) -> tuple[Json, str | None]:
        """GET one thing, and the tag of the state in which it was seen."""
        return self._ask("GET", path, None, None, {})

    def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Json, headers: Mapping[str, str]
    ) -> tuple[Json, str | None]:
        with self._send(method, path, query, body, headers) as response:
            content = _whole(response)
            if response.is_success:
                return _read(content) if content else None, response.headers.get("etag")
            raise _refusal(response, content)

    def health(self) -> Health:
        """Whether the server can serve. Raises `Unavailable` where none answers, `UpstreamFailed` for another's."""
        with self._send("GET", "/readyz", None, None) as response:
            content = _whole(response)
            refusal = None if response.is_success else _refusal(response, content)
            if (refusal is None and content.strip() != b"ok") or isinstance(refusal, UpstreamFailed):
                raise _garbled("something that is not a Gatepass server's answer")
            reason = None if refusal is None else refusal.message
            return Health(self.url, reason, _date(response.headers.get("date")))

    @contextmanager
    def lines(self, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """GET an answer of many lines, one at a time, each without its end. An answer that is cut off raises."""
        with self._send("GET", path, query, None) as response:
            if not response.is_success:
                raise _refusal(response, _whole(response))
            yield _lines(response)

    @contextmanager
    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Json,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx2.Response]:
        self._broke = False
        content = None if body is None else exact.write(body)
        said = {**(headers or {}), **({} if content is None else {"content-type": "application/json"})}
        try:
            with self._client.stream(
                method, self._origin + path, params=query or None, content=content, headers=said
            ) as response:
                if "content-encoding" in response.headers:
                    raise _garbled("an encoded answer that nobody asked for")
                yield response
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise Unavailable("server_unreachable", f"no Gatepass server answers at `{self.url}`") from None
        except httpx2.TimeoutException:
            raise Unavailable("server_timeout", f"`{self.url}` did not answer in time") from None
        except httpx2.HTTPError:
            self._broke = True
            raise Unavailable("server_timeout", f"`{self.url}` broke off the connection") from None


def segment(text: str) -> str:
    """`text` as one segment of a path, whatever it contains; a dot segment would walk and is no id."""
    if text in {"", ".", ".."}:
        raise Malformed("malformed_request", f"`{text}` is not a name or an id", hint="Write the name or the id.")
    return quote(text, safe="")


def _checked_token(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise Malformed("malformed_token", "GATEPASS_TOKEN is not a token", hint="Copy the whole token again.")
    return token


def _whole(response: httpx2.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > _MOST_BYTES:
            raise _garbled(f"more than {_MOST_BYTES} bytes")
    return bytes(content)


def _lines(response: httpx2.Response) -> Iterator[bytes]:
    rest = b""
    for piece in response.iter_raw():
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > _MOST_LINE:
            raise _garbled(f"a line of more than {_MOST_LINE} bytes")
    if rest:
        raise _garbled("a last line without an end")


def _read(content: bytes) -> Json:
    try:
        return exact.read(content, max_bytes=_MOST_BYTES)
    except Malformed:
        raise _garbled("something that is not JSON") from None


def _refusal(response: httpx2.Response, content: bytes) -> Error:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    problem = _read(content) if kind == "application/problem+json" else None
    return error_from(response.status_code, problem)


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except ValueError:
        return None


def _garbled(what: str) -> UpstreamFailed:
    return UpstreamFailed("server_garbled", f"the server sent {what}")
