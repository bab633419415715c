"""The status lists as signed documents (Token Status List, draft 21).

The law: a bit says what the live list says at the instant of signing: each list is made anew from it whenever it is
asked for, at most once for each change and second. Decoys are marked among the bits. Nothing in a list is younger than
its `iat`; it is to be fetched again after `ttl`, and is worth nothing after `exp`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from gatepass import exact
from gatepass.access import CredentialId, Instant, Json
from gatepass.credentials import IssuedRecord
from gatepass.credentials.access_tokens import StatusPlace
from gatepass.errors import Unavailable
from gatepass.issuer.places import Places as Addresses
from gatepass.keys import IssuerKey
from gatepass.keys.issuing import signing_now
from gatepass.keys.jose.fixed import header_segment
from gatepass.keys.jose.signing import Signs, sign
from gatepass.revocation import Live, Places
from gatepass.revocation.status_lists import SIZE, StatusBits, split
from gatepass.revocation.status_lists.bits import INVALID

__all__ = ["LIFE", "TTL", "TYPE", "StatusLists"]

TYPE: Final = "statuslist+jwt"
TTL: Final = 60
"""Seconds for which a copy may be used."""
LIFE: Final = 120
"""Seconds after which no copy is worth anything."""
_SECOND: Final = 1000


class Listed(Protocol):
    """What the lists are made of. The gateway's snapshot is one."""

    @property
    def live(self) -> Live:
        """What is alive."""
        ...

    @property
    def issued(self) -> Mapping[CredentialId, IssuedRecord]:
        """Access tokens that have not ended."""
        ...

    @property
    def signing(self) -> Mapping[str, IssuerKey]:
        """The issuer's keys."""
        ...


@dataclass(frozen=True, slots=True)
class _Made:
    """A list as it was signed, and what it was made at."""

    state: tuple[int, int, str]
    text: str


@dataclass(slots=True, kw_only=True)
class StatusLists:
    """Every list, signed."""

    world: Listed
    places: Places
    addresses: Addresses
    opens: Callable[[IssuerKey], Signs]
    """Hands out a key that signs."""
    clock: Callable[[], Instant]
    _made: dict[int, _Made] = field(default_factory=dict)

    def place(self, status: int) -> StatusPlace:
        """What an access token says of its place."""
        number, index = split(status)
        return StatusPlace(index, self.uri(number))

    def uri(self, number: int) -> str:
        """Where a list is, and what it is called."""
        return self.addresses.status_list(number)

    @property
    def uris(self) -> tuple[str, ...]:
        """All of them (draft 21, section 9)."""
        return tuple(self.uri(number) for number in sorted(self.places.lists))

    def signed(self, number: int) -> str | None:
        """One list as a JWT; None where there is none of that number. Raises `Unavailable` without a key."""
        if number not in self.places.lists:
            self._made.pop(number, None)
            return None
        now = self.clock()
        key = signing_now(self.world.signing.values(), now)
        if key is None:
            raise Unavailable("starting", "the issuer has no key that signs yet")
        state = (now // _SECOND, self.world.live.falls, key.id)
        known = self._made.get(number)
        if known is None or known.state != state:
            known = self._made[number] = _Made(state, self._sign(number, key, now))
        return known.text

    def _sign(self, number: int, key: IssuerKey, now: Instant) -> str:
        seconds = now // _SECOND
        said: dict[str, Json] = {
            "iss": self.addresses.issuer,
            "sub": self.uri(number),
            "iat": Decimal(seconds),
            "exp": Decimal(seconds + LIFE),
            "ttl": Decimal(TTL),
            "status_list": {"bits": Decimal(1), "lst": self._bits(number).text},
        }
        return sign(header_segment(TYPE, key.id), exact.write(said), self.opens(key))

    def _bits(self, number: int) -> StatusBits:
        bits = StatusBits(SIZE)
        for place in self.places.order(number).decoys:
            bits[place] = INVALID
        for record in self.world.issued.values():
            listed, index = split(record.status)
            if listed == number and self.world.live.check(record.id, "") is not None:
                bits[index] = INVALID
        return bits
