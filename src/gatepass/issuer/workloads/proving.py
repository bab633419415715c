"""From a token of another issuer to the agent that it proves.

The law, in this order: a rule names the token's issuer; a key of that issuer signed it; the rule's every check holds;
all rules that accept it name one agent; and, unless the rule says otherwise, the token has not been used before, here
or in any other process. Whoever fails hears one sentence, whatever failed: a stranger learns nothing about the rules.
Operators ask `gatepass trust test`.

A use is remembered by the token's issuer and id, or without an id by what was signed; never by its text, of which a
holder could make another one.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from gatepass.access import AgentId, Instant, Json
from gatepass.attestation import Rule, UnverifiedAssertion, evidence_of, judge
from gatepass.attestation.matching import TOLERANCE
from gatepass.credentials.proofs import ReplayStore
from gatepass.errors import Error, Malformed, Unauthenticated, Unavailable
from gatepass.issuer.workloads.asked import Assertion, Proven
from gatepass.issuer.workloads.foreign_keys import ForeignKeys
from gatepass.issuer.workloads.trusted import Trusted
from gatepass.registry import TrustRule

__all__ = ["Proving", "agent_named", "parsed", "use_of"]

_LATEST: Final = Instant(1 << 62)


@dataclass(slots=True, kw_only=True)
class Proving:
    """Proves who somebody is."""

    trusted: Trusted
    keys: ForeignKeys
    replays: ReplayStore
    clock: Callable[[], Instant]

    async def prove(self, asked: Assertion, code: str) -> Proven:
        """Whom the assertion proves. Spends it.

        Raises `Unauthenticated` with `code`, and `Unavailable` where an issuer's keys cannot be had.
        """
        found = await self.accepted(asked, code)
        if found.rule.single_use:
            await self.spend(found, asked.said, code)
        return found

    async def accepted(self, asked: Assertion, code: str) -> Proven:
        """The same without spending it."""
        accepting: list[Proven] = []
        unavailable: Unavailable | None = None
        checked: dict[tuple[object, ...], Mapping[str, Json] | None] = {}
        for record, rule in self.trusted.for_assertion(asked.said, asked.agent):
            place = (rule.kind, record.issuer, record.keys_url, record.keys, record.allow_private)
            if place not in checked:
                try:
                    checked[place] = await self.keys.claims(record, asked.said)
                except Unavailable as fault:
                    checked[place], unavailable = None, fault
                except (Malformed, Unauthenticated):
                    checked[place] = None
            claims = checked[place]
            if claims is not None and (proven := self._judged(record, rule, claims, asked)) is not None:
                accepting.append(proven)
        if len({each.agent for each in accepting}) != 1:
            if not accepting and unavailable is not None:
                raise unavailable
            raise _refused(code)
        return min(accepting, key=_strictness)

    async def spend(self, proven: Proven, said: UnverifiedAssertion, code: str) -> None:
        """Claim its one use. Raises `Unauthenticated` for every further one."""
        use = use_of(proven.evidence.issuer, proven.evidence.token, said.digest)
        if not await self.replays.first(use, Instant(proven.expires + TOLERANCE)):
            raise Unauthenticated(code, "the assertion was used before", hint=_ANOTHER)

    def _judged(self, record: TrustRule, rule: Rule, claims: Mapping[str, Json], asked: Assertion) -> Proven | None:
        if record.audience is None:
            rule = replace(rule, audiences=asked.audiences)
        verdict = judge(rule, claims, self.clock())
        if verdict.agent is None or asked.agent not in {None, verdict.agent}:
            return None
        return Proven(
            rule=record,
            agent=verdict.agent,
            evidence=evidence_of(rule, claims, asked.said.digest),
            claims=claims,
            expires=_expiry(claims),
        )


def parsed(text: str, code: str) -> UnverifiedAssertion:
    """A token that can be read at all. Raises `Unauthenticated` with `code`."""
    try:
        return UnverifiedAssertion.parse(text)
    except Malformed:
        raise _refused(code) from None


def use_of(issuer: str, token: str | None, digest: str) -> bytes:
    """What a use is remembered by: 32 bytes."""
    said = f"id\0{issuer}\0{token}" if token is not None else f"digest\0{issuer}\0{digest}"
    return hashlib.sha256(b"gatepass assertion\0" + said.encode("utf-8", "replace")).digest()


def _strictness(proven: Proven) -> tuple[bool, bool, int, str]:
    """Of several rules that prove the same, the strictest counts."""
    rule = proven.rule
    return not rule.single_use, not rule.reproof, rule.longest_life or _LATEST, rule.name


def _expiry(claims: Mapping[str, Json]) -> Instant:
    seconds = claims.get("exp")
    return Instant(int(seconds * 1000)) if isinstance(seconds, Decimal) else Instant(0)


def _refused(code: str) -> Error:
    return Unauthenticated(code, "the assertion proves no agent of this deployment", hint=_ASK)


_ASK: Final = "Ask an operator for a trust rule that accepts this identity; `gatepass trust test` shows why none does."
_ANOTHER: Final = "Get a new token from your issuer: each counts once here."


def agent_named(names: Callable[[str], AgentId | None], ref: str | None, code: str) -> AgentId | None:
    """The agent that a request names. Raises `Unauthenticated` with `code` for one that is not there."""
    if ref is None:
        return None
    found = names(ref)
    if found is None:
        raise _refused(code)
    return found
