"""A role, compiled: the live ceiling of every agent that acts in it.

The law: a role grants nothing by itself. It bounds what a credential may do, and names what a person has to be asked
about first. Narrowing it narrows every credential of its agents at once, those issued long ago too.

Roles have no meters: a budget belongs to a credential, which has a name, an owner and an end. Should a role's
authority carry caveats all the same, they are heeded like any other.
"""

from dataclasses import dataclass, field
from functools import cached_property

from gatepass.access import Instant
from gatepass.authority import Authority
from gatepass.units import instant_text

__all__ = ["Bearers", "RolePolicy"]


@dataclass(frozen=True)
class Bearers:
    """An exception: until then the role's credentials need no proof of possession beyond reading, and why."""

    until: Instant
    because: str

    @cached_property
    def text(self) -> str:
        """As a decision names it."""
        return f"until {self.date}: {self.because}"

    @cached_property
    def date(self) -> str:
        """The end of it, as text."""
        try:
            return instant_text(self.until)
        except OverflowError:  # beyond what a calendar holds
            return str(self.until)


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """`authority` is the ceiling, of actions by name. `asks_person` is what waits for a person, within it or not."""

    name: str
    authority: Authority
    asks_person: Authority = field(default_factory=Authority)
    bearers: Bearers | None = None
    """Without it, whatever goes beyond reading needs a proof of possession."""
