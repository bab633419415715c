"""What leaves the house: the address and the headers of a call, with the secret where the upstream wants it.

The laws. A secret is put only on a request to the exact origin that it was sealed for. Path and query go out byte
for byte, and the address is still of the origin that was registered, whatever they hold. Every door writes its calls
here, the one that opens sockets and the one that tests reach their upstreams by.
"""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from yarl import URL

from gatepass.errors import Unavailable, UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed, HttpCall
from gatepass.keys import origin_of
from gatepass.registry import Injection, InjectionKind, Upstream

__all__ = ["Target", "written"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the calls of an upstream go."""

    origin: str
    base: str
    """The registered address without a slash at its end: what every path of a call stands behind."""

    @classmethod
    def of(cls, upstream: Upstream) -> Self:
        """Raises `UpstreamFailed` for an upstream that is not reached over HTTP."""
        if upstream.kind.is_command:
            raise UpstreamFailed("upstream_unreachable", "the upstream is a command, it is not reached over HTTP")
        origin = origin_of(upstream)
        base = upstream.target[upstream.target.index("://") + 3 :].partition("/")[2].rstrip("/")
        return cls(origin, f"{origin}/{base}" if base else origin)


def written(target: Target, call: HttpCall, secret: Exposed | None) -> tuple[URL, list[tuple[str, str]]]:
    """The address and the headers. Raises `Unavailable` when the secret cannot be put where it belongs."""
    url = target.base + call.path.decode("ascii")
    query = call.query.decode("ascii")
    headers = [(name.decode("ascii"), value.decode("ascii")) for name, value in call.headers]
    injection = call.upstream.injection
    if secret is None:
        return _url(target, url, query), headers
    if injection is None or injection.kind is InjectionKind.ENVIRONMENT:
        raise Unavailable("secret_unusable", "the upstream is not registered with a place for its secret")
    if secret.origin != target.origin:
        raise Unavailable("secret_bound_elsewhere", "the secret is bound to another address")
    return secret.expose_to(lambda value: _injected(target, url, query, headers, injection, value))


def _injected(  # noqa: PLR0917  the one use of a secret takes what it is put into
    target: Target, url: str, query: str, headers: list[tuple[str, str]], injection: Injection, value: bytes
) -> tuple[URL, list[tuple[str, str]]]:
    text = injection.prefix + value.decode("utf-8")
    if injection.kind is InjectionKind.HEADER:
        if not text.isprintable():
            raise Unavailable("secret_unusable", "the secret holds characters that no header may hold")
        name = injection.name.lower()
        return _url(target, url, query), [*(header for header in headers if header[0] != name), (name, text)]
    added = f"{quote(injection.name, safe='')}={quote(text, safe='')}"
    return _url(target, url, f"{query}&{added}" if query else added), headers


def _url(target: Target, url: str, query: str) -> URL:
    """The whole address, byte for byte; still of the origin that was registered, whatever the path holds."""
    whole = URL(f"{url}?{query}" if query else url, encoded=True)
    if (
        f"{whole.scheme}://{whole.raw_authority if whole.explicit_port else f'{whole.raw_authority}:{whole.port}'}"
        != target.origin
    ):
        raise UpstreamFailed("upstream_forbidden_address", "the path leads to another address than the upstream's")
    return whole
