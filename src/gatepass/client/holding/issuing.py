"""One issuer, as an agent asks it for passes: with a key, an identity, and a new proof for every request.

The law: the identity goes to the issuer's own address, over a connection of its own: no redirect is followed, no proxy
and no `.netrc` of the environment is used. Every request is proven by the agent's key; where the issuer asks for a
nonce it is proven once more, and not a third time. Answers are bounded, and errors are ours.
"""

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self
from urllib.parse import urlencode

import httpx2

from gatepass.access import Instant
from gatepass.client.addresses import checked_url, pinned, trust
from gatepass.client.holding.answers import MOST_BYTES, nonce_of, read_pass, refusal
from gatepass.client.holding.identity import Identity
from gatepass.client.holding.wanted import Pass, Wanted, surface_of
from gatepass.credentials.proofs.making import make_proof
from gatepass.errors import Malformed, Unauthenticated, Unavailable, UpstreamFailed
from gatepass.keys.jose.signing import HolderKey

__all__ = ["Issuer", "clock"]

_TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - a path
_CONNECT_SECONDS: Final = 5.0
_MOST_KEPT: Final = 256
_SPARE: Final = 10_000
"""Milliseconds that a kept pass still has to have."""
_TRIES: Final = 2


def clock() -> Instant:
    """What this machine's clock says."""
    return Instant(time.time_ns() // 1_000_000)


class Issuer:
    """Asks one issuer for passes. For any number of threads and tasks at once.

    `url` is the issuer's identifier, which is also where agents call. `through` and `through_async` carry requests in
    the place of sockets. Raises `Malformed` for what cannot be an address.
    """

    def __init__(
        self,
        url: str,
        identity: Identity,
        key: HolderKey,
        *,
        timeout: float = 30.0,
        unsafe_http: bool = False,
        through: httpx2.BaseTransport | None = None,
        through_async: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], Instant] = clock,
    ) -> None:
        self.url = checked_url(url, unsafe_http=unsafe_http, named="the issuer")
        self.key = key
        self._identity = identity
        self.now = now
        self._nonce: str | None = None
        self._kept: OrderedDict[tuple[object, ...], Pass] = OrderedDict()
        self._turn = threading.Lock()
        self._endpoint = pinned(self.url)[0] + _TOKEN_PATH
        self._timeout = httpx2.Timeout(timeout, connect=_CONNECT_SECONDS)
        self._through, self._through_async = through, through_async
        self._client: httpx2.Client | None = None
        self._client_async: tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_async()

    def close(self) -> None:
        """Close the connections of `ask`."""
        if self._client is not None:
            self._client.close()

    async def close_async(self) -> None:
        """Close all connections; in the loop that `ask_async` was called in."""
        self.close()
        if self._client_async is not None:
            await self._client_async[1].aclose()

    def ask(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:
        """A pass for `wanted`, for its resource or for the surface of `url`; with `keep` one that was asked for before.

        Raises what the issuer's refusal tells of (`issuance_refused`), `Unavailable`, `UpstreamFailed`, `Malformed`.
        """
        resource = self.resource(wanted, url)
        if keep and (held := self._held(wanted, resource)) is not None:
            return held
        client = self._connection()
        for tried in range(_TRIES):
            asked = self.now()
            headers, body = self._request(wanted, resource, asked)
            with self._ours(), client.stream("POST", self._endpoint, headers=headers, content=body) as got:
                content = _bounded(got.iter_raw())
            found = self._read(got, content, resource, asked, again=tried == 0)
            if found is not None:
                return self._remember(wanted, resource, found, keep=keep)
        raise _no_nonce()

    async def ask_async(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:
        """As `ask`."""
        resource = self.resource(wanted, url)
        if keep and (held := self._held(wanted, resource)) is not None:
            return held
        client = self._connection_async()
        for tried in range(_TRIES):
            asked, content = self.now(), bytearray()
            headers, body = self._request(wanted, resource, asked)
            with self._ours():
                async with client.stream("POST", self._endpoint, headers=headers, content=body) as got:
                    async for piece in got.aiter_raw():
                        content += piece
                        _check_size(content)
            found = self._read(got, bytes(content), resource, asked, again=tried == 0)
            if found is not None:
                return self._remember(wanted, resource, found, keep=keep)
        raise _no_nonce()

    def resource(self, wanted: Wanted, url: str | None) -> str:
        """The one surface that a pass would be for. Raises `Malformed` where neither names it."""
        if wanted.resource is not None:
            return wanted.resource
        if url is None:
            raise Malformed("malformed_request", "what the pass is for is not named", hint="Name its `resource`.")
        return surface_of(self.url, url)

    def forget(self, held: Pass) -> None:
        """Keep this pass no longer: whoever was shown it refused it."""
        with self._turn:
            for name in [name for name, kept in self._kept.items() if kept is held]:
                del self._kept[name]

    def _request(self, wanted: Wanted, resource: str, at: Instant) -> tuple[dict[str, str], bytes]:
        asked = self._identity.ask(self.url, at)
        endpoint = self.url + _TOKEN_PATH
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/x-www-form-urlencoded",
            "host": pinned(self.url)[1],
            "user-agent": "gatepass",
            "dpop": make_proof(self.key, method="POST", url=endpoint, at=at, entropy=os.urandom, nonce=self._nonce),
        }
        if asked.authorization is not None:
            headers["authorization"] = asked.authorization
        return headers, urlencode({**wanted.form(resource), **asked.form}).encode()

    def _read(self, got: httpx2.Response, content: bytes, resource: str, asked: Instant, *, again: bool) -> Pass | None:
        """The pass; None where it is to be asked for once more, with the nonce that came."""
        if "content-encoding" in got.headers:
            raise UpstreamFailed("server_garbled", "the issuer sent an encoded answer that nobody asked for")
        nonce = nonce_of(got.headers)
        self._nonce = nonce or self._nonce
        if got.is_success:
            return read_pass(content, resource=resource, asked=asked, proven=True)
        refused = refusal(got.status_code, content, got.headers.get("retry-after"))
        if again and nonce is not None and refused.details.get("oauth_error") == "use_dpop_nonce":
            return None
        raise refused

    def _connection(self) -> httpx2.Client:
        with self._turn:
            if self._client is None or self._client.is_closed:
                self._client = httpx2.Client(
                    timeout=self._timeout,
                    follow_redirects=False,
                    trust_env=False,
                    verify=trust(self.url),
                    transport=self._through,
                )
            return self._client

    def _connection_async(self) -> httpx2.AsyncClient:
        """One for the loop that asks: connections belong to the loop that they were opened in."""
        loop = asyncio.get_running_loop()
        with self._turn:
            if self._client_async is None or self._client_async[0] is not loop or self._client_async[1].is_closed:
                made = httpx2.AsyncClient(
                    timeout=self._timeout,
                    follow_redirects=False,
                    trust_env=False,
                    verify=trust(self.url),
                    transport=self._through_async,
                )
                self._client_async = loop, made
            return self._client_async[1]

    @contextmanager
    def _ours(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise Unavailable("server_unreachable", f"no issuer answers at `{self.url}`") from None
        except httpx2.TimeoutException:
            raise Unavailable("server_timeout", f"`{self.url}` did not answer in time") from None
        except httpx2.HTTPError:
            raise Unavailable("server_timeout", f"`{self.url}` broke off the connection") from None

    def _held(self, wanted: Wanted, resource: str) -> Pass | None:
        with self._turn:
            held = self._kept.get(_name(wanted, resource))
            if held is None or self.now() + _SPARE < held.expires:
                return held
            del self._kept[_name(wanted, resource)]
            return None

    def _remember(self, wanted: Wanted, resource: str, found: Pass, *, keep: bool) -> Pass:
        if keep:
            with self._turn:
                self._kept[_name(wanted, resource)] = found
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _name(wanted: Wanted, resource: str) -> tuple[object, ...]:
    return tuple(sorted(wanted.form(resource).items()))


def _bounded(pieces: Iterator[bytes]) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        _check_size(content)
    return bytes(content)


def _check_size(content: bytearray) -> None:
    if len(content) > MOST_BYTES:
        raise UpstreamFailed("server_garbled", f"the issuer sent more than {MOST_BYTES} bytes")


def _no_nonce() -> Unauthenticated:
    return Unauthenticated("proof_nonce", "the issuer asked for another nonce each time")
