"""All of it as one value."""

from dataclasses import dataclass
from typing import Self

from gatepass.administration.changes import Desk
from gatepass.administration.trust.keys import AgentKeys
from gatepass.administration.trust.rules import TrustRules
from gatepass.administration.trust.trying import Proves, Trials

__all__ = ["Trust"]


@dataclass(frozen=True, slots=True)
class Trust:
    """What can be done about whom we believe."""

    rules: TrustRules
    keys: AgentKeys
    trials: Trials

    @classmethod
    def of(cls, desk: Desk, proves: Proves, ours: frozenset[str]) -> Self:
        """Its parts around one desk. `ours` are the audiences of tokens that are meant for us."""
        return cls(TrustRules(desk, ours), AgentKeys(desk), Trials(desk, proves, ours))
