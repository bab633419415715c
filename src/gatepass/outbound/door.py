"""The guarded door: every HTTP connection that we open goes through it.

The laws. A connection is opened only to an address that `addresses` allows, decided on the address that the
socket is about to connect to. TLS is verified. Redirects are not followed, cookies not kept, bodies not
decoded, failed requests not repeated, environment proxies not used. What leaves is written in `writing`,
which puts a secret on nothing but a request to the exact origin that it was sealed for. No error raised here holds
anything of the request: a path or a query may carry the secret, so what other people's code says ends in `http`.

Each origin has its own pool of connections and its own TLS context; nothing is shared across origins.
"""

import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gatepass.errors import UpstreamFailed
from gatepass.gateway.forwarding.door import Exposed, HttpCall, Traffic
from gatepass.outbound.addresses import Allowance
from gatepass.outbound.guard import Resolver, system_resolver
from gatepass.outbound.http import Answer, Lane
from gatepass.outbound.http.dialling import Dialler
from gatepass.outbound.writing import Target, written
from gatepass.registry import Upstream

__all__ = ["GuardedDoor"]

MOST_LANES: Final = 256
"""Pools that are kept while nobody uses them."""
MOST_CONNECTIONS: Final = 256
"""To one target at once."""


@dataclass(slots=True, kw_only=True)
class GuardedDoor:
    """A `gateway.forwarding.door.Door`. Made and used inside one event loop."""

    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """Makes the TLS context of one origin: whom to believe. That it verifies is not negotiable."""
    resolver: Resolver = system_resolver
    _lanes: OrderedDict[tuple[str, bool], Lane] = field(default_factory=OrderedDict)

    async def send(self, call: HttpCall, secret: Exposed | None, traffic: Traffic) -> Answer:
        """Send a call, and return when the answer's head is there. `gateway.forwarding.door` says what it raises."""
        lane = self._lane(call.upstream)
        if lane.busy >= MOST_CONNECTIONS:
            raise UpstreamFailed("upstream_busy", f"{MOST_CONNECTIONS} calls to the upstream are under way already")
        return await lane.send(call, written(lane.target, call, secret), traffic)

    async def close(self) -> None:
        """Cut every connection."""
        lanes = list(self._lanes.values())
        self._lanes.clear()
        for lane in lanes:
            lane.close()

    def _lane(self, upstream: Upstream) -> Lane:
        key = (upstream.target, upstream.allow_private)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._opened(upstream)
            self._tidy()
        self._lanes.move_to_end(key)
        return lane

    def _tidy(self) -> None:
        """Close the pools that nobody has used for longest, beyond those that are kept."""
        if len(self._lanes) > MOST_LANES:
            idle = [key for key, lane in self._lanes.items() if not lane.busy][:-1]
            for key in idle[: len(self._lanes) - MOST_LANES]:
                self._lanes.pop(key).close()

    def _opened(self, upstream: Upstream) -> Lane:
        target = Target.of(upstream)
        allowance = Allowance(target.host, private=upstream.allow_private)
        context = self.trust() if target.scheme == "https" else None
        return Lane(target, Dialler(target, allowance, context, self.resolver).dial)
