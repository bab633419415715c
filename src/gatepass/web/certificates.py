"""The client certificate that a TLS-terminating proxy saw, as RFC 9440 has it say so.

The law: the header `Client-Cert` is believed from the proxies that an operator named, by the address that the socket
says, and from nobody else. It goes no further: neither an upstream nor a surface sees it, or what a stranger put in
its place. Two of them, or one that is not exactly a byte sequence, are a proxy that is set up wrongly, and refused.
What was believed is the certificate's bytes: that its key was proven is the proxy's word, given by sending them.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from gatepass.errors import Malformed
from gatepass.gateway.requests import Headers

__all__ = ["NOBODY", "CertificateProxies"]

Network: TypeAlias = IPv4Network | IPv6Network

_HEADERS: Final = frozenset({b"client-cert", b"client-cert-chain"})
_MOST_BYTES: Final = 16 * 1024
_SEQUENCE: Final = re.compile(rb":([A-Za-z0-9+/]+={0,2}):")


@dataclass(frozen=True, slots=True)
class CertificateProxies:
    """Whose word counts for the certificate of a client."""

    networks: tuple[Network, ...] = ()

    def read(self, headers: Iterable[tuple[bytes, bytes]], source: str) -> tuple[Headers, bytes | None]:
        """The headers without those of RFC 9440, and the certificate (DER) that came from a proxy, if any.

        `source` is the address that the socket says. Raises `Malformed` for what a proxy must not send.
        """
        listed = tuple(headers)
        if not any(name in _HEADERS for name, _ in listed):
            return listed, None
        kept = tuple(header for header in listed if header[0] not in _HEADERS)
        if not self._trusts(source):
            return kept, None
        said = [value for name, value in listed if name == b"client-cert"]
        if not said:
            return kept, None
        return kept, _certificate(said)

    def _trusts(self, source: str) -> bool:
        try:
            address = ip_address(source)
        except ValueError:
            return False
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return False
            address = address.ipv4_mapped or address
        return any(address.version == network.version and address in network for network in self.networks)


NOBODY: Final = CertificateProxies()


def _certificate(said: list[bytes]) -> bytes:
    found = _SEQUENCE.fullmatch(said[0].strip(b" \t")) if len(said) == 1 and len(said[0]) <= _MOST_BYTES else None
    if found is None:
        raise _malformed()
    try:
        made = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        raise _malformed() from None
    if not made:
        raise _malformed()
    return made


def _malformed() -> Malformed:
    return Malformed(
        "malformed_request",
        "the proxy's `Client-Cert` is not one certificate as RFC 9440 writes it",
        hint="The operator of the proxy has to correct it; docs/mtls.md has a configuration.",
    )
