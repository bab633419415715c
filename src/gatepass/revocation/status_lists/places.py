"""Which place of which list a new token gets.

The law: no place is ever given twice, whatever fails and whenever the process ends; whoever sees some places learns
nothing of which tokens were issued together, nor how many there are. The order of each list's places comes from a
secret of its own, so that places look drawn at random and need not be remembered one by one: what is remembered,
before any place of it is used, is how far the order may have been used up. After a start, what was promised counts as
used. The end of each order is never given to a token: decoys stand there, some of them marked as invalid for ever.

A token's status is one number: the list's number and the place in it. Lists end when all of their tokens have.
"""

import hashlib
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.access import Instant

__all__ = ["BLOCK", "CAPACITY", "DECOYS", "SIZE", "ListRecord", "Order", "Places", "split"]

SIZE: Final = 1 << 16
"""Places of one list."""
DECOYS: Final = SIZE // 8
CAPACITY: Final = SIZE - DECOYS
"""Tokens that one list has room for."""
BLOCK: Final = 256
"""Places that are promised at once."""
_WORD: Final = 4
_SECRET: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecord:
    """What is stored of a list."""

    number: int
    secret: bytes = field(repr=False)
    """What its order is made of. It gives nobody any power; who knows it can count tokens."""
    created: Instant
    promised: int = 0
    """How many places of the order may have been given out."""

    @property
    def id(self) -> str:
        """What a store calls it."""
        return f"list_{self.number}"

    @property
    def name(self) -> str:
        """What an error calls it."""
        return self.id


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which a list's places are given out, and its decoys."""

    places: "array[int]"
    decoys: tuple[int, ...]
    """Places that look withdrawn and are nobody's."""

    @classmethod
    def of(cls, secret: bytes) -> "Order":
        """The order that a secret stands for: every one of them is as likely as any other."""
        drawn = hashlib.shake_256(b"gatepass status list order" + secret).digest(SIZE * _WORD)
        # Sorting by random keys is a fair shuffle; the place itself settles the few keys that are equal.
        keys = struct.unpack(f"<{SIZE}I", drawn)
        places = array("H", sorted(range(SIZE), key=keys.__getitem__))
        bits = hashlib.shake_256(b"gatepass status list decoys" + secret).digest(DECOYS // 8)
        marked = int.from_bytes(bits, "big")
        decoys = tuple(place for number, place in enumerate(places[CAPACITY:]) if marked >> number & 1)
        return cls(places, decoys)


@dataclass(slots=True)
class Places:
    """The lists of one process, and where in each order it stands."""

    entropy: Callable[[int], bytes]
    lists: dict[int, ListRecord] = field(default_factory=dict)
    """As they are stored: what was promised in here is durable."""
    _orders: dict[int, Order] = field(default_factory=dict)
    _used: dict[int, int] = field(default_factory=dict)
    _latest: dict[int, Instant] = field(default_factory=dict)
    """When a place of each list was last given out, as far as this process can know."""

    def know(self, record: ListRecord, now: Instant) -> None:
        """Take over what was stored. Whatever was promised before this process knew of it counts as used, just now."""
        self._used.setdefault(record.number, record.promised)
        self._latest.setdefault(record.number, now)
        before = self.lists.get(record.number)
        if before is None or before.promised <= record.promised:
            self.lists[record.number] = record

    def take(self, now: Instant) -> tuple[int, ListRecord | None]:
        """A place that nobody has had, as a status; and a record that has to be durable before the token goes out.

        What is not stored after all was given out for nothing: its places are not given again.
        """
        current = self._current()
        if current is None:
            number = max((*self.lists, *self._used), default=0) + 1
            current = ListRecord(number=number, secret=self._secret(), created=now)
            self.lists[number] = current
            self._used[number] = 0
        used = self._used[current.number]
        self._used[current.number], self._latest[current.number] = used + 1, now
        status = current.number * SIZE + self.order(current.number).places[used]
        if used < current.promised:
            return status, None
        return status, replace(current, promised=min((used // BLOCK + 1) * BLOCK, CAPACITY))

    def order(self, number: int) -> Order:
        """The order of a list, made once."""
        if number not in self._orders:
            self._orders[number] = Order.of(self.lists[number].secret)
        return self._orders[number]

    def forget(self, before: Instant) -> tuple[ListRecord, ...]:
        """Let go of lists that are used up and gave nothing out since `before`: no token of theirs is alive.

        They are returned. The last one stays: its number says how many there have been.
        """
        last = max(self.lists, default=0)
        over = [
            record
            for record in self.lists.values()
            if record.number != last and self._used[record.number] >= CAPACITY and self._latest[record.number] < before
        ]
        for record in over:
            del self.lists[record.number]
            self._orders.pop(record.number, None)
        return tuple(over)

    def _current(self) -> ListRecord | None:
        with_room = [number for number in self.lists if self._used[number] < CAPACITY]
        return self.lists[max(with_room)] if with_room else None

    def _secret(self) -> bytes:
        drawn = self.entropy(_SECRET)
        if len(drawn) != _SECRET:
            raise ValueError("the source of randomness is broken")
        return drawn


def split(status: int) -> tuple[int, int]:
    """A token's status as the number of its list and its place there."""
    return divmod(status, SIZE)
