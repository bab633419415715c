"""Meters: caveats that count. They cannot be decided by looking, so they ask for a reservation.

The law: a meter belongs to the credential that introduced it, and its key says so (`crd_…/name`): whatever descends
from that credential carries the same key and draws on the same counter. The counter's key adds what is counted, so
that no two kinds ever share one. Whoever does not hold the counter refuses. What a meter would have to count but
cannot read, such as an amount that is missing or negative, it vetoes.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Self, TypeAlias

from gatepass import exact
from gatepass.access import UNKNOWN, Access, CredentialId, Json, MeterKind, PartialAccess, Reservation, Unknown, Veto
from gatepass.authority.caveats.kinds import Caveat, malformed, text, vetoed, whole
from gatepass.authority.scopes.notation import Path, path_of, path_text
from gatepass.authority.scopes.permissions import ABSENT, Absent, look_up
from gatepass.errors import Malformed

__all__ = ["Calls", "Meter", "Rate", "SingleUse", "Spending", "introduced_by", "meter_key"]

MAX_COUNT: Final = 1_000_000_000_000
MAX_PERIOD: Final = 366 * 86_400_000
_KEY: Final = re.compile(r"([A-Za-z0-9_.-]{1,128})/([a-z0-9_.-]{1,64})", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Za-z0-9._-]{1,16}", re.ASCII)


def meter_key(credential: CredentialId, name: str) -> str:
    """Make the key of a meter that `credential` introduces. Raises `Malformed`."""
    key = f"{credential}/{name}"
    _check_key(key)
    return key


def introduced_by(meter: str) -> CredentialId:
    """Name the credential that introduced the meter with this key."""
    return CredentialId(meter.partition("/")[0])


def _check_key(key: object) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise malformed("a meter's key is the credential that introduced it, a slash and a name")


def _check_count(value: object, most: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise malformed(f"{what}: expected a whole number from 1 to {most}")


def _is_positive(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value > 0


@dataclass(frozen=True, slots=True)
class Calls:
    """At most `limit` calls in the meter's whole life."""

    number: ClassVar[int] = 13
    meter: str
    limit: int

    def __post_init__(self) -> None:
        """Raise `Malformed` for a wrong key or count."""
        _check_key(self.meter)
        _check_count(self.limit, MAX_COUNT, "calls")

    def veto(self, _access: Access) -> Veto | None:
        """Never: the counter decides."""
        return None

    def may_hold(self, _partial: PartialAccess) -> bool:
        """A meter may have something left."""
        return True

    def reservation(self, _access: Access) -> Reservation:
        """One call."""
        return Reservation(f"{self.meter}/calls", MeterKind.TOTAL, Decimal(self.limit))

    def implies(self, other: Caveat) -> bool:
        """The same meter, with no more calls."""
        return isinstance(other, Calls) and self.meter == other.meter and self.limit <= other.limit

    def fields(self) -> tuple[Json, ...]:
        """`[meter, limit]`."""
        return (self.meter, Decimal(self.limit))

    @classmethod
    def read(cls, meter: Json, limit: Json) -> Self:
        """Undo `fields`."""
        return cls(text(meter, "meter"), whole(limit, "calls"))


@dataclass(frozen=True, slots=True)
class SingleUse:
    """Exactly one call."""

    number: ClassVar[int] = 14
    meter: str

    def __post_init__(self) -> None:
        """Raise `Malformed` for a wrong key."""
        _check_key(self.meter)

    def veto(self, _access: Access) -> Veto | None:
        """Never: the counter decides."""
        return None

    def may_hold(self, _partial: PartialAccess) -> bool:
        """A meter may have something left."""
        return True

    def reservation(self, _access: Access) -> Reservation:
        """The one call."""
        return Reservation(f"{self.meter}/use", MeterKind.TOTAL, Decimal(1))

    def implies(self, other: Caveat) -> bool:
        """The same meter."""
        return self == other

    def fields(self) -> tuple[Json, ...]:
        """`[meter]`."""
        return (self.meter,)

    @classmethod
    def read(cls, meter: Json) -> Self:
        """Undo `fields`."""
        return cls(text(meter, "meter"))


