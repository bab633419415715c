"""Caveats that look at the circumstances: when, from where, addressed to whom.

The law: a circumstance that is not known vetoes. Only in a listing, where it is asked what could be permitted, does the
unknown count as maybe.
"""

from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import ClassVar, Self, TypeAlias

from gatepass.access import Instant, Json, PartialAccess, Veto
from gatepass.authority.caveats.kinds import (
    Attempt,
    Caveat,
    check_instant,
    check_texts,
    instant,
    listed,
    malformed,
    texts,
    vetoed,
)

__all__ = ["Audience", "Expires", "Networks", "NotBefore"]

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Expires:
    """Vetoes from the instant `at` on."""

    number: ClassVar[int] = 1
    at: Instant

    def __post_init__(self) -> None:
        """Raise `Malformed` for an instant that no clock shows."""
        check_instant(self.at)

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the end has passed."""
        return vetoed("it has expired") if access.context.at >= self.at else None

    def may_hold(self, partial: PartialAccess) -> bool:
        """The instant is always known."""
        return self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """An earlier end."""
        return isinstance(other, Expires) and self.at <= other.at

    def fields(self) -> tuple[Json, ...]:
        """`[at]`, in milliseconds."""
        return (Decimal(self.at),)

    @classmethod
    def read(cls, at: Json) -> Self:
        """Undo `fields`."""
        return cls(instant(at))


@dataclass(frozen=True, slots=True)
class NotBefore:
    """Vetoes before the instant `at`."""

    number: ClassVar[int] = 2
    at: Instant

    def __post_init__(self) -> None:
        """Raise `Malformed` for an instant that no clock shows."""
        check_instant(self.at)

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the beginning has not come."""
        return vetoed("it is not valid yet") if access.context.at < self.at else None

    def may_hold(self, partial: PartialAccess) -> bool:
        """The instant is always known."""
        return self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """A later beginning."""
        return isinstance(other, NotBefore) and self.at >= other.at

    def fields(self) -> tuple[Json, ...]:
        """`[at]`, in milliseconds."""
        return (Decimal(self.at),)

    @classmethod
    def read(cls, at: Json) -> Self:
        """Undo `fields`."""
        return cls(instant(at))


@dataclass(frozen=True, slots=True)
class Networks:
    """Vetoes unless the caller's address lies in one of `networks`.

    An IPv4 address mapped into IPv6 is the IPv4 address.
    """

    number: ClassVar[int] = 4
    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        """Raise `Malformed` for an empty list, doubles, or an order that is not canonical."""
        check_texts(map(str, self.networks), "networks")
        if not all(
            isinstance(network, IPv4Network | IPv6Network) for network in self.networks
        ) or self.networks != tuple(sorted(set(self.networks), key=_network_order)):
            raise malformed("networks have to be different, and sorted by version and address")

    @classmethod
    def of(cls, *texts: str) -> Self:
        """Read networks as `10.0.0.0/8`. Raises `Malformed`."""
        try:
            networks = {ip_network(text) for text in texts}
        except ValueError:
            raise malformed("a network is written address/prefix, with no bit set beyond the prefix") from None
        return cls(tuple(sorted(networks, key=_network_order)))

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the address is another, or not known."""
        address = _address(access.context.source)
        if address is None:
            return vetoed("the caller's address is not known")
        inside = any(address.version == network.version and address in network for network in self.networks)
        return None if inside else vetoed("the caller's address is outside the allowed networks")

    def may_hold(self, partial: PartialAccess) -> bool:
        """An unknown address may be inside."""
        return partial.context.source is None or self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """Each network inside one of the other's."""
        return isinstance(other, Networks) and all(
            any(_inside(mine, its) for its in other.networks) for mine in self.networks
        )

    def fields(self) -> tuple[Json, ...]:
        """`[[network, ...]]`."""
        return (tuple(map(str, self.networks)),)

    @classmethod
    def read(cls, networks: Json) -> Self:
        """Undo `fields`: the canonical texts only."""
        made = cls.of(*sorted(texts(networks, "networks")))
        if made.fields() != (networks,):
            raise malformed("networks have to be in canonical form")
        return made


@dataclass(frozen=True, slots=True)
class Audience:
    """Vetoes unless the call is addressed to one of `names`."""

    number: ClassVar[int] = 5
    names: frozenset[str]

    def __post_init__(self) -> None:
        """Raise `Malformed` for an empty list."""
        check_texts(self.names, "audience")

    def veto(self, access: Attempt) -> Veto | None:
        """Say that it is addressed elsewhere."""
        return None if access.context.audience in self.names else vetoed("it is for another audience")

    def may_hold(self, partial: PartialAccess) -> bool:
        """An unknown audience may be the right one."""
        return partial.context.audience is None or self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """Fewer audiences."""
        return isinstance(other, Audience) and self.names <= other.names

    def fields(self) -> tuple[Json, ...]:
        """`[[name, ...]]`, sorted."""
        return (listed(self.names),)

    @classmethod
    def read(cls, names: Json) -> Self:
        """Undo `fields`."""
        return cls(texts(names, "audience"))


def _network_order(network: Network) -> tuple[int, int, int]:
    return (network.version, int(network.network_address), network.prefixlen)


def _address(source: str | None) -> IPv4Address | IPv6Address | None:
    if source is None:
        return None
    try:
        address = ip_address(source)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A scope id would be dropped by the comparison, so an address with one lies in no network.
        return None if address.scope_id is not None else address.ipv4_mapped or address
    return address


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
