"""What leaves the house: the target and the headers of a call, with the secret where the upstream wants it.

The laws. A secret is put only on a request to the exact origin that it was sealed for. Path and query go out byte
for byte, behind the registered base path and never in front of it. Every door writes its calls here, the one that
opens sockets and the one that tests reach their upstreams by.
"""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

from gatepass.errors import Unavailable, UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed, HttpCall
from gatepass.gateway.requests import Headers
from gatepass.keys import origin_of
from gatepass.registry import Injection, InjectionKind, Upstream

__all__ = ["Target", "Written", "written"]

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the calls of an upstream go."""

    origin: str
    scheme: str
    host: str
    """A name, or an address; IPv6 in brackets."""
    port: int
    base: bytes
    """The path of the registered address without a slash at its end: what every path of a call stands behind."""
    authority: bytes
    """What the `Host` header says: no port where it is the scheme's own."""

    @classmethod
    def of(cls, upstream: Upstream) -> Self:
        """Raises `UpstreamFailed` for an upstream that is not reached over HTTP."""
        if upstream.kind.is_command:
            raise UpstreamFailed("upstream_unreachable", "the upstream is a command, it is not reached over HTTP")
        origin = origin_of(upstream)
        scheme, _, authority = origin.partition("://")
        host, _, port = authority.rpartition(":")
        base = upstream.target[upstream.target.index("://") + 3 :].partition("/")[2].rstrip("/")
        said = host if port == _DEFAULT_PORTS[scheme] else authority
        return cls(origin, scheme, host, int(port), f"/{base}".encode("ascii") if base else b"", said.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Written:
    """A request as it leaves, but for its framing. It may hold the secret, and is therefore never shown."""

    path: bytes
    query: bytes
    headers: Headers

    def __repr__(self) -> str:
        return "Written()"


def written(target: Target, call: HttpCall, secret: Exposed | None) -> Written:
    """The request. Raises `Unavailable` when the secret cannot be put where it belongs."""
    if call.path and not call.path.startswith(b"/"):
        raise UpstreamFailed("upstream_forbidden_address", "the path leads to another address than the upstream's")
    path = target.base + call.path or b"/"
    injection = call.upstream.injection
    if secret is None:
        return Written(path, call.query, call.headers)
    if injection is None or injection.kind is InjectionKind.ENVIRONMENT:
        raise Unavailable("secret_unusable", "the upstream is not registered with a place for its secret")
    if secret.origin != target.origin:
        raise Unavailable("secret_bound_elsewhere", "the secret is bound to another address")
    return secret.expose_to(lambda value: _injected(path, call, injection, value))


def _injected(path: bytes, call: HttpCall, injection: Injection, value: bytes) -> Written:
    text = injection.prefix + value.decode("utf-8")
    if injection.kind is InjectionKind.HEADER:
        if not text.isprintable():
            raise Unavailable("secret_unusable", "the secret holds characters that no header may hold")
        name = injection.name.lower().encode("ascii")
        kept = tuple(header for header in call.headers if header[0] != name)
        return Written(path, call.query, (*kept, (name, text.encode())))
    added = f"{quote(injection.name, safe='')}={quote(text, safe='')}".encode("ascii")
    return Written(path, call.query + b"&" + added if call.query else added, call.headers)
