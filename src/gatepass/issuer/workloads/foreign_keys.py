"""Other issuers' keys: fetched where a rule leads, kept for a while, and never believed for longer.

The law, of each place that keys come from:

    fresh    for 10 minutes what was fetched is used as it is
    unknown  a key that is not among them is looked for once more, at most every 30 seconds, whoever asks
    stale    keys that cannot be fetched again are used for an hour after they were, and then no more
    failing  after a failure nobody tries for 30 seconds; whoever needs keys meanwhile is refused

So a stranger with a made-up key id costs an issuer two requests a minute, and an issuer that is down stops new proofs
and nothing else. Places are those that operators wrote down, and those that the discovery documents of such places
name; what a token says (`jku`, `x5u`, an unknown `iss`) is never gone to. One fetch at a time for a place. Time comes
in as a clock.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.attestation import RuleKind, UnverifiedAssertion, keys_of
from gatepass.attestation.rules import check_url
from gatepass.errors import Error, Malformed, Unavailable
from gatepass.keys.jose import KeySet
from gatepass.registry import TrustRule

__all__ = ["FRESH", "GAP", "MOST_PLACES", "STALE", "Fetch", "ForeignKeys"]

FRESH: Final = 10 * 60_000
STALE: Final = 60 * 60_000
GAP: Final = 30_000
MOST_PLACES: Final = 256
_NEVER: Final = Instant(0)
_DISCOVERY: Final = "/.well-known/openid-configuration"


class Fetch(Protocol):
    """Fetches one small document."""

    async def __call__(self, url: str, *, private: bool) -> bytes:
        """The document, whole. Raises `Unavailable` (`issuer_keys_unavailable`)."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where keys come from. Two rules that lead to one place share what was fetched."""

    kind: RuleKind
    issuer: str
    url: str | None
    private: bool


@dataclass(slots=True)
class _Kept:
    keys: KeySet | None = None
    fetched: Instant = _NEVER
    tried: Instant | None = None
    why: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class ForeignKeys:
    """The keys of every issuer that a rule names."""

    fetch: Fetch
    clock: Callable[[], Instant]
    failures: Counter[str] = field(default_factory=Counter)
    """By issuer, of those that rules name: how often its keys could not be had."""
    _kept: "OrderedDict[_Place, _Kept]" = field(default_factory=OrderedDict)

    async def claims(self, rule: TrustRule, assertion: UnverifiedAssertion, /) -> Mapping[str, Json]:
        """What the token says, if a key of the rule's issuer signed it.

        Raises `Unauthenticated` (`signature_invalid`), `Malformed`, `Unavailable` (`issuer_keys_unavailable`).
        """
        kind = RuleKind(rule.kind)
        return assertion.claims_verified_by(await self._keys(rule, kind, assertion), kind)

    async def _keys(self, rule: TrustRule, kind: RuleKind, assertion: UnverifiedAssertion) -> KeySet:
        if rule.keys is not None:
            return keys_of(rule.keys, kind)
        place = _Place(kind, rule.issuer, rule.keys_url, rule.allow_private)
        kept = self._at(place)
        if self._serves(kept, assertion):
            return _held(kept)
        async with kept.lock:
            if not self._serves(kept, assertion):  # whoever waited finds what the one before has fetched
                await self._renew(place, kept)
        now = self.clock()
        if kept.keys is None or now - kept.fetched >= STALE:
            raise Unavailable("issuer_keys_unavailable", kept.why or "the issuer's keys cannot be fetched")
        return kept.keys

    def _serves(self, kept: _Kept, assertion: UnverifiedAssertion) -> bool:
        """Whether nothing has to be fetched for it, or nothing may be."""
        now = self.clock()
        if kept.keys is not None and now - kept.fetched < FRESH and assertion.key_in(kept.keys) is not None:
            return True
        resting = kept.tried is not None and 0 <= now - kept.tried < GAP
        return resting and kept.keys is not None and now - kept.fetched < STALE

    async def _renew(self, place: _Place, kept: _Kept) -> None:
        now = self.clock()
        if kept.tried is not None and 0 <= now - kept.tried < GAP:
            return
        kept.tried = now
        try:
            kept.keys = await self._fetched(place)
            kept.fetched, kept.why = now, ""
        except Error as fault:
            self.failures[place.issuer] += 1
            kept.why = fault.message

    async def _fetched(self, place: _Place) -> KeySet:
        url = place.url or await self._discovered(place)
        keys = keys_of(await self.fetch(url, private=place.private), place.kind)
        if not len(keys):
            raise Unavailable(
                "issuer_keys_unavailable", "the issuer's keys cannot be fetched: none of them can be used"
            )
        return keys

    async def _discovered(self, place: _Place) -> str:
        """OpenID Connect Discovery 1.0, section 4: the document is the issuer's own, and says so byte for byte."""
        document = exact.read(
            await self.fetch(place.issuer.rstrip("/") + _DISCOVERY, private=place.private),
            max_bytes=1 << 18,
            max_depth=8,
        )
        url = document.get("jwks_uri") if isinstance(document, Mapping) else None
        if not isinstance(document, Mapping) or document.get("issuer") != place.issuer or not isinstance(url, str):
            raise Malformed("malformed_json", "the issuer's discovery document is not its own, or names no keys")
        check_url(url, "jwks_uri")
        return url

    def _at(self, place: _Place) -> _Kept:
        kept = self._kept.setdefault(place, _Kept())
        self._kept.move_to_end(place)
        while len(self._kept) > MOST_PLACES:
            self._kept.popitem(last=False)
        return kept


def _held(kept: _Kept) -> KeySet:
    assert kept.keys is not None  # noqa: S101  asked before
    return kept.keys
