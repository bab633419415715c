"""From a token of another issuer to the agent that it proves.

The law, in this order: a rule names the token's issuer; a key of that issuer signed it; the rule's every check holds;
all rules that accept it name one agent. Unless the rule says otherwise the token then counts once: its use is claimed
last of all, by whoever issues, so that a request that is refused spends nothing. Whoever fails hears one sentence,
whatever failed: a stranger learns nothing about the rules. Operators ask `gatepass trust test`.

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
from gatepass.errors import Denied, Error, Malformed, Unauthenticated, Unavailable
from gatepass.issuer.clients import Use
from gatepass.issuer.workloads.asked import Assertion, Proven
from gatepass.issuer.workloads.foreign_keys import ForeignKeys
from gatepass.issuer.workloads.trusted import Trusted
from gatepass.registry import TrustRule

__all__ = ["Proving", "agent_named", "parsed", "refused", "use_of"]

_LATEST: Final = Instant(1 << 62)


@dataclass(slots=True, kw_only=True)
class Proving:
    """Proves who somebody is."""

    trusted: Trusted
    keys: ForeignKeys
    clock: Callable[[], Instant]

    async def prove(self, asked: Assertion, code: str) -> Proven:
        """Whom the assertion proves.

        Raises `Unauthenticated` or `Denied` with `code`, and `Unavailable` where an issuer's keys cannot be had.
        """
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
            raise refused(code)
        return min(accepting, key=_strictness)

    def _judged(self, record: TrustRule, rule: Rule, claims: Mapping[str, Json], asked: Assertion) -> Proven | None:
        if record.audience is None:
            rule = replace(rule, audiences=asked.audiences)
        verdict = judge(rule, claims, self.clock())
        if verdict.agent is None or asked.agent not in {None, verdict.agent}:
            return None
        evidence = evidence_of(rule, claims, asked.said.digest)
        return Proven(
            rule=record,
            agent=verdict.agent,
            evidence=evidence,
            claims=claims,
            use=use_of(evidence.issuer, evidence.token, asked.said.digest, _expiry(claims)),
        )


def parsed(text: str, code: str) -> UnverifiedAssertion:
    """A token that can be read at all. Raises `Unauthenticated` or `Denied` with `code`."""
    try:
        return UnverifiedAssertion.parse(text)
    except Malformed:
        raise refused(code) from None


def use_of(issuer: str, token: str | None, digest: str, expires: Instant) -> Use:
    """What a use is remembered by, until the token would be too old anyway."""
    said = f"id\0{issuer}\0{token}" if token is not None else f"digest\0{issuer}\0{digest}"
    used = hashlib.sha256(b"gatepass assertion\0" + said.encode("utf-8", "replace")).digest()
    return Use(used, Instant(expires + TOLERANCE))


def _strictness(proven: Proven) -> tuple[bool, bool, int, str]:
    """Of several rules that prove the same, the strictest counts."""
    rule = proven.rule
    return not (rule.single_use or rule.reproof), not rule.reproof, rule.longest_life or _LATEST, rule.name


def _expiry(claims: Mapping[str, Json]) -> Instant:
    seconds = claims.get("exp")
    return Instant(int(seconds * 1000)) if isinstance(seconds, Decimal) else Instant(0)


def refused(code: str, why: str = "the assertion proves no agent of this deployment", hint: str | None = None) -> Error:
    """A client that is none, or a grant that is none."""
    family = Denied if code == "grant_invalid" else Unauthenticated
    return family(code, why, hint=_ASK if hint is None else hint)


_ASK: Final = "Ask an operator for a trust rule that accepts this identity; `gatepass trust test` shows why none does."


def agent_named(names: Callable[[str], AgentId | None], ref: str | None, code: str) -> AgentId | None:
    """The agent that a request names. Raises `Unauthenticated` or `Denied` with `code` for one that is not there."""
    if ref is None:
        return None
    found = names(ref)
    if found is None:
        raise refused(code)
    return found
