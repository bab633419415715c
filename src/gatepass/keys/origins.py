"""To what, exactly, a secret may be sent: the origin of an upstream, in one spelling.

The law: two targets have the same origin exactly when the secret of one may go to the other. For a URL that is scheme,
host and port (RFC 6454), all three written out; for the command of a child process it is the hash of the whole command
line. A target that two parsers could read differently (user information, backslashes, odd spellings of addresses,
white space, letters beyond ASCII) has no origin and is refused: whoever connects later must not read it otherwise.
"""

import hashlib
import ipaddress
import re
from functools import lru_cache
from typing import Final, Protocol

from gatepass.access import UpstreamId
from gatepass.errors import Malformed

__all__ = ["Destination", "origin_of"]

_LONGEST_TARGET: Final = 4096
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_COMMAND_KIND: Final = "mcp-stdio"
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?",
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class Destination(Protocol):
    """An upstream, as far as custody has to know it. `registry.Upstream` is one."""

    @property
    def id(self) -> UpstreamId:
        """Its id, `ups_…`."""
        ...

    @property
    def kind(self) -> str:
        """`rest`, `mcp-http` or `mcp-stdio`."""
        ...

    @property
    def target(self) -> str:
        """A base URL, or a command line."""
        ...


def origin_of(upstream: Destination) -> str:
    """`https://api.example:443`, or `stdio:` and a hash. Raises `Malformed` for a target without one clear origin."""
    if len(upstream.target) > _LONGEST_TARGET:
        raise Malformed("malformed_request", f"an upstream's target has at most {_LONGEST_TARGET} characters")
    return _origin(upstream.kind == _COMMAND_KIND, upstream.target)


@lru_cache(maxsize=512)
def _origin(is_command: bool, target: str) -> str:  # noqa: FBT001  a key of the cache
    """Asked on every call. Remembered by the whole of what it depends on, so it cannot be an earlier target's."""
    if is_command:
        return "stdio:" + hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()
    found = _URL.fullmatch(target)
    host = None if found is None else _host(found["host"].lower())
    if found is None or host is None:
        raise _unclear(target)
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[scheme]
    if port > 0xFFFF:  # noqa: PLR2004 - the largest port there is
        raise _unclear(target)
    return f"{scheme}://{host}:{port}"


def _host(text: str) -> str | None:
    """A name or an address in its one spelling; None for what resolvers could take for an address of another kind."""
    if text.startswith("["):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            return None
        # An IPv4 address in IPv6 clothes has another spelling in every version of the library.
        return None if address.ipv4_mapped else f"[{address.compressed}]"
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            return None
    return text


def _unclear(target: str) -> Malformed:
    """Repeat a target only as far as it cannot hold a password or a key: nothing before `@`, nothing after `?`."""
    plain = target.isascii() and target.isprintable() and not set("@?#") & set(target)
    shown = target[:100] if plain else "…"
    return Malformed(
        "malformed_request",
        f"`{shown}` is not an upstream's base URL",
        hint="Write scheme, host, port and base path only, such as https://api.example.com/v1.",
    )
