"""To which addresses a connection may be opened. Decided on the address itself, after every lookup.

The law: a name never decides. Whatever a target is called and whatever it resolved to a moment ago, the
address that the socket is about to connect to is looked at, every time, with no way to switch that off.
Public addresses are allowed. Private and loopback ones only where the operator's registration says so: by
spelling out that very address, by `localhost`, or (private only) by `allow_private`. Never allowed are
link-local and cloud metadata addresses, multicast, unspecified and reserved ones, and IPv4 addresses in
IPv6 clothes other than public ones behind NAT64 and 6to4. Sources: the IANA special-purpose registries
(RFC 6890), RFC 6761 (localhost), RFC 6052 (NAT64).
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

__all__ = ["Allowance", "Reach", "reach"]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where clouds hand credentials to whoever asks from inside."""
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class Reach(StrEnum):
    """From where an address can be reached."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    NEVER = "never"
    """No registration makes it a target."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Which addresses one registered target may turn out to be."""

    host: str
    """As in the target's origin: a name, or an address in its one spelling (IPv6 in brackets)."""
    private: bool = False
    """`allow_private` of the registration."""

    def admits(self, address: str) -> bool:
        """Whether a connection to `address` may be opened."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:  # a zone (`fe80::1%eth0`), or no address at all
            return False
        match reach(found):
            case Reach.PUBLIC:
                return True
            case Reach.PRIVATE:
                return self.private or self._spelled_out(found)
            case Reach.LOOPBACK:
                return self.host == "localhost" or self.host.endswith(".localhost") or self._spelled_out(found)
            case Reach.NEVER:
                return False

    def _spelled_out(self, address: _Address) -> bool:
        try:
            return ipaddress.ip_address(self.host.strip("[]")) == address
        except ValueError:
            return False


def reach(address: _Address) -> Reach:
    """From where `address` can be reached."""
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inside(address)) is not None:
        return Reach.PUBLIC if address.ipv4_mapped is None and reach(inner) is Reach.PUBLIC else Reach.NEVER
    if address in _METADATA or address.is_multicast or address.is_unspecified or address.is_link_local:
        return Reach.NEVER
    if address.is_loopback:
        return Reach.LOOPBACK
    if any(address.version == network.version and address in network for network in _PRIVATE):
        return Reach.PRIVATE
    return Reach.PUBLIC if address.is_global else Reach.NEVER


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to an IPv6 one end up at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
