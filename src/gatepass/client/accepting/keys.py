"""The issuer's public keys, as an API that accepts passes keeps them.

The law: keys come from the issuer's own address, bounded in size and time, and no redirect is followed. They are asked
for anew when they are five minutes old, or when a pass names one that is not among them, which strangers can bring
about at most twice a minute. A set that could not be renewed for fifteen minutes counts no longer: a key that
its issuer has withdrawn is not honoured for ever because the issuer cannot be reached.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

import httpx2

from gatepass.access import Instant
from gatepass.client.addresses import checked_url, pinned, trust
from gatepass.errors import Malformed, Unavailable, UpstreamFailed
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.keyset import KeySet

__all__ = ["IssuerKeys"]

FRESH: Final = 300_000
LONGEST: Final = 900_000
AGAIN: Final = 30_000
"""Milliseconds: how long a set is not asked for, how long it counts, and how long after a question the next waits."""
_MOST_BYTES: Final = 256 * 1024
_PATH: Final = "/.well-known/jwks.json"
_SECONDS: Final = 5.0


class IssuerKeys:
    """The keys of one issuer. For any number of threads at once."""

    def __init__(
        self,
        issuer: str,
        *,
        now: Callable[[], Instant],
        unsafe_http: bool = False,
        through: httpx2.BaseTransport | None = None,
    ) -> None:
        self.issuer = checked_url(issuer, unsafe_http=unsafe_http, named="the issuer")
        self._now = now
        self._turn = threading.Lock()
        self._keys: Mapping[str, PublicKey] = {}
        self._read: Instant | None = None
        self._asked: Instant | None = None
        self._refusal: UpstreamFailed | Unavailable | None = None
        self._through = through

    def is_due(self, *, missing: bool) -> bool:
        """Whether `current` would ask the issuer; `missing` says that a key is looked for that is not there."""
        now = self._now()
        if self._asked is not None and self._asked <= now < self._asked + AGAIN:
            return False
        return missing or self._read is None or not self._read <= now < self._read + FRESH

    def current(self, *, missing: bool = False) -> Mapping[str, PublicKey]:
        """The keys by their ids. Raises `Unavailable`, `UpstreamFailed` where there are none that still count."""
        if self.is_due(missing=missing):
            with self._turn:
                if self.is_due(missing=missing):
                    self._renew()
        if self._read is None or not self._read <= self._now() < self._read + LONGEST:
            raise self._refusal or self._unreachable()
        return self._keys

    def _renew(self) -> None:
        self._asked = self._now()
        try:
            self._keys = KeySet.parse(self._fetch()).named
            self._read, self._refusal = self._asked, None
        except Malformed:
            self._refusal = _garbled("keys that cannot be read")
        except (UpstreamFailed, Unavailable) as error:
            self._refusal = error

    def _fetch(self) -> bytes:
        origin, host = pinned(self.issuer)
        headers = {"accept": "application/json", "accept-encoding": "identity", "host": host, "user-agent": "gatepass"}
        content = bytearray()
        try:
            with (
                httpx2.Client(
                    timeout=_SECONDS,
                    follow_redirects=False,
                    trust_env=False,
                    verify=trust(self.issuer),
                    transport=self._through,
                ) as client,
                client.stream("GET", origin + _PATH, headers=headers) as got,
            ):
                if got.status_code != httpx2.codes.OK or "content-encoding" in got.headers:
                    raise _garbled(f"{got.status_code} instead of its keys")
                for piece in got.iter_raw():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise _garbled(f"more than {_MOST_BYTES} bytes")
        except httpx2.HTTPError:
            raise self._unreachable() from None
        return bytes(content)

    def _unreachable(self) -> Unavailable:
        return Unavailable("server_unreachable", f"no issuer answers at `{self.issuer}`")


def _garbled(what: str) -> UpstreamFailed:
    return UpstreamFailed("server_garbled", f"the issuer sent {what}")
