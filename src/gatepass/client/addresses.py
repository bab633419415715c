"""Where a credential may be sent: the addresses of servers, read strictly.

The law: plain HTTP leaves this machine only where somebody said so, an address carries no name and no password, and
`localhost` is this machine and no other.
"""

import ipaddress
import ssl
from typing import Final
from urllib.parse import urlsplit

from gatepass.errors import Malformed

__all__ = ["DEFAULT_URL", "checked_url", "pinned", "trust"]

DEFAULT_URL: Final = "http://localhost:8420"
"""The host name of people, at which the management API answers."""


def checked_url(url: str, *, unsafe_http: bool, named: str = "GATEPASS_URL") -> str:
    """The address of a server, without a slash at its end. Raises `Malformed`, which calls it `named`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    strange = parts.username is not None or parts.password is not None or parts.query or parts.fragment
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or strange
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise Malformed(
            "malformed_request",
            f"{named} is not the address of a server",
            hint=f"Write it as http://host:port or https://host, for example {DEFAULT_URL}.",
        )
    if parts.scheme == "http" and not unsafe_http and not _is_this_machine(host):
        raise Malformed(
            "malformed_request",
            f"`{host}` is another machine, and http:// would show the token to everybody in between",
            hint="Use https://, or set GATEPASS_UNSAFE_HTTP=1 where the network itself is protected.",
        )
    return url.rstrip("/")


def pinned(url: str) -> tuple[str, str]:
    """Where to connect to, and the `Host` to ask for.

    Over plain HTTP `localhost` means 127.0.0.1 here. Resolved, it may mean ::1 first, where anybody on this machine
    can listen on a port that Gatepass has taken on 127.0.0.1 alone, and would be handed the token.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != "localhost":
        return url, parts.netloc
    port = "" if parts.port is None else f":{parts.port}"
    return f"http://127.0.0.1{port}{parts.path}", parts.netloc


def trust(url: str) -> ssl.SSLContext | bool:
    """Whose certificates count: the usual authorities'; over plain HTTP nobody's, which is not slow to load."""
    return True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
