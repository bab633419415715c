"""A holder calls with a chain: `Calls(Carrier(url, chain, key))`, in the place of an issuer that is asked for passes.

The law: a chain goes to the surfaces that it names and to no other, with a proof by its last key for each call; sealed,
without one. Nothing is asked of anybody.
"""

from collections.abc import Callable

from gatepass.access import Instant
from gatepass.client.addresses import checked_url
from gatepass.client.chains.narrowing import Chain
from gatepass.client.chains.telling import tell
from gatepass.client.holding.issuing import clock
from gatepass.client.holding.keys import HolderKey
from gatepass.client.holding.wanted import Pass, Wanted, surface_of
from gatepass.errors import Malformed

__all__ = ["Carrier"]


class Carrier:
    """A chain and its key, for calls at `url`. Raises `Malformed` for a chain that was given to another key."""

    def __init__(
        self,
        url: str,
        chain: Chain,
        key: HolderKey,
        *,
        unsafe_http: bool = False,
        now: Callable[[], Instant] = clock,
    ) -> None:
        told = tell(chain)
        if told.seal is None and told.holder != key.public.thumbprint:
            raise Malformed("malformed_capability", "the capability was given to another key")
        self.url = checked_url(url, unsafe_http=unsafe_http, named="the gateway")
        self.key = key
        self.now = now
        self._chain = chain
        self._told = told

    def ask(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:  # noqa: ARG002 - see `Source`
        """The chain, for the surface of `url`. Raises `Malformed` for one that it does not name."""
        resource = wanted.resource or surface_of(self.url, url or "")
        if resource not in self._told.root.audiences:
            raise Malformed(
                "malformed_request",
                "the capability is not for this surface",
                hint=f"It is for {', '.join(self._told.root.audiences)}.",
            )
        bound = self._told.seal is None
        return Pass(self._chain.text, resource=resource, scope="", bound=bound, expires=self._told.expires)

    async def ask_async(self, wanted: Wanted, *, url: str | None = None, keep: bool = False) -> Pass:
        """As `ask`."""
        return self.ask(wanted, url=url, keep=keep)

    def forget(self, held: Pass) -> None:
        """Nothing is kept."""
