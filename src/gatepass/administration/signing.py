"""The issuer's signing keys: kept in step with the time, rotated by hand, withdrawn in an emergency.

The law: a key is published before it signs, and no tending ever leaves the issuer without a key. A withdrawal is in
force before it is recorded, as every other: what the key has signed is refused in the same instant, and the next key,
which everybody has, signs from then on. Nobody ever sees a private half.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gatepass.access import Instant
from gatepass.administration.changes import Desk, Turn, missing
from gatepass.administration.operators import Act, Operator
from gatepass.errors import Conflict, Malformed
from gatepass.keys import IssuerKey
from gatepass.keys.issuing import KeyState, promoted, scheduled, signing_now
from gatepass.revocation import Scope

__all__ = ["KeyMaker", "SigningKeys"]

LONGEST_REASON: Final = 200


class KeyMaker(Protocol):
    """Makes and re-wraps keys; cannot be asked to sign. `keys.IssuerKeys` is one."""

    def make(self, at: Instant, begins: Instant) -> IssuerKey:
        """A new key that signs from `begins` on."""
        ...

    def current(self, key: IssuerKey) -> bool:
        """Whether it is wrapped under the current key-encryption key."""
        ...

    def rewrap(self, key: IssuerKey) -> IssuerKey:
        """The same under the current key-encryption key."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What can be done with them. `period` is how long a key signs, in milliseconds."""

    desk: Desk
    maker: KeyMaker
    period: int

    async def tend(self) -> bool:
        """Make what is missing, forget what is long over, wrap anew what an old key wraps. Whether anything changed."""
        if self._in_order():
            return False
        async with self.desk.system_turn() as turn:
            held = tuple(self.desk.register.signing.values())
            over = [key for key in held if key.forgettable(turn.at)]
            left = [key for key in held if not key.forgettable(turn.at)]
            puts = {key.id: key for key in scheduled(left, turn.at, period=self.period, make=self._make(turn))}
            for key in left:
                known = puts.get(key.id, key)
                if not self.maker.current(known):
                    puts[key.id] = self.maker.rewrap(known)
            entries = [
                turn.entry("signing_key.made", key.id, {"begins": str(key.begins)})
                for key in puts.values()
                if key.id not in self.desk.register.signing
            ]
            await turn.commit(*entries, puts=tuple(puts.values()), removals=over)
            return bool(puts or over)

    async def all(self, operator: Operator) -> tuple[IssuerKey, ...]:
        """All that are kept, the latest to sign first."""
        await self.desk.permit(operator, Act.READ)
        return tuple(sorted(self.desk.register.signing.values(), key=lambda key: (key.begins, key.id), reverse=True))

    def one(self, ref: str) -> IssuerKey:
        """By its id. Raises `NotFound`."""
        found = self.desk.register.signing.get(ref)
        if found is None:
            raise missing("signing key", ref)
        return found

    async def rotate(self, operator: Operator) -> IssuerKey:
        """Let the next key sign from now on. The one before verifies until what it has signed is over."""
        async with self.desk.turn(operator, Act.ROTATE_SIGNING_KEY) as turn:
            return await self._promote(turn, "signing_key.rotated", {})

    async def withdraw(self, operator: Operator, ref: str, because: str = "") -> IssuerKey:
        """Refuse everything that a key has signed, at once. Where it was the one that signs, the next one does now."""
        if len(because) > LONGEST_REASON or not because.isprintable():
            raise Malformed("malformed_request", f"`because` is not one line of at most {LONGEST_REASON} characters")
        actor = await self.desk.permit(operator, Act.WITHDRAW_SIGNING_KEY)
        self.one(ref)
        async with self.desk.in_force(lambda: [(Scope.KEY, ref)], actor.id, operator) as turn:
            key = self.one(ref)
            if key.withdrawn is not None:
                return key
            withdrawn = replace(key, withdrawn=turn.at, because=because or None)
            left = [each for each in self.desk.register.signing.values() if each.id != ref]
            puts = {each.id: each for each in scheduled(left, turn.at, period=self.period, make=self._make(turn))}
            details = {"because": because, "signs_now": self._signs(turn, (*left, *puts.values()))}
            entry = turn.entry("signing_key.withdrawn", ref, details)
            await turn.commit(entry, puts=(withdrawn, *puts.values()))
            return withdrawn

    # -- steps

    def _in_order(self) -> bool:
        now, held = self.desk.clock(), tuple(self.desk.register.signing.values())
        states = [key.state(now) for key in held]
        return (
            {KeyState.CURRENT, KeyState.NEXT} <= set(states)
            and not any(key.forgettable(now) for key in held)
            and all(map(self.maker.current, held))
        )

    async def _promote(self, turn: Turn, event: str, details: dict[str, str]) -> IssuerKey:
        held = {key.id: key for key in self.desk.register.signing.values()}
        puts = {key.id: key for key in promoted(held.values(), turn.at)}
        if not puts:
            raise Conflict("conflict", "there is no next key yet", hint="Try again in a second.")
        held |= puts
        puts |= {key.id: key for key in scheduled(held.values(), turn.at, period=self.period, make=self._make(turn))}
        signs = signing_now(puts.values(), turn.at)
        if signs is None:
            raise Conflict("conflict", "there is no next key yet", hint="Try again in a second.")
        await turn.commit(turn.entry(event, signs.id, details), puts=tuple(puts.values()))
        return signs

    def _signs(self, turn: Turn, keys: tuple[IssuerKey, ...]) -> str:
        latest = {key.id: key for key in keys}
        signs = signing_now(latest.values(), turn.at)
        return "" if signs is None else signs.id

    def _make(self, turn: Turn) -> Callable[[Instant], IssuerKey]:
        return lambda begins: self.maker.make(turn.at, begins)
