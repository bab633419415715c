"""Which keys there should be at an instant: one that signs, and the one after it, known to everybody beforehand.

The law: whenever a key signs, the next one is published already. So a rotation by schedule and one in an emergency are
the same to everybody else: the key that is used next is one that they have. Pure: from the records and the time to the
records that have to change.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from gatepass.access import Instant
from gatepass.keys.issuing.records import IssuerKey, KeyState

__all__ = ["promoted", "scheduled", "signing_now"]

Make = Callable[[Instant], IssuerKey]
"""A new key that signs from an instant on."""


def signing_now(keys: Iterable[IssuerKey], now: Instant) -> IssuerKey | None:
    """The key that signs at `now`: of several, the one that began last."""
    return max(_in(keys, now, KeyState.CURRENT), key=lambda key: (key.begins, key.id), default=None)


def scheduled(keys: Iterable[IssuerKey], now: Instant, *, period: int, make: Make) -> tuple[IssuerKey, ...]:
    """The keys to be put so that one signs now and another follows after `period` (milliseconds). None: all is well."""
    held = tuple(keys)
    puts: dict[str, IssuerKey] = {}
    current = signing_now(held, now)
    if current is None:
        following = _following(held, now)
        current = make(now) if following is None else replace(following, begins=now, ends=None)
        puts[current.id] = current
        held = (*(key for key in held if key.id != current.id), current)
    if _following(held, now) is None:
        following = make(Instant(max(current.begins + period, now + 1)))
        puts[following.id] = following
        puts[current.id] = replace(current, ends=following.begins)
    return tuple(puts.values())


def promoted(keys: Iterable[IssuerKey], now: Instant) -> tuple[IssuerKey, ...]:
    """The keys to be put so that the next one signs from `now` on. Nothing, where there is no next one."""
    held = tuple(keys)
    following = _following(held, now)
    if following is None:
        return ()
    ending = [replace(key, ends=now) for key in _in(held, now, KeyState.CURRENT)]
    return (*ending, replace(following, begins=now, ends=None))


def _following(keys: Iterable[IssuerKey], now: Instant) -> IssuerKey | None:
    return min(_in(keys, now, KeyState.NEXT), key=lambda key: (key.begins, key.id), default=None)


def _in(keys: Iterable[IssuerKey], now: Instant, state: KeyState) -> list[IssuerKey]:
    return [key for key in keys if key.state(now) is state]
