"""What an agent asks for, and what it gets: one pass for one call, unless it says otherwise.

The law: what is asked for names the one surface that it is for. A pass is never shown, copied or written down; its
text has one way out, onto the request that it is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.errors import Malformed
from gatepass.keys.guarded import Guarded

__all__ = ["Pass", "Wanted", "inside", "surface_of"]

_SURFACES: Final = frozenset({"u", "mcp"})
_HEADER_ONLY: Final = "k"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One request for a pass. What is left out is what the agent's role says of it."""

    scopes: tuple[str, ...] = ()
    """What it has to be able to do: one tool's scopes. Without any, what the role grants by default, to read."""
    details: tuple[Mapping[str, Json], ...] = ()
    """The same as `authorization_details` (RFC 9396): for what a scope cannot say."""
    resource: str | None = None
    """The surface, such as `https://passes.example/u/orders`; None takes it from the address that is called."""
    once: bool = False
    """For one call: honoured once, and never again."""
    lifetime: int | None = None
    """Whole seconds; None is what is usual there. A pass ends by the role's longest in any case."""
    composed: bool = False
    """Several tools in one pass, on purpose. Without it, two tools are asked for twice."""
    run: str | None = None
    purpose: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of the token request, by name."""

    def form(self, resource: str) -> dict[str, str]:
        """The parameters that say this (RFC 6749, RFC 8707, RFC 9396)."""
        said = {
            "resource": resource,
            "scope": " ".join(self.scopes),
            "authorization_details": exact.write(tuple(self.details)).decode() if self.details else "",
            "single_use": "true" if self.once else "",
            "expires_in": "" if self.lifetime is None else str(self.lifetime),
            "composition": "explicit" if self.composed else "",
            "run_id": self.run or "",
            "purpose": self.purpose or "",
        }
        return {**self.more, **{name: value for name, value in said.items() if value}}


class Pass(Guarded):
    """An access token, with what has to be known to use it."""

    __slots__ = ("_text", "bound", "expires", "resource", "scope")

    def __init__(self, text: str, *, resource: str, scope: str, bound: bool, expires: Instant) -> None:
        self._text = text
        self.resource = resource
        self.scope = scope
        """What holds without a condition, as the issuer says it."""
        self.bound = bound
        """Whether each use of it takes a proof by the key."""
        self.expires = expires
        """By our own clock: when it was asked for, and the life that the issuer named."""

    def reveal(self) -> str:
        """The text, for the one request that it is put on."""
        return self._text

    def __repr__(self) -> str:
        return f"<pass for {self.resource}>"


def surface_of(base: str, url: str) -> str:
    """The surface that `url` is an address of: `{base}/u/{upstream}` or `{base}/mcp/{upstream}`.

    Raises `Malformed` for an address of somebody else's: a pass is not shown to them.
    """
    if not inside(base, url):
        raise Malformed(
            "malformed_request",
            f"`{_origin(url)}` is not where these passes are for",
            hint="Call through the gateway, or name the `resource` that the pass is for.",
        )
    path = urlsplit(url).path.removeprefix(urlsplit(base).path)
    _, kind, upstream, *_ = (*path.split("/"), "", "")
    if kind == _HEADER_ONLY and upstream:
        return f"{base}/mcp/{upstream}"
    if kind not in _SURFACES or not upstream:
        raise Malformed(
            "malformed_request",
            "the address names no surface of the gateway",
            hint="Call `/u/UPSTREAM/...` or `/mcp/UPSTREAM`, or name the `resource` that the pass is for.",
        )
    return f"{base}/{kind}/{upstream}"


def inside(base: str, url: str) -> bool:
    """Whether `url` is at or beneath `base`, by scheme, host, port and whole segments of its path."""
    above, below = urlsplit(base), urlsplit(url)
    if (above.scheme, above.netloc.lower()) != (below.scheme, below.netloc.lower()):
        return False
    if not {".", "..", "%2e", "%2e%2e", ".%2e", "%2e."}.isdisjoint(below.path.lower().split("/")):
        return False
    return below.path == above.path or below.path.startswith(above.path.rstrip("/") + "/")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}"
