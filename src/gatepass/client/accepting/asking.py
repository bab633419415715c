"""Asks the issuer whether a pass is live (RFC 7662): the one thing that public keys cannot tell.

The law: a pass is live only if the issuer says exactly that, of this pass, now. An answer is kept by nobody. Where the
issuer cannot be asked, nothing is live and nothing is dead: the request is refused as one that cannot be decided.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import httpx2

from gatepass.access import Instant
from gatepass.client.addresses import checked_url, pinned, trust
from gatepass.client.holding.answers import MOST_BYTES, read_json, refusal
from gatepass.client.holding.identity import Identity
from gatepass.client.holding.issuing import clock
from gatepass.errors import Unavailable, UpstreamFailed

__all__ = ["Introspection"]

_PATH: Final = "/oauth2/introspect"
_SECONDS: Final = 5.0


class Introspection:
    """Asks one issuer, as an API that has an identity of its own there. For any number of threads at once."""

    def __init__(
        self,
        issuer: str,
        identity: Identity,
        *,
        unsafe_http: bool = False,
        through: httpx2.BaseTransport | None = None,
        now: Callable[[], Instant] = clock,
    ) -> None:
        self._issuer = checked_url(issuer, unsafe_http=unsafe_http, named="the issuer")
        self._identity = identity
        self._now = now
        self._client = httpx2.Client(
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,
            verify=trust(self._issuer),
            transport=through,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def is_live(self, text: str) -> bool:
        """Whether the issuer says so. Raises what its refusal tells of, `Unavailable`, `UpstreamFailed`."""
        origin, host = pinned(self._issuer)
        asked = self._identity.ask(self._issuer, self._now())
        form = {name: value for name, value in asked.form.items() if name != "grant_type"}
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/x-www-form-urlencoded",
            "host": host,
            "user-agent": "gatepass",
        }
        if asked.authorization is not None:
            headers["authorization"] = asked.authorization
        content, body = bytearray(), urlencode({**form, "token": text}).encode()
        try:
            with self._client.stream("POST", origin + _PATH, headers=headers, content=body) as got:
                for piece in got.iter_raw():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise UpstreamFailed("server_garbled", f"the issuer sent more than {MOST_BYTES} bytes")
        except httpx2.HTTPError:
            raise Unavailable("server_unreachable", f"no issuer answers at `{self._issuer}`") from None
        if got.status_code != httpx2.codes.OK:
            raise refusal(got.status_code, bytes(content), got.headers.get("retry-after"))
        active = read_json(bytes(content)).get("active")
        if not isinstance(active, bool):
            raise UpstreamFailed("server_garbled", "the issuer does not say whether the pass is live")
        return active
