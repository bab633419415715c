"""Which headers cross, in both directions.

Towards the upstream there is an allow-list: what is not on it stays here, above all the agent's credential
and its cookies, whatever frames the message (the door frames it anew), and `Range`, because a secret cut
into ranges cannot be found. Headers that ask for another method than the one that was decided on are
refused. Towards the agent everything passes but what frames, authenticates, stores, or claims to be ours;
names and values are redacted. Sources: RFC 9110 sections 7.6.1 and 11, Fetch, RFC 6265.
"""

import re
from typing import Final

from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.forwarding.redaction import Redactor
from gatepass.gateway.requests import Headers

__all__ = ["answer_headers", "check_framing", "one", "request_headers"]

FORWARDED: Final = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-unmodified-since",
        b"prefer",
        b"traceparent",
        b"tracestate",
        b"user-agent",
    }
)
REPEATABLE: Final = frozenset({b"accept", b"accept-language", b"prefer", b"tracestate"})
OVERRIDES: Final = frozenset({b"x-http-method", b"x-http-method-override", b"x-method-override"})

_DROPPED: Final = re.compile(
    # what frames the message, hop by hop
    rb"connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|content-encoding"
    # what asks for, confirms or stores a credential
    rb"|(?:www|proxy)-authenticate|(?:proxy-)?authentication-info|set-cookie2?|clear-site-data"
    # what gives the upstream a say in the origin that the agent sees: ours
    rb"|access-control-.*|alt-svc|content-security-policy(?:-report-only)?|cross-origin-.*|nel|public-key-pins.*"
    rb"|refresh|report-to|reporting-endpoints|service-worker-allowed|strict-transport-security|x-content-type-options"
    # what servers in front of us would act upon
    rb"|x-accel-.*|x-sendfile|x-lighttpd-.*|surrogate-control"
    # what we say ourselves, or do not offer
    rb"|accept-ranges|content-range|date|server|via|gatepass-.*|ratelimit(?:-.*)?"
)
_VALUE: Final = re.compile(rb"[\t\x20-\x7e]*")
_TEXT: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

GUARDS: Final[Headers] = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))
"""On every answer: a page from an upstream runs nothing at our address."""


def request_headers(headers: Headers, *, also: frozenset[bytes] = frozenset()) -> Headers:
    """The caller's headers that go on to the upstream, `also` being those that its operations file adds.

    Raises `Malformed` for one that asks for another method, stands twice, or holds odd characters.
    """
    nominated = _nominated(headers)
    crossing: list[tuple[bytes, bytes]] = []
    seen: set[bytes] = set()
    for name, value in headers:
        if name in OVERRIDES:
            raise Malformed("malformed_request", f"`{name.decode('ascii')}` asks for another method than the request's")
        if (name not in FORWARDED and name not in also) or (name in nominated and name != b"content-type"):
            continue
        if name in seen and name not in REPEATABLE:
            raise Malformed("malformed_request", f"`{name.decode('ascii')}` is sent more than once")
        if not _VALUE.fullmatch(value):
            raise Malformed("malformed_request", f"`{name.decode('ascii')}` holds characters beyond ASCII")
        seen.add(name)
        crossing.append((name, value))
    return (*crossing, (b"accept-encoding", b"identity"))


def answer_headers(headers: Headers, redactor: Redactor) -> Headers:
    """The upstream's headers that go on to the agent, redacted, and the guards. Framing is the caller's to add."""
    nominated = _nominated(headers)
    crossing = [
        (name, redactor.whole(value))
        for name, value in headers
        if not _DROPPED.fullmatch(name)
        and name not in nominated
        and _TOKEN.fullmatch(name)
        and _TEXT.fullmatch(value)
        and redactor.whole(name) == name
    ]
    return (*crossing, *GUARDS)


def check_framing(headers: Headers) -> int | None:
    """The announced length of a request's body: None where it comes in chunks, 0 where there is none.

    Raises `Malformed` where two readers could disagree about where the body ends (RFC 9112 section 6.3).
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if codings:
        if lengths or codings != [b"chunked"]:
            raise Malformed("malformed_request", "the body's length is stated in two ways, or in one that nobody knows")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]{1,18}", lengths[0]):
        raise Malformed("malformed_request", "`content-length` is not one number")
    return int(lengths[0])


def one(headers: Headers, name: bytes) -> bytes | None:
    """The value of a header that may stand once. Raises `UpstreamFailed` when an upstream sends it twice."""
    values = {value for header, value in headers if header == name}
    if len(values) > 1:
        raise UpstreamFailed("upstream_garbled", f"the upstream's answer has `{name.decode('ascii')}` twice")
    return values.pop() if values else None


def _nominated(headers: Headers) -> frozenset[bytes]:
    """The headers that `Connection` says are for this hop only."""
    return frozenset(
        part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")
    )
