"""How a connection is opened: a name is looked up, its addresses are tried in turn, TLS is verified.

The guard stands at the socket: `guard` says which address may be connected to, and nothing is looked up between its
word and the connection. An address that does not answer at once makes way for the next one.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from typing import Final

from gatepass.errors import Error, UpstreamFailed
from gatepass.outbound.addresses import Allowance
from gatepass.outbound.guard import ForbiddenAddressError, GuardedResolver, Resolver, guarded_socket
from gatepass.outbound.http.connection import Connection
from gatepass.outbound.writing import Target

__all__ = ["Dialler"]

NAME_KEPT: Final = 10.0
"""Seconds that a resolved name is kept; its addresses are looked at on every connection all the same."""
NEXT_ADDRESS: Final = 1.0
"""Seconds after which the next address of a name is tried."""
MOST_ADDRESSES: Final = 8


class Dialler:
    """Opens connections to one origin."""

    def __init__(
        self, target: Target, allowance: Allowance, context: ssl.SSLContext | None, resolver: Resolver
    ) -> None:
        if context is not None and (not context.check_hostname or context.verify_mode != ssl.CERT_REQUIRED):
            raise ValueError("a TLS context of the door verifies")
        self._host = target.host.strip("[]")
        self._port = target.port
        self._allowance = allowance
        self._context = context
        self._resolver = GuardedResolver(resolver, allowance)
        self._found: tuple[str, ...] = ()
        self._fresh = 0.0

    async def dial(self, patience: float) -> Connection:
        """A new connection. Raises `UpstreamFailed`: nothing has left then."""
        failure: Error
        try:
            async with asyncio.timeout(patience):
                return await self._opened(await self._addresses())
        except ForbiddenAddressError:
            failure = UpstreamFailed("upstream_forbidden_address", "the upstream's address is not one that it may have")
        except ssl.SSLCertVerificationError:
            failure = UpstreamFailed("upstream_unreachable", "the upstream's certificate is not one to believe")
        except TimeoutError:
            failure = UpstreamFailed("upstream_unreachable", "the upstream did not take a connection in time")
        except (OSError, UnicodeError):  # UnicodeError: a name that no lookup takes
            failure = UpstreamFailed("upstream_unreachable", "no connection to the upstream could be made")
        raise failure

    async def _addresses(self) -> Sequence[str]:
        if _is_address(self._host):
            return (self._host,)
        now = asyncio.get_running_loop().time()
        if now >= self._fresh:
            self._found = await self._resolver.resolve(self._host, self._port)
            self._fresh = now + NAME_KEPT
        return self._found[:MOST_ADDRESSES]

    async def _opened(self, addresses: Sequence[str]) -> Connection:
        for number, address in enumerate(addresses, 1):
            try:
                return await self._connected(address, last=number == len(addresses))
            except ForbiddenAddressError:
                raise
            except OSError:
                if number == len(addresses):
                    raise
        raise OSError("the name has no addresses")

    async def _connected(self, address: str, *, last: bool) -> Connection:
        loop = asyncio.get_running_loop()
        made = guarded_socket(self._allowance, address)
        try:
            async with asyncio.timeout(None if last else NEXT_ADDRESS):
                await loop.sock_connect(made, (address, self._port))
            return await self._spoken(loop, made)
        except BaseException:  # nobody else knows of the socket
            made.close()
            raise

    async def _spoken(self, loop: asyncio.AbstractEventLoop, made: socket.socket) -> Connection:
        _, connection = await loop.create_connection(
            lambda: Connection(loop, made),
            sock=made,
            ssl=self._context,
            server_hostname=self._host if self._context is not None else None,
        )
        return connection


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
