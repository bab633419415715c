"""What an agent's limits mean for the tokens that it has: those that had them as given follow, tuned ones stay.

A token whose limits are what the agent's tokens started with gets what they start with now, in the same transaction.
One whose limits somebody set by hand keeps them, and the plan says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gatepass.access import CredentialId, Instant
from gatepass.administration.changes import Register
from gatepass.administration.configuration.plans import Change, Kind, Member, Step
from gatepass.administration.operators import Act
from gatepass.administration.tokens.terms import amended, check_ceiling, faster, offered, starting, told, widens
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord, refusal
from gatepass.errors import Denied, Malformed
from gatepass.registry import Agent, AgentLimits
from gatepass.revocation import Scope

__all__ = ["Terms", "follow", "limits_fault", "stay"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The deployment's own: what a token gets for which nothing is said, and the ceiling of all together."""

    defaults: TokenLimits
    account: Rate

    def of(self, stated: AgentLimits) -> TokenLimits:
        """What an agent's tokens start with."""
        return starting(offered(TokenKind.MACHINE, self.defaults), stated)

    def widens(self, before: AgentLimits, after: AgentLimits) -> bool:
        """Whether new tokens would start with more."""
        return widens(self.of(before), self.of(after))


def limits_fault(terms: Terms, stated: AgentLimits) -> str | None:
    """Why no token can start with these limits."""
    try:
        amended(terms.of(stated), {})
    except Malformed as fault:
        return fault.message
    return None


def follow(
    register: Register, terms: Terms, moved: Sequence[tuple[Agent, Agent]], now: Instant
) -> tuple[list[Change], list[tuple[str, str]]]:
    """The tokens that follow their agents; and the agents for which that is more than the deployment can give."""
    holding = {token.id: token for token in _held(register, now)}
    of_agents: dict[str, list[TokenRecord]] = {}
    for token in holding.values():
        of_agents.setdefault(str(token.agent), []).append(token)
    changes: list[Change] = []
    raised: dict[str, TokenRecord] = {}
    for before, wanted in moved:
        then, limits = terms.of(before.limits), terms.of(wanted.limits)
        for token in of_agents.get(before.id, ()) if then != limits else ():
            if token.limits != then:
                continue
            changed = replace(token, limits=limits)
            if faster(then.calls, limits.calls):
                raised[before.name] = token
            holding[token.id] = changed
            act = Act.WIDEN_TOKEN if widens(then, limits) else Act.NARROW_TOKEN
            changes.append(
                Change(
                    kind=Kind.TOKEN,
                    name=token.name,
                    step=Step.CHANGE,
                    members=_differing(then, limits),
                    acts=(act,),
                    before=token,
                    wanted=changed,
                    says=f"it has the limits of its agent `{before.name}`",
                )
            )
    return changes, list(_beyond(terms, holding, raised))


def _beyond(
    terms: Terms, holding: dict[CredentialId, TokenRecord], raised: Mapping[str, TokenRecord]
) -> Iterator[tuple[str, str]]:
    """The agents whose tokens would be faster than the deployment can give, with all that follows counted together."""
    for name, token in raised.items():
        others = (each for each in holding.values() if each.meters != token.meters)
        try:
            check_ceiling(terms.account, others, token.meters, holding[token.id].limits.calls)
        except Denied as error:
            yield name, f"its tokens would follow, but {error.message}"


def stay(register: Register, terms: Terms, before: Agent, wanted: Agent, now: Instant) -> Iterator[str]:
    """What is said of the tokens that do not follow, because they were given limits of their own."""
    then, limits = terms.of(before.limits), terms.of(wanted.limits)
    for token in _of(register, before, now) if then != limits else ():
        if token.limits not in (then, limits):
            yield f"token `{token.name}` keeps the limits that it was given by itself: gatepass token show {token.id}"


def _of(register: Register, agent: Agent, now: Instant) -> list[TokenRecord]:
    return [token for token in _held(register, now) if token.agent == agent.id]


def _held(register: Register, now: Instant) -> Iterator[TokenRecord]:
    """Tokens that may still be used, if not now then when their agent is enabled again."""
    for token in register.tokens.values():
        if refusal(token, now) is None and (Scope.CREDENTIAL, token.id) not in register.withdrawn:
            yield token


def _differing(before: TokenLimits, after: TokenLimits) -> tuple[Member, ...]:
    then, now = told(before), told(after)
    names = dict.fromkeys((*then, *now))
    return tuple(
        Member(f"limits.{name}", then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)
    )
