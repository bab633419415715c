"""The guard at the socket: no connection is begun to an address that the target may not have.

Twice, and unconditionally: when a name was looked up, and when a socket is made for an address, which is
the moment that counts. Between the two nothing is looked up again.
"""

import socket
from collections.abc import Callable
from typing import Any, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from gatepass.outbound.addresses import Allowance

__all__ = ["ForbiddenAddressError", "GuardedResolver", "guarded_sockets"]

_AddressInfo: TypeAlias = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class ForbiddenAddressError(OSError):
    """A target turned out to be at an address that it may not have."""


class GuardedResolver(AbstractResolver):
    """Looks names up, and hands out only addresses that are allowed."""

    def __init__(self, resolver: AbstractResolver, allowance: Allowance) -> None:
        self._resolver = resolver
        self._allowance = allowance

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises `ForbiddenAddressError` when one of them is not allowed.

        One is enough: a name that mixes its own addresses with ours is an attack or a mistake.
        """
        found = await self._resolver.resolve(host, port, family)
        if not all(self._allowance.admits(result["host"]) for result in found):
            raise ForbiddenAddressError("forbidden address")
        return found

    async def close(self) -> None:
        """Let go of the resolver behind."""
        await self._resolver.close()


def guarded_sockets(allowance: Allowance) -> Callable[[_AddressInfo], socket.socket]:
    """Makes sockets, for allowed addresses only."""

    def make(info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allowance.admits(str(address[0])):
            raise ForbiddenAddressError("forbidden address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make
