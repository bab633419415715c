"""Who is signed in: a session of the management API's, carried by a cookie that no script can read.

The cookie holds the session and nothing else; there is no state here. It goes to pages of ours alone
(`SameSite=Strict`, `HttpOnly`, below `/console`). Where the browser signed in over TLS, which it says itself in
`Origin`, the cookie is `__Host-`: no other name of the domain can set it and no plain connection carries it. Ports
do not separate cookies: whoever serves pages at another port of the same host name is sent it too, and
docs/threat-model.md says what follows from that.
"""

import re
from datetime import datetime
from typing import Final

from gatepass.access import Instant
from gatepass.console.forms import read_cookies
from gatepass.gateway.requests import Headers

__all__ = ["PLAIN", "SECURE", "cleared", "find", "kept"]

PLAIN: Final = "gatepass_session"
SECURE: Final = "__Host-gatepass_session"
_TOKEN: Final = re.compile(r"gp_[a-z]{2,4}_[0-9A-Za-z]{20,96}", re.ASCII)


def find(headers: Headers) -> str | None:
    """The session that a request presents. The cookie that only TLS can have set goes first."""
    cookies = read_cookies(headers)
    text = cookies.get(SECURE if SECURE in cookies else PLAIN)
    return text if text is not None and _TOKEN.fullmatch(text) else None


def kept(token: str, expires_at: str, now: Instant, headers: Headers) -> Headers:
    """What makes the browser that sent `headers` keep the session until it ends."""
    seconds = max(round(datetime.fromisoformat(expires_at).timestamp() - now / 1000), 0)
    secure = any(name == b"origin" and value.startswith(b"https://") for name, value in headers)
    return (_cookie(SECURE if secure else PLAIN, token, seconds),)


def cleared() -> Headers:
    """What makes a browser forget it, under either name."""
    return (_cookie(PLAIN, "", 0), _cookie(SECURE, "", 0))


def _cookie(name: str, value: str, seconds: int) -> tuple[bytes, bytes]:
    place = "Path=/; Secure" if name == SECURE else "Path=/console"
    return b"set-cookie", f"{name}={value}; {place}; HttpOnly; SameSite=Strict; Max-Age={seconds}".encode("ascii")
