"""What keeps other pages out: where a form came from, the token in it, and what a browser may do with our answers.

Three guards against a form of somebody else's, each enough by itself: the cookie is `SameSite=Strict`; the
browser says where the form was (`Sec-Fetch-Site`, `Origin`), ports included, since pages at other ports of
`localhost` share the cookie; and the form holds a token made from the session, compared in constant time. Nothing
is stored for any of it. Notices that survive a redirect are signed the same way, so that no link of a stranger's
can put words into our mouth.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from gatepass.errors import Denied
from gatepass.gateway.requests import Headers

__all__ = ["PAGE", "STATIC", "check_origin", "check_token", "form_token", "sealed", "unsealed"]

_SECURITY: Final = (
    (
        b"content-security-policy",
        b"; ".join(
            (
                b"default-src 'none'",
                b"script-src 'self'",
                b"style-src 'self'",
                b"img-src 'self'",
                b"connect-src 'self'",
                b"form-action 'self'",
                b"base-uri 'none'",
                b"frame-ancestors 'none'",
            )
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with `no-referrer` a browser sends `Origin: null` with our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
PAGE: Final[Headers] = (*_SECURITY, (b"cache-control", b"no-store"), (b"vary", b"cookie"))
"""On every page, whoever is asked for it."""
STATIC: Final[Headers] = _SECURITY
"""On every file that is the same for everybody."""

_FORM: Final = b"gatepass console form\n"
_NOTICE: Final = b"gatepass console notice\n"
_SEAL: Final = 22


def check_origin(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Let a change pass that one of our own pages sent. Raises `Denied` (`foreign_origin`).

    Current browsers say `Sec-Fetch-Site` on every request to this machine or over TLS, and `Origin` on every
    POST. Both have to agree with us where both are there, and one has to be there.
    """
    said = list(headers)
    site = _only(said, b"sec-fetch-site")
    origin = _only(said, b"origin")
    host = _only(said, b"host")
    if site is None and origin is None:
        raise _foreign("the request does not say which page sent it")
    if site not in {None, b"same-origin"}:
        raise _foreign("another page sent this")
    if origin is not None and origin not in {b"http://" + (host or b""), b"https://" + (host or b"")}:
        raise _foreign("a page of another origin sent this")


def form_token(session: str) -> str:
    """What every form of a session holds."""
    return _mac(session, _FORM)


def check_token(session: str, shown: str) -> None:
    """Raises `Denied` unless `shown` is the token of `session`'s forms."""
    if not hmac.compare_digest(form_token(session).encode(), shown.encode("utf-8", "replace")):
        raise _foreign("the form is not one of this session's")


def sealed(session: str, text: str) -> str:
    """`text` with a seal that only `session` could make."""
    return f"{_mac(session, _NOTICE + text.encode())[:_SEAL]}.{text}"


def unsealed(session: str, text: str) -> str | None:
    """What was sealed; None for anything else."""
    seal, _, said = text.partition(".")
    wanted = _mac(session, _NOTICE + said.encode("utf-8", "replace"))[:_SEAL]
    return said if hmac.compare_digest(wanted.encode(), seal.encode("utf-8", "replace")) else None


def _mac(session: str, text: bytes) -> str:
    return hmac.new(session.encode(), text, sha256).hexdigest()


def _only(headers: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The one header of that name. Two of them are none that we know: `b""` matches nothing."""
    found = [value.strip().lower() for given, value in headers if given == name]
    return None if not found else found[0] if len(found) == 1 else b""


def _foreign(why: str) -> Denied:
    return Denied("foreign_origin", why, hint="Open the page again and send the form from there.")
