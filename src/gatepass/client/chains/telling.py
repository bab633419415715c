"""What a chain says of itself, in words: who may do what, where, how often, until when.

The law: these are the chain's own words. Nothing was verified, and no key is in them. A condition that this version
cannot read is told as what it is: it forbids everything.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from gatepass import exact
from gatepass.access import Instant
from gatepass.authority import (
    All,
    Approved,
    Attested,
    Audience,
    Calls,
    Caveat,
    Expires,
    Grant,
    Log,
    Networks,
    NotBefore,
    Permission,
    Purpose,
    Rate,
    Run,
    SingleUse,
    Spending,
    SubjectKey,
    Weekly,
    Within,
)
from gatepass.credentials.capability.links import MOST_LINK, Link, Root, Seal
from gatepass.credentials.capability.text import UnverifiedCapability
from gatepass.keys.jose.fixed import FixedJws
from gatepass.units import rate_text

__all__ = ["Told", "in_words", "tell"]

_COMPARED: Final = re.compile(r"(.*?)(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL)
_OPERATORS: Final[Mapping[str, str]] = {
    "=": "is",
    "!=": "is not",
    "<=": "is at most",
    ">=": "is at least",
    "<": "is below",
    ">": "is above",
    "~": "lies within",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A chain, told. Nothing of it was verified."""

    root: Root
    links: tuple[Link, ...]
    """All of them, the issuer's first."""
    seal: Seal | None

    @property
    def expires(self) -> Instant:
        """When the chain as it is ends."""
        return self.links[-1].expires if self.seal is None else self.seal.expires

    @property
    def holder(self) -> str:
        """The thumbprint of the key that can use it, and add to it."""
        return self.links[-1].holder.thumbprint

    @property
    def may(self) -> tuple[str, ...]:
        """One line a grant of the last link."""
        return tuple(map(in_words, self.links[-1].authority.grants))


def tell(chain: UnverifiedCapability) -> Told:
    """Read every link, and verify none. Raises `Malformed`."""
    payloads = [FixedJws(text, MOST_LINK).unverified_payload for text in chain.links]
    root = Root.read(payloads[0])
    seal = None if chain.seal is None else Seal.read(FixedJws(chain.seal, MOST_LINK).unverified_payload)
    return Told(root=root, links=(root, *map(Link.read, payloads[1:])), seal=seal)


def in_words(grant: Grant) -> str:
    """`refund of orders order-12345, where amount is at most 50; once`."""
    return "; ".join((_permission(grant.permission), *map(_caveat, grant.conditions)))


def _permission(permission: Permission) -> str:
    what = f"{permission.action} of {permission.type}"
    where = "" if permission.pattern is None else f" {permission.pattern}"
    limits = [_compared(part) for limit in permission.limits for part in str(limit).split("&")]
    return f"{what}{where}" + (f", where {' and '.join(limits)}" if limits else "")


def _compared(text: str) -> str:
    found = _COMPARED.fullmatch(text)
    if found is None:
        return text
    name, operator, value = found.groups()
    return f"{name} {_OPERATORS[operator]} {value.replace('#', '').replace('|', ' or ')}"


def _caveat(caveat: Caveat) -> str:
    tell_it = _WORDS.get(type(caveat))
    return "nothing, for a condition cannot be read" if tell_it is None else tell_it(caveat)


def _when(at: Instant) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _any_of(values: frozenset[str]) -> str:
    return " or ".join(sorted(values))


def _amount(value: Decimal) -> str:
    return exact.spell(value)


_WORDS: Final[Mapping[type, Callable[[Any], str]]] = {
    Expires: lambda it: f"until {_when(it.at)}",
    NotBefore: lambda it: f"from {_when(it.at)} on",
    Weekly: lambda it: f"only {', '.join(map(str, it.windows))} on the clock of {it.zone}",
    Networks: lambda it: f"only from {', '.join(map(str, it.networks))}",
    Audience: lambda it: f"only at {_any_of(it.names)}",
    Run: lambda it: f"only in the run {it.fields()[0]}",
    SubjectKey: lambda it: f"only with a proof of the key {it.thumbprint}",
    Attested: lambda it: f"only where {', '.join(sorted(it.evidence))} was verified",
    Approved: lambda it: "only with a person's approval" if it.by is None else f"only approved by {_any_of(it.by)}",
    Purpose: lambda it: f"only for the purpose {_any_of(it.purposes)}",
    Log: lambda it: f"under the duty `{it.obligation}`",
    All: lambda it: ", ".join(map(_caveat, it.parts)),
    Calls: lambda it: f"at most {it.limit} calls in all",
    SingleUse: lambda _it: "once",
    Spending: lambda it: f"at most {_amount(it.limit)} {it.currency} in all",
    Rate: lambda it: f"at most {rate_text(it.limit, it.period)} calls",
    Within: lambda it: f"within {it.permission}",
}
