"""A holder narrows, seals and hands on a capability, with no network and nobody's leave.

The law: what is made here, every verifier takes, or it is refused here. What is asked for has to lie within what the
chain carries, exactly: a scope that goes beyond it is an error and not a smaller scope. What counts, counts from the
new link on, in its name.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepass import access
from gatepass.access import CredentialId, Instant
from gatepass.authority import Authority, Calls, Caveat, Log, Networks, Permission, Rate, SingleUse, meet, meter_key
from gatepass.authority import narrow as narrowed
from gatepass.client.holding.issuing import clock
from gatepass.client.holding.keys import HolderKey, PublicKey, keep_key, new_key
from gatepass.credentials.capability.narrowing import Handover, Next, extend, last_link, take_over
from gatepass.credentials.capability.narrowing import seal as sealed
from gatepass.credentials.capability.text import UnverifiedCapability
from gatepass.errors import Denied

__all__ = ["Chain", "Handover", "Less", "add_duties", "hand_on", "narrow", "read_chain", "seal", "take"]

Chain = UnverifiedCapability
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Less:
    """How much less the next holder gets. What is not said stays as it is."""

    scopes: tuple[str, ...] = ()
    """The only ones that remain."""
    lifetime: int | None = None
    """Milliseconds from now."""
    once: bool = False
    calls: int | None = None
    rate: access.Rate | None = None
    networks: tuple[str, ...] = ()
    log: str | None = None
    """The name of a duty: whoever honours the chain has to do it."""

    def conditions(self, link: CredentialId) -> tuple[Caveat, ...]:
        """The caveats, those that count in the name of the new link. Raises `Malformed`."""
        made: list[Caveat] = []
        if self.once:
            made.append(SingleUse(meter_key(link, "use")))
        if self.calls is not None:
            made.append(Calls(meter_key(link, "calls"), self.calls))
        if self.rate is not None:
            made.append(Rate(meter_key(link, "rate"), self.rate.count, self.rate.period))
        if self.networks:
            made.append(Networks.of(*self.networks))
        if self.log is not None:
            made.append(Log(self.log))
        return tuple(made)


def read_chain(text: str) -> Chain:
    """Take a text apart; nothing is verified. Raises `Malformed`, for one that carries a key too."""
    chain = Chain.parse(text)
    last_link(chain)
    return chain


def narrow(
    chain: Chain, key: HolderKey, less: Less, *, to: PublicKey | None = None, now: Callable[[], Instant] = clock
) -> Chain:
    """The chain with one more link, for the key `to`, or for `key` itself.

    Raises `Denied` (`capability_exceeded`), and `Malformed` for a chain that this key cannot add to.
    """
    at = now()
    then = Next(
        to=key.public if to is None else to,
        at=at,
        entropy=os.urandom,
        expires=None if less.lifetime is None else Instant(at + less.lifetime),
    )
    wanted = tuple(map(Permission.parse, less.scopes))
    return extend(chain, key, then, lambda link, parent: _part(parent, wanted, less.conditions(link)))


def add_duties(chain: Chain, key: HolderKey, less: Less, *, now: Callable[[], Instant] = clock) -> Chain:
    """The link of a service that passes a chain on: its own rate, its own duties, the same holder."""
    return narrow(chain, key, less, now=now)


def seal(chain: Chain, key: HolderKey, *, audience: str, lifetime: int, now: Callable[[], Instant] = clock) -> Chain:
    """The chain as `audience` takes it without a proof, for `lifetime` milliseconds: whoever has it can use it."""
    at = now()
    return sealed(chain, key, audience=audience, at=at, expires=Instant(at + lifetime))


def hand_on(chain: Chain, key: HolderKey, less: Less, *, now: Callable[[], Instant] = clock) -> Handover:
    """A narrower chain with a new key of its own, for somebody who has none yet."""
    theirs = new_key()
    return Handover(narrow(chain, key, less, to=theirs.public, now=now), theirs)


def take(text: str, path: Path) -> Chain:
    """Take over what somebody handed on: its key is kept at `path`, as `make_key` keeps one. Raises `Malformed`."""
    handed = take_over(text)
    keep_key(handed.key, path)
    return handed.chain


def _part(parent: Authority, wanted: tuple[Permission, ...], conditions: Iterable[Caveat]) -> Authority:
    for permission in wanted:
        met = meet(parent, Authority.of(permission)).grants
        if not any(grant.permission == permission for grant in met):
            widest = ", ".join(f"`{grant.text}`" for grant in met[:_SHOWN]) or "nothing of it"
            raise Denied(
                "capability_exceeded",
                f"`{permission}` goes beyond what the capability carries; the widest that it allows: {widest}",
            )
    return narrowed(parent, to=wanted or None, caveats=conditions)
