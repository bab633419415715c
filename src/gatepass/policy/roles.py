"""A role, compiled: the live ceiling of every agent that acts in it.

The law: a role grants nothing by itself. It bounds what a credential may do, and names what a person has to be asked
about first. Narrowing it narrows every credential of its agents at once, those issued long ago too.

Roles have no meters: a budget belongs to a credential, which has a name, an owner and an end. Should a role's
authority carry caveats all the same, they are heeded like any other.
"""

from dataclasses import dataclass, field

from gatepass.authority import Authority

__all__ = ["RolePolicy"]


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """`authority` is the ceiling, of actions by name. `asks_person` is what waits for a person, within it or not."""

    name: str
    authority: Authority
    asks_person: Authority = field(default_factory=Authority)
