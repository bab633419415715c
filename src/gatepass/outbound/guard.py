"""The guard at the socket: no connection is begun to an address that the target may not have.

Twice, and unconditionally: when a name was looked up, and when a socket is made for an address, which is
the moment that counts. Between the two nothing is looked up again.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from gatepass.outbound.addresses import Allowance

__all__ = ["ForbiddenAddressError", "GuardedResolver", "Resolver", "guarded_socket", "system_resolver"]

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up the addresses of a name, the best first. Raises OSError where there are none."""


class ForbiddenAddressError(OSError):
    """A target turned out to be at an address that it may not have."""


class GuardedResolver:
    """Looks names up, and hands out only addresses that are allowed."""

    def __init__(self, resolver: Resolver, allowance: Allowance) -> None:
        self._resolver = resolver
        self._allowance = allowance

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of `host`. Raises `ForbiddenAddressError` when one of them is not allowed.

        One is enough: a name that mixes its own addresses with ours is an attack or a mistake.
        """
        found = tuple(await self._resolver(host, port))
        if not all(self._allowance.admits(address) for address in found):
            raise ForbiddenAddressError("forbidden address")
        return found


def guarded_socket(allowance: Allowance, address: str) -> socket.socket:
    """A socket to connect to `address` with, if that is allowed. Raises `ForbiddenAddressError` if not."""
    if not allowance.admits(address):
        raise ForbiddenAddressError("forbidden address")
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the system says, each address once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))