@dataclass(frozen=True, slots=True)
class Spending:
    """At most `limit` of `currency` in the meter's whole life, as the property `amount` counts it.

    `unit` is the property that has to say `currency`; None only where the upstream knows one currency. Vetoes an
    amount that is missing, not a number or negative, and every other currency: none of these could be counted.
    """

    number: ClassVar[int] = 15
    meter: str
    limit: Decimal
    currency: str
    amount: Path = ("amount",)
    unit: Path | None = ("currency",)

    def __post_init__(self) -> None:
        """Raise `Malformed` for a wrong key, limit, currency or property."""
        _check_key(self.meter)
        if not _is_positive(self.limit):
            raise malformed("spending needs a limit above zero")
        try:
            exact.number(exact.spell(self.limit))
            paths = [path_of(path_text(path)) for path in (self.amount, self.unit) if path is not None]
        except Malformed as error:
            raise malformed(f"spending: {error.message}") from None
        if paths[0] != self.amount or not _CURRENCY.fullmatch(self.currency):
            raise malformed("spending needs a currency and the property that holds the amount")

    def veto(self, access: Access) -> Veto | None:
        """Say that the amount cannot be counted."""
        return self._veto(look_up(access.properties, self.amount), self._unit_of(access))

    def _unit_of(self, access: Access) -> "Json | Absent":
        return self.currency if self.unit is None else look_up(access.properties, self.unit)

    def _veto(self, amount: "Json | Absent", unit: "Json | Absent") -> Veto | None:
        if not isinstance(amount, Decimal) or not amount.is_finite() or amount < 0:
            return vetoed(f"`{path_text(self.amount)}` is not an amount that can be counted")
        if unit != self.currency:
            return vetoed(f"the budget is in {self.currency}")
        return None

    def may_hold(self, partial: PartialAccess) -> bool:
        """An amount that is not known yet may be countable."""
        amount = _partly(partial, self.amount)
        unit = self.currency if self.unit is None else _partly(partial, self.unit)
        return (
            self._veto(
                self.limit if isinstance(amount, Unknown) else amount,
                self.currency if isinstance(unit, Unknown) else unit,
            )
            is None
        )

    def reservation(self, access: Access) -> Reservation:
        """The amount. Of an attempt that `veto` refuses, everything: it is never asked for."""
        amount = look_up(access.properties, self.amount)
        cost = amount if isinstance(amount, Decimal) and self.veto(access) is None else self.limit
        key = f"{self.meter}/spent/{self.currency}/{path_text(self.amount)}"
        return Reservation(key, MeterKind.TOTAL, self.limit, cost)

    def implies(self, other: Caveat) -> bool:
        """The same meter, with no more to spend."""
        return (
            isinstance(other, Spending)
            and (self.meter, self.currency, self.amount, self.unit)
            == (other.meter, other.currency, other.amount, other.unit)
            and self.limit <= other.limit
        )

    def fields(self) -> tuple[Json, ...]:
        """`[meter, limit, currency, amount, unit]`: the last two are names of properties, the very last may be null."""
        unit = None if self.unit is None else path_text(self.unit)
        return (self.meter, self.limit, self.currency, path_text(self.amount), unit)

    @classmethod
    def read(cls, meter: Json, limit: Json, currency: Json, amount: Json, unit: Json) -> Self:
        """Undo `fields`."""
        if not isinstance(limit, Decimal) or not isinstance(currency, str) or not isinstance(amount, str):
            raise malformed("spending needs a limit, a currency and a property")
        if not isinstance(unit, str | None):
            raise malformed("spending needs a currency's property or null")
        try:
            return cls(text(meter, "meter"), limit, currency, path_of(amount), None if unit is None else path_of(unit))
        except Malformed as error:
            raise malformed(error.message) from None


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` calls per `period` milliseconds, with a burst of `limit`."""

    number: ClassVar[int] = 16
    meter: str
    limit: int
    period: int

    def __post_init__(self) -> None:
        """Raise `Malformed` for a wrong key, count or period."""
        _check_key(self.meter)
        _check_count(self.limit, MAX_COUNT, "calls")
        _check_count(self.period, MAX_PERIOD, "the period")

    def veto(self, _access: Access) -> Veto | None:
        """Never: the counter decides."""
        return None

    def may_hold(self, _partial: PartialAccess) -> bool:
        """A meter may have something left."""
        return True

    def reservation(self, _access: Access) -> Reservation:
        """One call."""
        key = f"{self.meter}/rate/{self.period}"
        return Reservation(key, MeterKind.RATE, Decimal(self.limit), period=self.period)

    def implies(self, other: Caveat) -> bool:
        """The same meter and period, with no more calls."""
        return (
            isinstance(other, Rate)
            and (self.meter, self.period) == (other.meter, other.period)
            and self.limit <= other.limit
        )

    def fields(self) -> tuple[Json, ...]:
        """`[meter, limit, period]`, the period in milliseconds."""
        return (self.meter, Decimal(self.limit), Decimal(self.period))

    @classmethod
    def read(cls, meter: Json, limit: Json, period: Json) -> Self:
        """Undo `fields`."""
        return cls(text(meter, "meter"), whole(limit, "calls"), whole(period, "the period"))


Meter: TypeAlias = Calls | SingleUse | Spending | Rate


def _partly(partial: PartialAccess, path: Path) -> "Json | Absent | Unknown":
    if path[0] in partial.properties:
        return look_up(partial.properties, path)
    still_open = isinstance(partial.open_properties, Unknown) or path[0] in partial.open_properties
    return UNKNOWN if still_open else ABSENT
