"""Calls that carry a pass: an `httpx2.Auth` for any client, and headers for whoever writes their own requests.

The law: each call gets a pass of its own, asked for when it is made, and a proof made for exactly its method and
address; `keep=True` is said where one pass is to serve several. A pass goes to addresses at or beneath what it is for,
and to no other; redirects are followed if the client is told to, and `httpx2` takes the pass off where they lead to
another host. Where the other side asks for a nonce the call is proven once more.
"""

import os
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Final, Protocol, TypeAlias

import httpx2

from gatepass.access import Instant
from gatepass.client.holding.answers import nonce_of
from gatepass.client.holding.wanted import Pass, Wanted, inside
from gatepass.credentials.proofs.making import make_proof
from gatepass.errors import Malformed
from gatepass.keys.jose.signing import HolderKey

__all__ = ["Calls", "Said", "Source", "headers_for"]

Said: TypeAlias = Wanted | Callable[[httpx2.Request], Wanted]
"""What each call needs: the same for all, or read off the request."""

_UNAUTHORIZED: Final = 401


class Source(Protocol):
    """Whom calls get their passes from: an `Issuer`, or a chain's `Carrier`."""

    @property
    def url(self) -> str:
        """The address beneath which the surfaces are."""
        ...

    @property
    def key(self) -> HolderKey:
        """What passes are bound to."""
        ...

    def now(self) -> Instant:
        """What the clock says."""
        ...

    def ask(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:
        """A pass for a call to `url`."""
        ...

    async def ask_async(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:
        """As `ask`."""
        ...

    def forget(self, held: Pass, /) -> None:
        """A pass that was refused is kept no longer."""
        ...


class Calls(httpx2.Auth):
    """Gives every request of a client its pass: `httpx2.Client(auth=Calls(issuer, Wanted(scopes=...)))`.

    For synchronous and asynchronous clients, so for the `mcp` SDK's too. Raises as `Issuer.ask` does.
    """

    def __init__(self, issuer: Source, wanted: Said | None = None, *, keep: bool = False) -> None:
        self._issuer = issuer
        self._wanted: Said = Wanted() if wanted is None else wanted
        self._keep = keep
        self._nonce: str | None = None

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """For `httpx2.Client`."""
        held = self._issuer.ask(self._needed(request), url=str(request.url), keep=self._keep)
        response = yield self._with(request, held)
        if self._again(request, response, held):
            self._learn((yield self._with(request, held)))

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """For `httpx2.AsyncClient`."""
        held = await self._issuer.ask_async(self._needed(request), url=str(request.url), keep=self._keep)
        response = yield self._with(request, held)
        if self._again(request, response, held):
            self._learn((yield self._with(request, held)))

    def _needed(self, request: httpx2.Request) -> Wanted:
        return self._wanted if isinstance(self._wanted, Wanted) else self._wanted(request)

    def _with(self, request: httpx2.Request, held: Pass) -> httpx2.Request:
        said = headers_for(self._issuer, held, request.method, str(request.url), nonce=self._nonce)
        request.headers.pop("dpop", None)
        request.headers.update(said)
        return request

    def _again(self, request: httpx2.Request, response: httpx2.Response, held: Pass) -> bool:
        """Whether the same call is worth a second proof. A body that was streamed cannot be sent twice."""
        self._learn(response)
        if response.status_code != _UNAUTHORIZED:
            return False
        asked = "use_dpop_nonce" in response.headers.get("www-authenticate", "")
        if not asked:
            self._issuer.forget(held)
        return asked and nonce_of(response.headers) is not None and isinstance(request.stream, httpx2.ByteStream)

    def _learn(self, response: httpx2.Response) -> None:
        self._nonce = nonce_of(response.headers) or self._nonce


def headers_for(issuer: Source, held: Pass, method: str, url: str, *, nonce: str | None = None) -> dict[str, str]:
    """The headers that one request of this method to this address carries. A proof is for one request.

    Raises `Malformed` for an address that is not at or beneath what the pass is for.
    """
    if not _is_for(issuer, held, url):
        raise Malformed(
            "malformed_request",
            "the pass is for another address",
            hint=f"It is for `{held.resource}`; ask for another pass.",
        )
    if not held.bound:
        return {"authorization": f"Bearer {held.reveal()}"}
    proof = make_proof(
        issuer.key,
        method=method,
        url=url,
        at=issuer.now(),
        entropy=os.urandom,
        credential=held.reveal(),
        nonce=nonce,
    )
    return {"authorization": f"DPoP {held.reveal()}", "dpop": proof}


def _is_for(issuer: Source, held: Pass, url: str) -> bool:
    header_only = held.resource.replace(f"{issuer.url}/mcp/", f"{issuer.url}/k/", 1)
    return inside(held.resource, url) or (header_only != held.resource and inside(header_only, url))
